from datetime import date

import pyarrow.parquet as pq

from crm_pipeline.identity.merges import append_moves

ANN = [("web|customer|1", "email", "ann@mail.example", 1)]
TILL = [("till|customer|1", "phone", "+447700900123", 2)]
BRIDGE = [("app|customer|1", "email", "ann@mail.example", 3), ("app|customer|1", "phone", "+447700900123", 3)]
MARCH, APRIL, MAY = date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31)


def test_a_merge_is_written_down_once(resolve_rows, people):
    apart = resolve_rows(ANN + TILL, as_of=MARCH)
    merged = resolve_rows(ANN + TILL + BRIDGE, previous=apart, as_of=APRIL)
    again = resolve_rows(ANN + TILL + BRIDGE, previous=merged, as_of=MAY)
    assert [row for row in merged.merge_ledger.to_pylist() if row["kind"] == "merge"] == [
        {
            "record_id": "till|customer|1",
            "from_customer_id": people(apart)["till|customer|1"],
            "to_customer_id": people(apart)["web|customer|1"],
            "as_of_date": APRIL,
            "kind": "merge",
        }
    ]
    assert again.merge_ledger.equals(merged.merge_ledger)


def test_a_split_is_appended_and_the_merge_stays(resolve_rows, people):
    apart = resolve_rows(ANN + TILL, as_of=MARCH)
    merged = resolve_rows(ANN + TILL + BRIDGE, previous=apart, as_of=APRIL)
    divided = resolve_rows(ANN + TILL + BRIDGE[:1], previous=merged, as_of=MAY)
    rows, told = divided.merge_ledger.to_pylist(), len(merged.merge_ledger)
    assert rows[:told] == merged.merge_ledger.to_pylist()
    assert [(row["record_id"], row["kind"], row["as_of_date"]) for row in rows[told:]] == [
        ("till|customer|1", "split", MAY)
    ]
    assert rows[told]["to_customer_id"] == people(apart)["till|customer|1"], "the earlier id is back"


def test_a_backdated_run_adds_nothing_and_the_next_run_repeats_nothing(resolve_rows):
    apart = resolve_rows(ANN + TILL, as_of=MARCH)
    merged = resolve_rows(ANN + TILL + BRIDGE, previous=apart, as_of=APRIL)
    backdated = resolve_rows(ANN + TILL, previous=merged, as_of=MARCH)
    assert backdated.merge_ledger.equals(merged.merge_ledger)
    assert resolve_rows(ANN + TILL + BRIDGE, previous=backdated, as_of=MAY).merge_ledger.equals(merged.merge_ledger)


def test_an_empty_ledger_knows_how_far_it_goes_also_from_a_file(resolve_rows, tmp_path):
    merged = resolve_rows(ANN + TILL + BRIDGE, as_of=APRIL)
    assert len(merged.merge_ledger) == 0
    pq.write_table(merged.merge_ledger, tmp_path / "ledger.parquet")
    stored = pq.read_table(tmp_path / "ledger.parquet")
    apart = resolve_rows(ANN + TILL)
    assert len(append_moves(stored, merged.person_map, apart.person_map, MARCH, apart.person_map)) == 0
    assert len(append_moves(stored, merged.person_map, apart.person_map, MAY, apart.person_map)) == 1


def test_new_and_vanished_records_are_no_moves(resolve_rows):
    before = resolve_rows(ANN, as_of=MARCH)
    assert len(resolve_rows(TILL, previous=before, as_of=APRIL).merge_ledger) == 0
