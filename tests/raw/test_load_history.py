"""What a second run does: nothing, or exactly what is new; a later delivery of a key replaces the earlier one."""

import os
from datetime import timedelta

import pytest

from crm_pipeline.raw import load as load_module
from crm_pipeline.raw.accounting import refused_files
from crm_pipeline.raw.load import load
from crm_pipeline.storage import lake
from tests.raw.conftest import ORDERS, RUN_TIME

HEADER = "id,at,total,mail,status\n"


def orders(*rows: tuple[object, object]) -> str:
    return HEADER + "".join(f"{number},2024-01-01,{total},,\n" for number, total in rows)


def current(shop):
    return shop.query("select order_id, total_amount::int, _delivery, _first_delivery from {orders} order by 1")


def test_a_second_load_changes_nothing(shop):
    shop.deliver("orders_1.csv", orders((1, 10)))
    first = shop.load()
    before = sorted((path, path.stat().st_mtime_ns) for path in shop.settings.lake.rglob("*.parquet"))
    second = shop.load()
    assert (second.changed, second.version, second.files) == (False, first.version, ())
    assert second.channels["orders"].current == 1
    assert sorted((path, path.stat().st_mtime_ns) for path in shop.settings.lake.rglob("*.parquet")) == before


def test_a_touched_file_changes_nothing(shop):
    path = shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    os.utime(path, (1, 1))
    assert shop.load().changed is False


def test_the_same_content_under_another_name_is_not_loaded_again(shop):
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    shop.deliver("orders_2.csv", orders((1, 10)))
    assert shop.load().changed is False
    assert len(shop.ledger()) == 1


def test_the_same_content_twice_in_one_run_is_loaded_once(shop):
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.deliver("orders_2.csv", orders((1, 10)))
    shop.load()
    assert [entry.file for entry in shop.ledger()] == ["landing/orders_1.csv"]


def test_a_later_delivery_replaces_the_rows_of_its_keys(shop):
    shop.deliver("orders_1.csv", orders((1, 10), (2, 20)))
    shop.load()
    shop.deliver("orders_2.csv", orders((2, 21), (3, 30)))
    shop.load()
    assert current(shop) == [("1", 10, 1, 1), ("2", 21, 2, 1), ("3", 30, 2, 2)]
    assert (shop.entry("orders_1.csv").rows_loaded, shop.entry("orders_1.csv").rows_superseded) == (1, 1)


def test_loading_at_once_or_one_by_one_gives_the_same_rows(shop, tmp_path):
    from tests.raw.conftest import Shop

    at_once = Shop(tmp_path / "other")
    files = {f"orders_{n}.csv": orders(*((k, n * 100 + k) for k in range(n, n + 4))) for n in (1, 2, 9, 10)}
    for name, content in files.items():
        shop.deliver(name, content)
        shop.load()
        at_once.deliver(name, content)
    at_once.load()
    assert current(shop) == current(at_once)
    figures = ("file", "delivery", "rows_read", "rows_loaded", "rows_superseded")
    one, other = ([tuple(getattr(e, f) for f in figures) for e in s.ledger()] for s in (shop, at_once))
    assert one == other


def test_files_are_taken_in_natural_order(shop):
    for number in (10, 9, 1):
        shop.deliver(f"orders_{number}.csv", orders((1, number)))
    shop.load()
    assert current(shop) == [("1", 10, 3, 1)]


def test_changed_content_at_the_same_path_is_a_new_delivery(shop):
    shop.deliver("orders.csv", orders((1, 10), (2, 20)))
    shop.load()
    shop.deliver("orders.csv", orders((1, 11)))
    shop.load()
    assert current(shop) == [("1", 11, 2, 1), ("2", 20, 1, 1)]


def test_rows_stay_when_their_file_is_removed_from_landing(shop):
    path = shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    path.unlink()
    shop.deliver("orders_2.csv", orders((2, 20)))
    shop.load()
    assert current(shop) == [("1", 10, 1, 1), ("2", 20, 2, 2)]


def test_a_source_replaces_its_own_rows_only(shop):
    shop.configure(ORDERS, ORDERS | {"name": "till", "files": "landing/till*"})
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.deliver("till_1.csv", orders((1, 99)))
    shop.load()
    assert shop.query("select _source, total_amount::int from {orders} order by 1") == [("shop", 10), ("till", 99)]


def test_untouched_batches_are_linked_not_rewritten(shop):
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.deliver("orders_2.csv", orders((2, 20)))
    shop.load()
    before = {path.name: path.stat().st_ino for path in (shop.version() / "orders").glob("shop__*")}
    shop.deliver("orders_3.csv", orders((1, 11), (3, 30)))
    shop.load()
    after = {path.name: path.stat().st_ino for path in (shop.version() / "orders").glob("shop__*")}
    second = shop.entry("orders_2.csv").batch
    assert after[second] == before[second]
    # The first batch lost its only row, and with it its file.
    assert shop.entry("orders_1.csv").batch not in after


