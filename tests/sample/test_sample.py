"""The invented company, read back with the csv and json modules: what is there is what the truth says."""

import csv
import gzip
import hashlib
import io
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_pipeline.sample.calendar import DAYS, FULL_DAYS
from crm_pipeline.sample.company import Company, make_company, write_company
from crm_pipeline.sample.records import SHOP_PHONE
from crm_pipeline.settings import Settings

PEOPLE, SEED = 800, 11


@pytest.fixture(scope="module")
def company() -> Company:
    return make_company(PEOPLE, SEED)


@pytest.fixture(scope="module")
def folder(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    write_company(company, root)
    return root


@pytest.fixture(scope="module")
def truth(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "truth" / "dirt.csv", keep_default_na=False)


def text_of(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


def csv_rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text_of(path)), delimiter=";" if path.parent.name == "till" else ","))


def table(folder: Path, pattern: str) -> pd.DataFrame:
    """All files of a pattern in delivery order, without ragged rows."""
    frames = []
    for path in sorted((folder / "landing").glob(pattern)):
        header, *rows = csv_rows(path)
        frames.append(pd.DataFrame([row for row in rows if len(row) == len(header)], columns=header))
    return pd.concat(frames, ignore_index=True)


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_company(make_company(PEOPLE, SEED), tmp_path)
    assert hashes(tmp_path) == hashes(folder)


def test_another_seed_gives_another_company(folder: Path, tmp_path: Path) -> None:
    write_company(make_company(PEOPLE, SEED + 1), tmp_path)
    same = {name for name, digest in hashes(tmp_path).items() if hashes(folder).get(name) == digest}
    assert same == {"pipeline.yml"}


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 people"):
        make_company(10, 1)


def test_ragged_rows_are_exactly_where_the_truth_says(folder: Path, truth: pd.DataFrame) -> None:
    ragged = set()
    for path in (folder / "landing").rglob("*.csv.gz"):
        header, *rows = csv_rows(path)
        bad = [line for line, row in enumerate(rows, start=2) if len(row) != len(header)]
        ragged |= {(str(path.relative_to(folder)), line) for line in bad}
    for path in (folder / "landing").rglob("*.jsonl.gz"):
        for line, text in enumerate(text_of(path).splitlines(), start=1):
            try:
                json.loads(text)
            except json.JSONDecodeError:
                ragged.add((str(path.relative_to(folder)), line))
    told = truth[truth["kind"] == "ragged_row"]
    assert ragged == set(zip(told["file"], told["line"], strict=True))
    assert ragged


def test_exact_copies_are_exactly_where_the_truth_says(folder: Path, truth: pd.DataFrame) -> None:
    copies = set()
    for path in (folder / "landing").rglob("*.*"):
        name = str(path.relative_to(folder))
        if path.suffix == ".parquet":
            seen = [tuple(row.values()) for row in pq.read_table(path).to_pylist()]
            first_line = 1
        else:
            seen = [(line,) for line in text_of(path).splitlines()]
            first_line = 1
        known: Counter[tuple[object, ...]] = Counter()
        for line, row in enumerate(seen, start=first_line):
            if known[row]:
                copies.add((name, line))
            known[row] += 1
    told = truth[truth["kind"] == "repeated_row"]
    assert copies == set(zip(told["file"], told["line"], strict=True))


def test_bad_cells_are_exactly_where_the_truth_says(folder: Path, truth: pd.DataFrame) -> None:
    checks = {
        "receipts": {
            "missing_id": lambda row: row["receipt_no"] == "",
            "bad_date": lambda row: re.fullmatch(r"30/02/2025 25:10", row["sold_at"]),
            "unknown_status": lambda row: row["type"] not in {"S", "R", "V"},
            "text_in_amount": lambda row: not re.fullmatch(r"-?\d+,\d\d", row["total"]),
        },
        "items": {
            "missing_id": lambda row: row["receipt_no"] == "",
            "text_in_amount": lambda row: (
                not re.fullmatch(r"-?\d+", row["qty"]) or not re.fullmatch(r"\d+,\d\d", row["price"])
            ),
        },
        "members": {
            "missing_id": lambda row: row["member_no"] == "",
            "bad_date": lambda row: row["dob"].startswith("31/02"),
        },
        "accounts": {
            "missing_id": lambda row: row["id"] == "",
            "bad_date": lambda row: not re.match(r"\d{4}-\d\d-\d\dT", row["registered_at"]),
            "unknown_code": lambda row: row["gender"] not in {"female", "male", "other", ""},
        },
    }
    for source, kinds in checks.items():
        found = set()
        for path in (folder / "landing").rglob(f"{source}_*.csv.gz"):
            header, *rows = csv_rows(path)
            for line, row in enumerate(rows, start=2):
                cells = dict(zip(header, row, strict=False))
                if len(row) == len(header):
                    found |= {(str(path.relative_to(folder)), line, kind) for kind, bad in kinds.items() if bad(cells)}
        told = truth[truth["file"].str.contains(f"/{source}_") & truth["kind"].isin(kinds)]
        assert found == set(zip(told["file"], told["line"], told["kind"], strict=True)), source
        assert {kind for _, _, kind in found} == set(kinds)


