"""Every planted fault is where dirt.csv says, and nowhere else."""

import json
import re
from collections import Counter

import pyarrow.parquet as pq
import pytest

from crm_pipeline.sample.dirt import LARGEST_SHARE


def places(table, kinds):
    told = table[table["kind"].isin(kinds)]
    return set(zip(told["file"], told["line"], told["kind"], strict=True))


def test_each_planted_fault_stands_in_a_row_of_its_own(dirt):
    assert not dirt.duplicated(["file", "line"]).any()
    assert set(dirt["outcome"]) == {"quarantined", "duplicate", "superseded", "repaired", "loaded", "waiting"}


def test_rows_that_cannot_be_read_are_exactly_where_the_truth_says(landing, dirt):
    found = set()
    for path in landing.files("*.csv.gz"):
        header, *rows = landing.rows(path)
        for line, row in enumerate(rows, start=2):
            if any(any("\udc80" <= letter <= "\udcff" for letter in cell) for cell in row):
                found.add((landing.name(path), line, "wrong_encoding"))
            elif len(row) != len(header):
                found.add((landing.name(path), line, "ragged_row"))
    for path in landing.files("*.jsonl.gz"):
        for line, text in enumerate(landing.text(path).splitlines(), start=1):
            try:
                json.loads(text.encode())
            except UnicodeEncodeError:
                found.add((landing.name(path), line, "wrong_encoding"))
            except ValueError:
                found.add((landing.name(path), line, "ragged_row"))
    assert found == places(dirt, {"ragged_row", "wrong_encoding"})
    assert {kind for *_, kind in found} == {"ragged_row", "wrong_encoding"}


def test_exact_copies_are_exactly_where_the_truth_says(landing, dirt):
    copies = set()
    for path in landing.files():
        if path.suffix == ".parquet":
            rows = [tuple(row.values()) for row in pq.read_table(path).to_pylist()]
        elif path.suffix == ".gz":
            rows = landing.text(path).splitlines()
        else:
            continue
        known = Counter()
        for line, row in enumerate(rows, start=1):
            if known[row]:
                copies.add((landing.name(path), line))
            known[row] += 1
    told = dirt[(dirt["kind"] == "repeated_row") & dirt["file"].str.endswith((".gz", ".parquet"))]
    assert copies == set(zip(told["file"], told["line"], strict=True))


def bad_date(text):
    return re.match(r"3[01]\D02\D", text)


CHECKS = {
    "receipts": {
        "missing_id": lambda row: row["receipt_no"] == "",
        "bad_date": lambda row: bad_date(row["sold_at"]),
        "unknown_status": lambda row: row["type"].upper() not in {"S", "R", "V"},
        "letter_case": lambda row: row["type"].islower(),
        "text_in_amount": lambda row: row["total"] == "see note",
        "null_spelling": lambda row: row["total"] == "NULL",
        "future_time": lambda row: row["sold_at"][6:8] == "21",
        "mixed_date_format": lambda row: row["sold_at"].startswith("2025-"),
    },
    "items": {
        "missing_id": lambda row: row["receipt_no"] == "",
        "missing_amount": lambda row: row["qty"] == "",
        "text_in_amount": lambda row: re.search("[A-Za-z]", row["qty"] + row["price"]),
        "negative_price": lambda row: row["price"].startswith("-"),
        "point_for_comma": lambda row: "." in row["price"],
        "decimal_places": lambda row: "," in row["qty"],
    },
    "members": {
        "missing_id": lambda row: row["member_no"] == "",
        "bad_date": lambda row: bad_date(row["dob"]),
        "blanks_around": lambda row: row["member_no"] != row["member_no"].strip(),
        "unknown_code": lambda row: row["mail_ok"] not in {"Y", "N", ""},
        "mixed_date_format": lambda row: "-" in row["joined"],
    },
    "accounts": {
        "missing_id": lambda row: row["id"] == "",
        "bad_date": lambda row: row["registered_at"] == "yesterday",
        "unknown_code": lambda row: row["gender"] not in {"female", "male", "other", ""},
        "null_spelling": lambda row: row["birthday"] == "NULL",
        "mixed_date_format": lambda row: "/" in row["birthday"],
    },
    "clients": {
        "missing_id": lambda row: row["client_no"] == "",
        "bad_date": lambda row: bad_date(row["born"]),
        "blanks_around": lambda row: row["client_no"] != row["client_no"].strip(),
        "unknown_code": lambda row: row["ok_post"] not in {"1", "0", ""},
        "null_spelling": lambda row: row["postcode"] == "NULL",
        "mixed_date_format": lambda row: "-" in row["created"],
    },
}


@pytest.mark.parametrize("source", CHECKS)
def test_bad_cells_of_csv_files_are_exactly_where_the_truth_says(landing, dirt, source):
    found = {
        (landing.name(path), line, kind)
        for path in landing.files(f"{source}_*.csv.gz")
        for line, cells in landing.cells(path)
        for kind, bad in CHECKS[source].items()
        if bad(cells)
    }
    told = dirt[dirt["file"].str.contains(f"/{source}_")]
    assert found == places(told, CHECKS[source])
    assert len({kind for *_, kind in found}) >= len(CHECKS[source]) / 2, "most kinds occur also in a small company"


def test_bad_values_of_web_orders_are_exactly_where_the_truth_says(landing, dirt):
    checks = {
        "missing_id": lambda order: order["id"] is None,
        "bad_date": lambda order: "-13-45" in order["placed_at"],
        "unknown_status": lambda order: order["status"] == "on_hold",
        "letter_case": lambda order: order["status"].isupper(),
        "text_in_amount": lambda order: str(order["totals"]["paid"]).endswith("points"),
        "broken_separators": lambda order: str(order["totals"]["paid"]).startswith("1,"),
        "unknown_currency": lambda order: order["currency"] == "pounds",
        "future_time": lambda order: order["placed_at"].startswith("2126"),
        "negative_amount": lambda order: (order["refund"]["amount"] or 0) < 0,
    }
    orders = [place for place in landing.documents("shop/orders_*.jsonl.gz") if place[2] is not None]
    found = {(file, line, kind) for file, line, order in orders for kind, bad in checks.items() if bad(order)}
    assert found == places(dirt[dirt["file"].str.contains("/orders_")], checks)


def test_late_rows_stand_in_a_file_after_that_of_their_month(landing, dirt):
    late = dirt[(dirt["kind"] == "late_row") & dirt["file"].str.contains("/receipts_")]
    assert len(late)
    for row in late.itertuples():
        header, *rows = landing.rows(landing.folder / row.file)
        sold_at = dict(zip(header, rows[row.line - 2], strict=True))["sold_at"]
        day, month, year = sold_at[:10].split("/")
        delivered = re.search(r"_(\d{4}(-\d\d)?)", row.file)[1]
        before = {"2024": "2023", "2025": "2024", "2026-05": "2025", "2026-06": "2026-05"}[delivered]
        assert f"{year}-{month}-{day}".startswith(before)


def test_no_file_is_so_dirty_that_it_stops_a_run(company):
    quarantined = company.faults.query("outcome == 'quarantined'").groupby("file").size()
    assert len(quarantined) > 20
    for file in company.files:
        assert quarantined.get(file.path, 0) <= LARGEST_SHARE * len(file.rows), file.path
