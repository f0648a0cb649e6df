"""The gate behind the raw stage, asked as Dagster asks it."""

import pytest
from dagster import AssetCheckSeverity

from crm_pipeline.raw.checks import gate
from crm_pipeline.resources import Workspace


@pytest.fixture
def judged(shop, monkeypatch):
    """What the gate says of what is loaded: by channel and check, whether it passed, stops a run, and its sentence."""

    def judge():
        for name, value in {
            "CRM_DATASET": "shop",
            "CRM_DATA_ROOT": str(shop.settings.data_root),
            "CRM_STATE_ROOT": str(shop.settings.state_root),
        }.items():
            monkeypatch.setenv(name, value)
        return {
            (result.asset_key.path[-1], result.check_name): (
                result.passed,
                result.severity is AssetCheckSeverity.ERROR,
                result.description,
            )
            for result in gate(Workspace())
        }

    return judge


def test_orders_without_any_amount_stop_a_run_and_odd_amounts_and_ids_warn(shop, judged):
    columns = {"order_id": "id", "ordered_at": "at", "customer_id": "customer"}
    bought = {"name": "o", "system": "s", "channel": "orders", "files": "landing/orders.csv", "columns": columns}
    known = bought | {"name": "c", "channel": "customers", "files": "landing/c.csv", "columns": {"customer_id": "id"}}
    shop.configure(bought, known)
    shop.deliver("orders.csv", "id,at,customer,total\nA,2024-05-01,1.0,\n")
    shop.deliver("c.csv", "id\n1\n")
    shop.load()
    found = judged()
    passed, stops, said = found["orders", "orders_have_amounts"]
    assert (passed, stops) == (False, True)
    assert said.startswith("Source o: none of its 1 orders (A) has an amount")
    passed, stops, said = found["orders", "customer_ids_are_known"]
    assert (passed, stops) == (False, False)
    assert "(1.0 against 1)" in said
    assert [name for name, (passed, *_) in found.items() if not passed] == [
        ("orders", "orders_have_amounts"),
        ("orders", "customer_ids_are_known"),
    ]
