"""The contracts, and what is made from them."""

import re

import duckdb
import pytest

from crm_pipeline.config.contract import CONTRACTS_FOLDER, arrow_schema, contracts, duckdb_schema
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.raw import dbt_channels, dbt_sources


def test_every_contract_has_a_replace_key_among_its_columns():
    assert set(contracts()) >= {"customers", "orders", "order_lines", "products"}
    for contract in contracts().values():
        assert set(contract.replace_key) <= set(contract.column_names)
        assert any(contract.column(name).required for name in contract.replace_key)
        assert set(contract.primary_key) <= set(contract.replace_key)


def test_every_channel_of_the_design_has_a_contract():
    assert set(contracts()) == {
        *("customers", "consents", "products", "orders", "order_lines", "exchange_rates", "web_events", "campaigns"),
        *("campaign_contacts", "ad_spend", "support_tickets", "survey_responses", "social_mentions"),
        *("loyalty_events", "referrals", "payments"),
    }


def test_what_the_flow_names_of_a_contract_are_its_columns():
    for contract in contracts().values():
        assert contract.flow.columns <= set(contract.column_names), contract.name


def test_contracts_follow_the_open_data_contract_standard():
    model = pytest.importorskip("open_data_contract_standard.model")
    for path in CONTRACTS_FOLDER.glob("*.odcs.yaml"):
        assert model.OpenDataContractStandard.from_file(str(path)).schema_


def test_personal_columns_are_known():
    personal = {column.name for contract in contracts().values() for column in contract.columns if column.pii}
    assert {"email", "phone", "birth_date", "last_name"} <= personal
    assert not {"order_id", "total_amount", "country"} & personal


def test_arrow_and_duckdb_mean_the_same_types():
    for contract in contracts().values():
        described = duckdb.from_arrow(arrow_schema(contract).empty_table())
        assert dict(zip(described.columns, map(str, described.types), strict=True)) == duckdb_schema(contract)


def test_an_unknown_column_is_named():
    with pytest.raises(KeyError, match="no column nothing"):
        contracts()["orders"].column("nothing")


def test_the_dbt_sources_are_in_step_with_the_contracts():
    assert dbt_sources.TARGET.read_text(encoding="utf-8") == dbt_sources.render()


def test_what_loops_over_the_channels_is_in_step_with_the_contracts():
    assert dbt_channels.TARGET.read_text(encoding="utf-8") == dbt_channels.render()
    page = dbt_channels.PAGE.read_text(encoding="utf-8")
    assert page == dbt_channels.with_table(page)
    assert dbt_channels.render_table() in page


@pytest.mark.parametrize("channel", ["orders", "order_lines"])
def test_models_loop_over_the_sales_channels_that_orders_may_name(channel):
    text = (PROJECT / "dbt_project" / "macros" / "features.sql").read_text(encoding="utf-8")
    macro = re.search(r"macro sales_channels.*?return\(\[(.*?)\]\)", text, re.DOTALL)
    assert tuple(re.findall(r"'(\w+)'", macro[1])) == contracts()[channel].column("sales_channel").valid_values


def test_names_in_other_scripts_stand_in_the_vocabularies_alone():
    called = [name for contract in contracts().values() for column in contract.columns for name in column.also_called]
    hints = [hint for contract in contracts().values() for hint in contract.flow.file_names]
    assert [name for name in (*called, *hints) if not name.isascii()] == []