def test_each_planted_fault_stands_in_a_row_of_its_own(truth: pd.DataFrame) -> None:
    assert not truth.duplicated(["file", "line"]).any()
    assert set(truth["outcome"]) == {"quarantined", "duplicate", "superseded"}


def test_the_stated_share_of_people_is_in_both_systems(company: Company, folder: Path) -> None:
    records = pd.read_csv(folder / "truth" / "records.csv", dtype=str)
    systems = records.groupby("person")["system"].nunique()
    assert len(systems) == PEOPLE, "every person is in some system"
    assert (systems == 2).sum() == round(PEOPLE * 0.35)
    people = pd.read_csv(folder / "truth" / "people.csv")
    assert (people["in_till"] & people["in_shop"]).sum() == round(PEOPLE * 0.35)


def test_true_records_are_the_ids_in_the_files(folder: Path) -> None:
    records = pd.read_csv(folder / "truth" / "records.csv", dtype=str)
    written = {
        "till": set(table(folder, "till/members_*.csv.gz")["member_no"]) - {""},
        "shop": set(table(folder, "shop/accounts_*.csv.gz")["id"]) - {""},
    }
    for system, ids in written.items():
        told = set(records.loc[(records["system"] == system) & (records["kind"] == "customer"), "source_id"])
        assert ids <= told
        assert len(told - ids) <= 20, "only ids that a planted fault took away are missing"


def test_the_two_systems_disagree_about_the_same_people(folder: Path) -> None:
    records = pd.read_csv(folder / "truth" / "records.csv", dtype=str)
    customers = records[records["kind"] == "customer"].drop_duplicates(["system", "person"])
    till = table(folder, "till/members_*.csv.gz").drop_duplicates("member_no").set_index("member_no")
    shop = table(folder, "shop/accounts_*.csv.gz").drop_duplicates("id").set_index("id")
    known = {"till": till.index, "shop": shop.index}
    customers = customers[[row.source_id in known[row.system] for row in customers.itertuples()]]
    both = customers.pivot_table(index="person", columns="system", values="source_id", aggfunc="first").dropna()
    left, right = till.loc[both["till"]].reset_index(), shop.loc[both["shop"]].reset_index()
    has_both_emails = (left["email"] != "") & (right["email"] != "")
    assert 0.25 < (left["email"] != right["email"])[has_both_emails].mean() < 0.75
    tidy = left["email"].str.strip().str.lower() == right["email"].str.strip().str.lower()
    assert 0.6 < tidy[has_both_emails].mean() < 0.95, "most agree once they are normalised, not all"
    assert 0.1 < (left["forename"].str.lower() != right["first_name"].str.lower()).mean() < 0.6
    phones = (left["mobile"] != "") & (right["phone"] != "")
    assert (left["mobile"] != right["phone"])[phones].mean() > 0.4
    cards = right["loyalty_card"] != ""
    assert 0.15 < cards.mean() < 0.45
    own = (right["loyalty_card"] == left["card_no"])[cards]
    assert own.mean() > 0.85, "the card in the web profile is the person's own (or of an earlier membership)"
    assert (till["mobile"] == SHOP_PHONE).any()


def test_some_emails_belong_to_two_people(company: Company) -> None:
    people = company.people
    shared = people["email"].duplicated(keep=False)
    assert shared.any()
    assert (people.loc[shared, "household"] >= 0).all()


def test_amounts_of_every_order_add_up(company: Company) -> None:
    orders, lines = company.purchases.orders, company.purchases.lines
    assert (lines["net"] == lines["price"] * lines["quantity"] - lines["discount"]).all()
    net = lines.groupby("order")["net"].sum().reindex(orders["order"]).to_numpy()
    assert (orders["net"] == net).all()
    assert (orders["total"] == orders["net"] - orders["discount"] + orders["tax"] + orders["shipping"]).all()
    assert (orders["total"] > 0).all()


