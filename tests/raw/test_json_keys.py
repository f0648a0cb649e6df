"""Writers of JSON leave out what is empty: a key that is nowhere in a file is empty, unless it is misspelt."""

import pytest

from crm_pipeline.raw.check_sources import check_sources
from tests.raw.conftest import ORDERS, RUN_TIME

COLUMNS = {"order_id": "id", "ordered_at": "at", "email": "mail", "status": {"sql": "coalesce(state, 'completed')"}}


@pytest.fixture
def documents(shop):
    shop.configure(ORDERS | {"columns": COLUMNS, "deleted_when": "deleted_at is not null"})
    return shop


def complaints(shop):
    return [
        (one.column, one.problem, one.remedy) for one in check_sources(shop.dataset, RUN_TIME).sources[0].complaints
    ]


def test_a_key_that_no_record_of_a_file_has_is_empty_also_in_expressions(documents):
    documents.deliver("orders1.json", '[{"id": 1, "at": "2024-01-01"}]')
    documents.deliver("orders2.jsonl", '{"id": 2, "at": "2024-01-01", "mail": "a@x.example", "state": "cancelled"}')
    documents.load()
    assert documents.query("select order_id, email, status from {orders} order by 1") == [
        ("1", None, "completed"),
        ("2", "a@x.example", "cancelled"),
    ]
    assert complaints(documents) == []


def test_a_key_that_no_file_ever_had_is_named_until_it_is_called_optional(documents):
    documents.deliver("orders.jsonl", '{"id": 1, "at": "2024-01-01", "e_mail_1": "a@x.example"}')
    ((column, problem, remedy),) = complaints(documents)
    assert (column, problem) == ("email", "No file has the key 'mail'.")
    assert remedy.startswith(
        "Did you mean 'e_mail_1'? Correct columns.email of the source shop, or write `optional: true`"
    )
    columns = COLUMNS | {"email": {"from": "mail", "optional": True}}
    documents.configure(ORDERS | {"columns": columns})
    assert complaints(documents) == []


def test_the_object_around_a_key_is_no_other_spelling_of_it(documents):
    documents.configure(ORDERS | {"columns": COLUMNS | {"email": "contact.at"}})
    documents.deliver("orders1.jsonl", '{"id": 1, "at": "2024-01-01", "contact": {"at": "a@x.example"}}')
    documents.deliver("orders2.jsonl", '{"id": 2, "at": "2024-01-01", "contact": null}')
    assert complaints(documents) == []


def test_a_run_tells_a_key_that_is_nowhere_beside_one_that_nothing_reads(documents):
    documents.configure(ORDERS | {"columns": COLUMNS | {"email": "emial"}})
    documents.deliver("orders.jsonl", '{"id": 1, "at": "2024-01-01", "email": "a@x.example"}')
    documents.load()
    assert len(complaints(documents)) == 1
    assert (
        "has the key 'emial'. 'email' is read by nothing: correct the mapping"
        in documents.entry("orders.jsonl").problem
    )


def test_a_misspelt_required_key_still_refuses(documents):
    documents.deliver("orders.jsonl", '{"ID": 1, "at": "2024-01-01"}')
    documents.load()
    assert "has the key 'id' (mapped to order_id)" in documents.entry("orders.jsonl").problem