def test_a_changed_mapping_reads_the_files_again_under_their_old_numbers(shop):
    shop.deliver("orders_1.csv", orders((1, 10), (2, 20)))
    shop.deliver("orders_2.csv", orders((2, 21)))
    shop.load()
    columns = ORDERS["columns"] | {"total_amount": {"sql": "total::decimal(18,2) * 2"}}
    shop.configure(ORDERS | {"columns": columns})
    report = shop.load()
    assert [entry.delivery for entry in report.files] == [1, 2]
    assert current(shop) == [("1", 20, 1, 1), ("2", 42, 2, 1)]
    assert shop.load().changed is False


def test_a_file_read_again_does_not_bring_back_what_a_gone_file_replaced(shop):
    shop.deliver("orders_1.csv", orders((1, 10), (2, 20)))
    later = shop.deliver("orders_2.csv", orders((2, 21)))
    shop.load()
    later.unlink()
    shop.configure(ORDERS | {"exact_duplicates": "keep"})
    shop.load()
    assert current(shop) == [("1", 10, 1, 1), ("2", 21, 2, 1)]


def test_a_refused_file_is_read_once_its_mapping_is_corrected(shop):
    wrong = ORDERS["columns"] | {"order_id": "number"}
    shop.configure(ORDERS | {"columns": wrong})
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    assert shop.entry("orders_1.csv").outcome == "refused"
    shop.configure(ORDERS)
    shop.load()
    assert shop.entry("orders_1.csv").outcome == "loaded"
    assert shop.quarantine() == []


def test_a_source_that_left_pipeline_yml_leaves_the_snapshot_and_is_named(shop):
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    shop.configure(ORDERS | {"name": "web_shop"})
    report = shop.load()
    assert shop.query("select _source from {orders}") == [("web_shop",)]
    assert any("shop is no longer in pipeline.yml" in problem for problem in report.problems)


def test_an_error_in_the_middle_leaves_the_old_version(shop, monkeypatch):
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    version, rows = shop.version(), current(shop)
    shop.deliver("orders_2.csv", orders((1, 11)))

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(load_module, "write_ledger", fail)
        with pytest.raises(OSError, match="disk full"):
            shop.load()
    assert (shop.version(), current(shop)) == (version, rows)
    assert list((shop.settings.state / "tmp").iterdir()) == []
    assert shop.load().changed
    assert current(shop) == [("1", 11, 2, 1)]


def test_two_loads_at_once_are_refused(shop):
    def load_again(_):
        with pytest.raises(RuntimeError, match="another load"):
            shop.load()

    shop.deliver("orders_1.csv", orders((1, 10)))
    load(shop.settings, shop.dataset, "run", RUN_TIME, say=load_again)
    assert current(shop) == [("1", 10, 1, 1)]


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(shop, monkeypatch):
    path = shop.deliver("orders_1.csv", orders((1, 10)))
    real = load_module.load_delivery

    def meanwhile(*arguments):
        real(*arguments)
        path.write_text(orders((1, 10), (2, 20)))

    with monkeypatch.context() as patch:
        patch.setattr(load_module, "load_delivery", meanwhile)
        report = shop.load()
    assert any("changed while it was read" in problem for problem in report.problems)
    assert current(shop) == []
    shop.load()
    assert [row[0] for row in current(shop)] == ["1", "2"]


def test_old_versions_do_not_pile_up(shop):
    for number in range(4):
        shop.deliver(f"orders_{number}.csv", orders((number, 1)))
        shop.load(RUN_TIME + timedelta(days=number))
    versions = [path for path in (shop.settings.lake / "raw").glob("v*") if path.is_dir()]
    assert len(versions) == 2
    assert lake.current_version(shop.settings.lake / "raw") == max(versions)


def test_a_loaded_file_that_a_changed_mapping_refuses_keeps_its_rows_and_is_named(shop):
    shop.deliver("orders_1.csv", orders((1, 10)))
    shop.load()
    shop.configure(ORDERS | {"columns": ORDERS["columns"] | {"total_amount": "amount"}})
    shop.deliver("orders_2.csv", orders((2, 20)).replace("total", "amount"))
    report = shop.load()
    assert [row[:2] for row in current(shop)] == [("1", 10), ("2", 20)]
    assert shop.entry("orders_1.csv").outcome == "kept"
    (problem,) = refused_files(shop.ledger())
    assert problem in [f"landing/orders_1.csv: refused. {shop.entry('orders_1.csv').problem}"]
    assert "Its 1 rows stay as they were read before" in problem
    assert "The file has no column 'amount'" in problem
    assert report.changed
    assert shop.load().changed is False
    shop.configure(ORDERS)
    shop.load()
    assert [(entry.outcome, entry.rows_loaded) for entry in shop.ledger()] == [("loaded", 1), ("kept", 1)]
