"""What the manifest says of tables: who may read them, what is personal by whose word, and what joins what."""

import json

import pytest

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.catalogue import Catalogue, Join
from crm_pipeline.dbt.project import manifest

PII = {"config": {"meta": {"classification": "pii"}}, "description": "Personal."}
PLAIN = {"description": "Not personal."}


def source(**columns):
    return {"resource_type": "source", "schema": "raw", "name": "customers", "columns": columns}


def model(name, parents, access="protected", schema="customer", **columns):
    return {
        "resource_type": "model", "schema": schema, "name": name, "access": access, "columns": columns,
        "description": f"One row per\n{name}.", "depends_on": {"nodes": parents},
    }  # fmt: skip


def rule(node, kind, **given):
    metadata = {"name": kind, "kwargs": given}
    return {"resource_type": "test", "attached_node": node, "test_metadata": metadata}


NODES = {
    "profiles": model("profiles", ["raw"], email=PLAIN, mail_box=PII, key=PLAIN, town=PLAIN),
    "dim_people": model(
        "dim_people", ["profiles"], "public", person_key=PLAIN, email=PLAIN, mail_box=PLAIN, town=PLAIN
    ),
    "mart": model(
        "mart", ["dim_people"], "public", "marts", person_key=PLAIN, brought_by_person_key=PLAIN, town=PLAIN, kind=PLAIN
    ),
    "unlisted": model("unlisted", ["raw"]),
    "behind_unlisted": model("behind_unlisted", ["unlisted"], phone=PLAIN),
    "helper": model("helper", ["dim_people"], "protected", "marts", email=PLAIN),
    "kinds": {
        "resource_type": "seed",
        "schema": "marts",
        "name": "kinds",
        "description": "",
        "columns": {"kind": PLAIN},
    },
    "t1": rule("dim_people", "unique", column_name="person_key"),
    "t2": rule("mart", "unique_combination", columns=["person_key", "kind"]),
    "t3": rule("mart", "relationships", column_name="kind", to="ref('kinds')", field="kind"),
}


@pytest.fixture
def catalogue(tmp_path):
    def read(**columns):
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps({"nodes": NODES, "sources": {"raw": source(**columns)}}))
        return Catalogue(path)

    return read


def test_public_models_and_seeds_are_published_and_no_helpers(catalogue):
    tables = catalogue(email=PII).published
    assert [table.label for table in tables] == ["customer.dim_people", "marts.kinds", "marts.mart"]
    assert tables[0].description == "One row per dim_people."


def test_what_a_contract_classifies_is_personal_in_whatever_takes_it_over(catalogue):
    told = catalogue(email=PII)
    assert {table.name: set(table.personal) for table in told.published} == {
        "dim_people": {"email", "mail_box"}, "mart": set(), "kinds": set(),
    }  # fmt: skip
    assert told.personal("helper") == {"email"}


def test_a_table_that_does_not_list_its_columns_passes_on_what_a_contract_classifies(catalogue):
    assert catalogue(phone=PII).personal("behind_unlisted") == {"phone"}


def test_a_column_that_a_contract_newly_classifies_is_personal_at_once(catalogue):
    assert {table.name: set(table.personal) for table in catalogue(town=PII).published} == {
        "dim_people": {"mail_box", "town"},
        "mart": {"town"},
        "kinds": set(),
    }


def test_of_what_is_no_table_every_personal_name_counts(catalogue):
    assert catalogue(email=PII).personal(None) == {"email", "mail_box"}


def test_keys_are_what_tests_and_names_say(catalogue):
    (mart,) = (table for table in catalogue(email=PII).published if table.name == "mart")
    assert mart.keys == (("person_key", "kind"),)
    assert mart.joins == (
        Join("person_key", "customer.dim_people", "person_key"),
        Join("brought_by_person_key", "customer.dim_people", "person_key"),
        Join("kind", "marts.kinds", "kind"),
    )


@pytest.fixture(scope="module")
def project():
    return Catalogue(manifest(Settings()))


def test_no_published_column_is_called_like_a_personal_one_of_a_contract_without_being_one(project):
    personal = {column.name for contract in contracts().values() for column in contract.columns if column.pii}
    loose = [
        f"{table.label}.{name}"
        for table in project.published
        for name in personal & set(table.columns)
        if name not in table.personal
    ]
    assert loose == []


def test_each_published_table_says_what_it_and_its_columns_are_and_what_its_key_is(project):
    assert [table.label for table in project.published if not table.description or not table.keys] == []
    assert [
        f"{table.label}.{name}" for table in project.published for name, text in table.columns.items() if not text
    ] == []
