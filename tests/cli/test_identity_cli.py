"""`crm identity`: what it shows, what it writes, and what it refuses."""

import shutil
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml
from typer.testing import CliRunner, Result

from crm_pipeline.cli.app import app
from crm_pipeline.cli.identity import identity
from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.identity import store
from crm_pipeline.identity.overrides import OVERRIDES_FILE, read_overrides
from crm_pipeline.identity.people import customer_id
from crm_pipeline.identity.resolve import Resolution
from crm_pipeline.storage.lake import write_parquet
from crm_pipeline.storage.lock import RunLock
from tests.identity.conftest import person_of, resolved, staged
from tests.identity.test_explain import ANN, ANNE, BEA, CUSTOMERS, GUEST, PERSONAL, ROWS, model_by_hand

BEE = "office|customer|9"
ORDERS = {
    "name": "shop",
    "channel": "orders",
    "files": "landing/*.csv",
    "columns": {"order_id": "id", "ordered_at": "at", "total_amount": "total", "email": "mail"},
}
#: Who bought for how much; one order does not count.
BOUGHT = [(BEA, 300.0, True), (BEE, 40.5, True), (BEE, 7.25, True), (BEE, 1_000.0, False), (ANN, 9_000.0, True)]
#: The record that makes one person of Ann's and of the guest's.
BRIDGE = (GUEST, "email", "ann@mail.example", 1)


def customers() -> list[dict]:
    return [*CUSTOMERS, {"record_id": BEE, "first_name": "Bea", "last_name": "Stonne", "postal_code": "B1 2CD"}]


def rows() -> list[tuple]:
    return [*ROWS, (BEE, "phone", "020 7946 0999", 2), (GUEST, "loyalty_id", "G1", 1)]


def run(settings: Settings, as_of: date, held: list[tuple]) -> Resolution:
    """What a run does in the stage, with the overrides that there are."""
    resolution = resolved(
        held,
        load_dataset(settings.dataset_folder).identity,
        store.read_previous(settings),
        as_of,
        customers=customers(),
        overrides=read_overrides(settings.dataset_folder),
    )
    store.save(settings, resolution)
    return resolution


def write_warehouse(settings: Settings, resolution: Resolution) -> None:
    with staged(rows(), customers()) as con:
        tables = {name: con.table(f"staging.{name}").to_arrow_table() for name in ("stg_identifiers", "stg_customers")}
    key = {row["record_id"]: row["customer_key"] for row in resolution.person_map.to_pylist()}
    orders = pa.table(
        {
            "customer_key": [key[record] for record, _, _ in BOUGHT],
            "revenue": [revenue for _, revenue, _ in BOUGHT],
            "is_counted": [counts for _, _, counts in BOUGHT],
        }
    )
    settings.state.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as con:
        con.execute("create schema staging")
        con.execute("create schema customer")
        for name, table in tables.items():
            con.register("given", table)
            con.execute(f"create table staging.{name} as from given")
        con.register("orders", orders)
        con.execute("create table customer.fct_orders as from orders")
        con.execute(f"""
            create table customer.dim_customers as
            select distinct customer_key, {customer_id("customer_key")} as customer_id from orders
        """)