def test_no_more_is_returned_than_was_bought(company: Company) -> None:
    orders = company.purchases.orders
    returns = orders[orders["status"] == "returned"]
    original = orders.iloc[returns["original"]]
    assert len(returns) > 20
    assert (original["person"].to_numpy() == returns["person"].to_numpy()).all()
    assert (original["day"].to_numpy() < returns["day"].to_numpy()).all()
    paid = (original["net"] - original["discount"]).to_numpy()
    assert ((returns["net"] - returns["discount"]).to_numpy() <= paid).all()


def test_the_last_day_is_unfinished(company: Company) -> None:
    orders = company.purchases.orders
    last = orders[orders["day"] == DAYS - 1]
    assert 3 <= len(last) < 30
    assert last["minute"].max() < 12 * 60
    assert (orders["day"] < DAYS).all()


def test_churn_is_frequent_enough_and_learnable_from_the_past() -> None:
    company = make_company(2000, 7)
    orders = company.purchases.orders
    sales = orders[orders["status"] == "completed"]
    for origin in (FULL_DAYS - 90, FULL_DAYS - 180, FULL_DAYS - 270, FULL_DAYS - 360):
        past = sales[(sales["day"] < origin) & (sales["day"] >= origin - 180)].groupby("person")["day"]
        last_seen, frequency = origin - past.max(), past.size()
        back = set(sales.loc[(sales["day"] >= origin) & (sales["day"] < origin + 90), "person"])
        churned = ~last_seen.index.isin(back)
        assert churned.sum() >= 100
        assert (~churned).sum() >= 100
        assert frequency[churned].mean() < 0.7 * frequency[~churned].mean()
        assert last_seen[churned].mean() > 1.3 * last_seen[~churned].mean()


def test_the_smallest_company_still_has_an_unfinished_last_day() -> None:
    orders = make_company(100, 1).purchases.orders
    assert (orders["day"] == DAYS - 1).sum() >= 3


def test_shop_times_carry_the_offset_of_their_day(folder: Path, truth: pd.DataFrame) -> None:
    ragged_or_bad = set(zip(truth["file"], truth["line"], strict=True))
    offsets = set()
    for path in (folder / "landing").rglob("orders_*.jsonl.gz"):
        for line, text in enumerate(text_of(path).splitlines(), start=1):
            if (str(path.relative_to(folder)), line) in ragged_or_bad:
                continue
            placed_at = datetime.fromisoformat(json.loads(text)["placed_at"])
            assert placed_at.utcoffset() == placed_at.astimezone(ZoneInfo("Europe/London")).utcoffset()
            offsets.add(placed_at.utcoffset())
    assert len(offsets) == 2


def test_people_differ_in_rate_and_in_spend(company: Company) -> None:
    rate = company.people["purchase_rate"]
    assert rate.std() > 0.5 * rate.mean()
    sales = company.purchases.orders.query("status == 'completed'")
    per_person = sales.groupby("person")["net"].agg(["size", "mean"])
    assert per_person["size"].std() > 0.7 * per_person["size"].mean()
    repeat = per_person[per_person["size"] >= 5]["mean"]
    assert np.log(repeat).std() > 0.3


def test_no_file_is_so_dirty_that_it_stops_a_run(company: Company) -> None:
    quarantined = company.faults.query("outcome == 'quarantined'").groupby("file").size()
    for file in company.files:
        assert quarantined.get(file.path, 0) < Settings.model_fields["quarantine_limit"].default * len(file.rows)


def test_the_committed_sample_is_what_the_generator_makes_and_small(tmp_path: Path) -> None:
    committed = Path(__file__).resolve().parents[2] / "data" / "sample"
    write_company(make_company(2000, 7), tmp_path)
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        other = committed / path.relative_to(tmp_path)
        if path.suffix == ".gz":
            # Another zlib may pack the same rows into other bytes.
            assert text_of(other) == text_of(path), path.name
        elif path.suffix == ".parquet":
            assert pq.read_table(other).equals(pq.read_table(path)), path.name
        else:
            assert other.read_bytes() == path.read_bytes(), path.name
    assert sum(path.stat().st_size for path in committed.rglob("*") if path.is_file()) < 3 * 2**20
