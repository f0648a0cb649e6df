"""The tables that the UI shows: right figures, and no value of a record."""

import pyarrow as pa

from crm_pipeline.identity import evidence
from crm_pipeline.identity.figures import Figures, describe


def _cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_sizes_are_shown_with_bars_that_are_in_proportion():
    rows = _cells(evidence.sizes_table(Figures(0, 0, 0.0, 0, 0, person_sizes={3: 1, 1: 3_000, 2: 1_500})))[2:]
    assert [row[:2] for row in rows] == [["1", "3,000"], ["2", "1,500"], ["3", "1"]]
    assert [len(row[2]) for row in rows] == [30, 15, 1]


def test_links_are_shown_with_their_share():
    rows = _cells(evidence.links_table(Figures(8, 0, 0.0, 0, 0, linked_by={"loyalty_id": 6, "alone": 2})))[2:]
    assert rows == [["loyalty id", "6", "75.0%"], ["alone", "2", "25.0%"]]


def test_without_records_the_tables_are_empty():
    nothing = Figures(0, 0, 0.0, 0, 0)
    assert len(_cells(evidence.sizes_table(nothing))) == len(_cells(evidence.links_table(nothing))) == 2


def test_customer_records_are_counted_by_themselves_as_well():
    records = ["s|customer|1", "s|customer|2", "s|guest|1", "s|guest|2"]
    truth = pa.table({"record_id": records, "person": ["P"] * 4})
    together = pa.table({"record_id": records, "customer_id": ["C1", "C1", "C1", "C2"]})
    alone = pa.table({"record_id": records, "customer_id": ["C1", "C2", "C3", "C4"]})
    rows = _cells(evidence.accuracy_table({"all": together, "none": alone}, truth))[2:]
    assert rows == [
        ["all", "customer records", "2", "1.0000", "1.0000", "1.0000"],
        ["none", "customer records", "2", "1.0000", "0.0000", "0.0000"],
        ["all", "all records", "4", "1.0000", "0.5000", "0.6667"],
        ["none", "all records", "4", "1.0000", "0.0000", "0.0000"],
    ]


def test_figures_describe_a_person_map():
    person_map = pa.table(
        {
            "customer_key": pa.array([1, 1, 1, 2, 2, 3], pa.int64()),
            "linked_by": ["email", "email", "phone", "email", "email", "alone"],
        }
    )
    found = describe(person_map, conflicts=4, review=5)
    assert (found.records, found.people, found.largest_person, found.conflicts, found.review) == (6, 3, 3, 4, 5)
    assert found.linked_share == 5 / 6
    assert next(iter(found.linked_by.items())) == ("email", 4)
    assert found.person_sizes == {1: 1, 2: 1, 3: 1}


def test_no_value_of_a_record_is_in_a_conflict_or_in_the_evidence(resolve_rows):
    rows = [(f"s|guest|{n}", "phone", "+442079460018", 1) for n in range(12)]
    rows += [(f"s|guest|{n}", "email", f"secret{n // 2}@mail.example", 1) for n in range(12)]
    result = resolve_rows(rows)
    for table in (result.edges, result.conflicts, result.person_map, result.review, result.merge_ledger):
        text = str(table.to_pylist())
        assert "secret" not in text
        assert "79460018" not in text