def settings_of(folder: Path) -> Settings:
    return Settings(dataset="shop", data_root=folder / "data", state_root=folder / "state", memory_limit="500MB")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A dataset after two runs: the second merged the guest into Ann."""
    folder = tmp_path_factory.mktemp("built")
    settings = settings_of(folder)
    settings.dataset_folder.mkdir(parents=True)
    (settings.dataset_folder / "pipeline.yml").write_text(
        yaml.safe_dump({"business": {"currency": "EUR"}, "identity": {"review": 0.3}, "sources": [ORDERS]})
    )
    store.folder(settings).mkdir(parents=True)
    (store.folder(settings) / "model.json").write_text(model_by_hand().to_json())
    run(settings, date(2024, 3, 31), [row for row in rows() if row != BRIDGE])
    write_warehouse(settings, run(settings, date(2024, 4, 30), rows()))
    return folder


@pytest.fixture
def shop(built, tmp_path, monkeypatch) -> Settings:
    shutil.copytree(built, tmp_path / "shop", symlinks=True)
    monkeypatch.setenv("CRM_DATASET", "shop")
    monkeypatch.setenv("CRM_DATA_ROOT", str(tmp_path / "shop" / "data"))
    monkeypatch.setenv("CRM_STATE_ROOT", str(tmp_path / "shop" / "state"))
    return settings_of(tmp_path / "shop")


def crm(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["identity", *arguments])


def people(settings: Settings) -> dict[str, str]:
    person_map = store.read(settings, "person_map")
    return dict(zip(*(person_map[name].to_pylist() for name in ("record_id", "customer_id")), strict=True))


def test_without_a_command_the_help_shows_examples():
    result = crm()
    assert "Examples:" in result.output
    assert {"explain", "link", "unlink", "unmerge", "review", "train"} <= set(result.output.split())


def test_explain_takes_a_person_or_a_record_and_tells_no_values(shop):
    whole, one = crm("explain", people(shop)[ANN]), crm("explain", ANNE)
    assert (whole.exit_code, one.exit_code) == (0, 0)
    assert {ANN, ANNE, GUEST} <= set(whole.output.split())
    assert "by probability" in whole.output
    assert "last name: slightly misspelt" in whole.output
    assert "placeholder" in whole.output
    assert f"{ANNE} is one of the 4 records of {people(shop)[ANN]}" in one.output
    assert not PERSONAL.search(whole.output + one.output)
    assert "ann@mail.example" in crm("explain", people(shop)[ANN], "--values").output


def test_explain_writes_a_page(shop, tmp_path):
    result = crm("explain", people(shop)[ANN], "--html", str(tmp_path / "out" / "person.html"))
    page = (tmp_path / "out" / "person.html").read_text()
    assert result.output.splitlines()[-1].startswith("wrote ")
    assert ("<svg" in page, bool(PERSONAL.search(page))) == (True, False)
    (tmp_path / "file").touch()
    assert crm("explain", ANN, "--html", str(tmp_path / "file" / "person.html")).exception.__class__ is SystemExit


@pytest.mark.parametrize("command", [["explain", "4"], ["link", "4", ANN], ["unlink", ANN, "TILL|customer|4"]])
def test_a_name_that_is_not_there_is_refused_with_one_that_comes_close(shop, command):
    result = crm(*command)
    assert (result.exit_code, result.exception.__class__) == (1, SystemExit)
    assert f"Did you mean '{BEA}'" in result.output
    assert not (shop.dataset_folder / OVERRIDES_FILE).exists()


def test_of_a_name_like_no_other_the_remedy_is_how_records_are_named(shop):
    assert "system|customer|id" in crm("explain", "somebody quite different from all of them").output


def test_a_record_is_not_linked_with_itself(shop):
    result = crm("link", ANN, ANN)
    assert (result.exit_code, "Name at least two" in result.output) == (1, True)


def test_a_link_by_hand_is_obeyed_by_the_next_run_and_an_unlink_takes_it_back(shop):
    before = people(shop)
    result = crm("link", ANN, BEA, "--note", "asked her")
    assert result.exit_code == 0
    assert "The next run obeys: crm run --from identity" in result.output
    (link,) = read_overrides(shop.dataset_folder).link
    assert (link.records, link.note) == ((ANN, BEA), "asked her")
    run(shop, date(2024, 5, 31), rows())
    assert people(shop)[ANN] == people(shop)[BEA]
    assert crm("unlink", ANN, BEA).exit_code == 0
    assert read_overrides(shop.dataset_folder).link == ()
    run(shop, date(2024, 6, 30), rows())
    assert people(shop) == before


def test_a_link_against_an_unlink_is_refused(shop):
    crm("unlink", ANN, BEA)
    result = crm("link", ANN, BEA)
    assert (result.exit_code, "Take one of the entries out" in result.output) == (1, True)


def test_unmerge_undoes_the_last_merge_with_the_next_run(shop):
    ann = people(shop)[ANN]
    assert people(shop)[GUEST] == ann
    result = crm("unmerge", ann)
    assert result.exit_code == 0, result.output
    assert "gets back 1 record\n" in result.output
    assert "undoes the merge of 2024-04-30" in read_overrides(shop.dataset_folder).unlink[0].note
    again = person_of(run(shop, date(2024, 5, 31), rows()))
    assert again[GUEST] != again[ANN] == again[ANNE]
    assert crm("unmerge", ann).exit_code == 1


def test_review_lists_pairs_by_the_smaller_revenue_and_ends_with_the_command_that_links_them(shop):
    result = crm("review")
    assert "1 of 1 pairs" in result.output
    assert "47.75" in result.output, "the order that does not count is left out"
    last = result.output.splitlines()[-1].strip()
    (pair,) = store.read(shop, "review").to_pylist()
    assert {pair["record_a"], pair["record_b"]} == {BEA, BEE}
    assert last == f"crm identity link '{pair['record_a']}' '{pair['record_b']}'"


def test_review_shows_as_many_as_are_asked_for_and_needs_no_orders(shop):
    (pair,) = store.read(shop, "review").to_pylist()
    write_parquet(pa.Table.from_pylist([pair] * 3), store.folder(shop) / "current" / "review.parquet")
    with duckdb.connect(str(shop.warehouse)) as con:
        con.execute("drop table customer.fct_orders")
    result = crm("review", "--limit", "2")
    assert (result.exit_code, "2 of 3 pairs" in result.output) == (0, True)


def test_train_takes_the_model_away_and_says_what_that_means(shop):
    result = crm("train")
    assert (result.exit_code, store.read_model(shop)) == (0, None)
    assert "merge_ledger" in result.output
    assert "There is no model" in crm("train").output


BESIDE_NO_RUN = [["explain", ANN], ["review"], ["train"], ["link", ANN, BEA], ["unlink", ANN, BEA], ["unmerge", "C1"]]


def test_each_command_is_held_to_the_same_rule_beside_a_run():
    assert {command.callback.__name__ for command in identity.registered_commands} == {
        name for name, *_ in BESIDE_NO_RUN
    }


@pytest.mark.parametrize("command", BESIDE_NO_RUN)
def test_nothing_is_shown_or_decided_while_a_run_goes_on(shop, command):
    lock = RunLock(shop.state / "run.lock")
    lock.acquire("0123456789")
    result = crm(*command)
    lock.release()
    assert (result.exit_code, "going on" in result.output) == (3, True)
    assert store.read_model(shop) is not None
    assert not (shop.dataset_folder / OVERRIDES_FILE).exists()
    assert crm(*command).exit_code != 3


@pytest.mark.parametrize("command", [["explain", ANN], ["link", ANN, BEA], ["unmerge", "C1"], ["review"]])
def test_before_the_first_run_the_remedy_is_to_run(shop, command):
    shutil.rmtree(shop.state)
    result = crm(*command)
    assert (result.exit_code, "Remedy: crm run" in result.output) == (1, True)
