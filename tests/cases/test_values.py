"""Amounts, ids and dates as shops really write them: read as they are meant, or refused with what reads them."""

from decimal import Decimal

import pytest

from crm_pipeline.raw.init import write_draft
from crm_pipeline.settings import now


def amounts(shop, column="total_amount", table="orders"):
    return dict(shop.query(f"select order_id, {column} from {{{table}}} order by 1"))


def test_amounts_in_brackets_are_negative(case):
    shop = case("amounts_in_parentheses")
    assert shop.check().is_fine
    shop.load()
    found = amounts(shop)
    assert (len(found), found["1020"], found["1001"]) == (20, Decimal("-12.75"), Decimal("10.00"))


def test_an_expression_that_strips_the_brackets_of_a_negative_amount_is_refused(case):
    shop = case("amounts_in_parentheses_after_remedy")
    shop.load()
    ((line, column, problem),) = shop.quarantine()
    assert (line, column) == (21, "total_amount")
    assert "the amount in the file is negative" in problem
    (complaint,) = shop.check().sources[0].complaints
    assert "total_amount: total" in complaint.remedy


def test_indian_and_swiss_amounts_are_read(case):
    shop = case("amounts_indian_swiss")
    shop.load()
    assert amounts(shop) == {
        "1001": Decimal("123456.50"),
        "1002": Decimal("234567.00"),
        "1003": Decimal("1234.50"),
    }


def test_a_first_draft_for_square_has_the_net_sales_with_their_sign(case):
    shop = case("square_items")
    write_draft(shop.folder)
    assert shop.check().is_fine
    shop.load()
    found = amounts(shop, "net_amount", "order_lines")
    assert found.pop("TX9") == Decimal("-10.00")
    assert set(found.values()) == {Decimal("18.00")}


def test_a_time_with_utc_behind_it_is_no_local_time(case):
    shop = case("utc_suffix")
    assert shop.check().is_fine
    shop.load(now())
    assert {str(at)[11:] for (at,) in shop.query("select ordered_at from {orders}")} == {"23:30:12"}


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %Z"])
def test_a_format_that_ends_in_utc_means_it(case, form):
    shop = case("utc_suffix")
    (source,) = shop.dataset.model_dump(by_alias=True, mode="json", exclude_defaults=True)["sources"]
    source["columns"]["ordered_at"] = {"from": "at", "format": form}
    shop.configure(source)
    shop.load(now())
    assert {str(at)[11:] for (at,) in shop.query("select ordered_at from {orders}")} == {"23:30:12"}
