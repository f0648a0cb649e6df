"""The committed kind of sample, loaded by the raw stage: each planted fault ends as the truth says."""

from collections import Counter
from datetime import UTC, datetime

import duckdb
import pandas as pd
import pytest

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.customer_ids import id_findings
from crm_pipeline.raw.load import LoadReport, load, raw_folder
from crm_pipeline.raw.plausibility import amount_findings

RUN_TIME = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings(landing, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    state = tmp_path_factory.mktemp("loads")
    return Settings(dataset=landing.folder.name, data_root=landing.folder.parent, state_root=state)


@pytest.fixture(scope="module")
def report(settings: Settings) -> LoadReport:
    return load(settings, load_dataset(settings.dataset_folder), "test", RUN_TIME)


@pytest.fixture(scope="module")
def truth(settings: Settings) -> pd.DataFrame:
    return pd.read_csv(settings.dataset_folder / "truth" / "dirt.csv", keep_default_na=False)


def files_on_disk(settings: Settings) -> set[str]:
    folder = settings.dataset_folder
    return {str(path.relative_to(folder)) for path in (folder / "landing").rglob("*") if path.is_file()}


def read(report: LoadReport, what: str) -> pd.DataFrame:
    return duckdb.sql(f"select * from read_parquet('{report.version}/{what}')").df()


def test_every_file_is_loaded_and_every_row_accounted_for(settings: Settings, report: LoadReport) -> None:
    assert {entry.file for entry in report.files} == files_on_disk(settings)
    assert not report.problems
    for entry in report.files:
        assert entry.unaccounted == 0, entry.file


def test_exactly_the_planted_rows_are_quarantined(report: LoadReport, truth: pd.DataFrame) -> None:
    planted = truth[truth["outcome"] == "quarantined"]
    found = read(report, "quarantine/*.parquet")
    lines = set(zip(found["file"], found["line"], strict=True))
    assert lines == set(zip(planted["file"], planted["line"], strict=True))
    named = planted[planted["column"] != ""]
    columns = set(zip(found["file"], found["line"], found["column"], strict=True))
    assert set(zip(named["file"], named["line"], named["column"], strict=True)) <= columns


@pytest.mark.parametrize("outcome", ["duplicate", "superseded", "waiting"])
def test_copies_redelivered_rows_and_those_of_the_future_are_counted_as_planted(
    report: LoadReport, truth: pd.DataFrame, outcome: str
) -> None:
    planted = truth[truth["outcome"] == outcome].groupby("file").size().to_dict()
    counted = {entry.file: getattr(entry, f"rows_{outcome}") for entry in report.files}
    assert {file: rows for file, rows in counted.items() if rows} == planted


def test_redelivered_rows_are_gone_and_their_new_version_is_there(report: LoadReport, truth: pd.DataFrame) -> None:
    superseded = truth[truth["outcome"] == "superseded"]
    for channel in ("orders", "order_lines"):
        loaded = read(report, f"{channel}/*.parquet")
        here = set(zip(loaded["_file"], loaded["_line"], strict=True))
        assert here.isdisjoint(zip(superseded["file"], superseded["line"], strict=True))
        assert loaded["_file"].str.contains("_corrected").any()


def test_a_customer_who_changed_stands_in_all_versions(report: LoadReport) -> None:
    customers = read(report, "customers/*.parquet")
    versions = customers.groupby(["_system", "customer_id"])["updated_at"].agg(["size", "nunique"])
    assert (versions["size"] == versions["nunique"]).all()
    assert (versions["size"] > 1).groupby("_system").any().all()


def test_repaired_and_late_rows_are_loaded(report: LoadReport, truth: pd.DataFrame) -> None:
    accepted = truth[truth["outcome"].isin(["repaired", "loaded"])]
    assert len(accepted) > 10
    loaded = set()
    for channel in contracts():
        rows = read(report, f"{channel}/*.parquet")
        loaded |= set(zip(rows["_file"], rows["_line"], strict=True))
    assert set(zip(accepted["file"], accepted["line"], strict=True)) <= loaded


def test_repairs_read_the_value_that_was_meant(report: LoadReport, truth: pd.DataFrame) -> None:
    orders, lines, customers = (
        read(report, f"{channel}/*.parquet") for channel in ("orders", "order_lines", "customers")
    )

    def repaired(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
        told = truth[(truth["kind"] == kind) & (truth["outcome"] == "repaired")]
        return rows.merge(told, left_on=["_file", "_line"], right_on=["file", "line"])

    assert set(repaired(orders, "letter_case")["status"]) <= {"completed", "returned", "cancelled"}
    assert repaired(lines, "decimal_places")["quantity"].abs().between(1, 12).all()
    assert (repaired(customers, "blanks_around")["customer_id"].str.strip().str.len() == 7).any()
    nulls = repaired(customers, "null_spelling")
    assert len(nulls)
    assert all(pd.isna(row[row["column"]]) for _, row in nulls.iterrows())


def test_a_second_load_changes_nothing(settings: Settings, report: LoadReport) -> None:
    again = load(settings, load_dataset(settings.dataset_folder), "again", RUN_TIME)
    assert not again.changed
    assert again.version == report.version == (raw_folder(settings) / "current").resolve()


def test_order_headers_agree_with_their_lines_to_the_cent(report: LoadReport) -> None:
    compared = duckdb.sql(
        f"""
        with lines as (
            select _system, order_id, sum(coalesce(abs(net_amount), quantity * unit_price - discount_amount)) as net
            from read_parquet('{report.version}/order_lines/*.parquet') group by all)
        select abs(total_amount) - abs(tax_amount) - coalesce(shipping_amount, 0) + discount_amount = net as equal
        from read_parquet('{report.version}/orders/*.parquet') join lines using (_system, order_id)
        """
    ).df()["equal"]
    quarantined = read(report, "quarantine/*.parquet")
    lines_lost = (quarantined["channel"] == "order_lines").sum()
    assert len(compared) > 1000
    assert 0 < (~compared).sum() <= lines_lost, "an order disagrees only where one of its lines is quarantined"


def test_amounts_and_customer_ids_of_the_sample_are_plausible(settings: Settings, report: LoadReport) -> None:
    quarantined = Counter()
    for entry in report.files:
        if entry.channel == "order_lines":
            quarantined[entry.system] += entry.rows_quarantined
    stops, warns = amount_findings(settings, quarantined)
    found = [*stops.values(), *warns.values(), *id_findings(settings).values()]
    assert not any(found), found


def test_times_of_both_systems_are_utc(settings: Settings, report: LoadReport) -> None:
    orders = read(report, "orders/*.parquet")
    for system in ("till", "shop"):
        newest = orders.loc[orders["_system"] == system, "ordered_at"].max()
        assert newest < pd.Timestamp("2026-07-01 10:30"), "half past eleven in London is half past ten UTC in summer"
    assert orders["ordered_at"].max() >= pd.Timestamp("2026-07-01 08:00")
