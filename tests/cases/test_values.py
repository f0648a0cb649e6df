"""Amounts, ids and dates as shops really write them: read as they are meant, or refused with what reads them."""

from datetime import date
from decimal import Decimal

import duckdb
import pytest

from crm_pipeline.config.settings import now
from crm_pipeline.raw.init import write_draft
from crm_pipeline.raw.totals import raw_totals


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


def revenue(shop, day="2024-05-08"):
    shop.load(now())
    return raw_totals(shop.settings, shop.dataset.business, date.fromisoformat(day)).revenue


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shopify_free_by_line_discount", "20.00"),  # #1002 was free, #1001 is 20.00
        ("shopify_gift_card_and_duties", "90.00"),  # #1005 50.00 without duties, #1006 is owed, #1007 40.00
        ("shopify_cancelled_with_fee_kept", "5.00"),
    ],
)
def test_an_order_brings_what_was_kept_of_it_for_goods(case, name, expected):
    assert revenue(case(name)) == Decimal(expected)


def test_headers_alone_bring_the_same(case):
    shop = case("shopify_gift_card_and_duties")
    text = (shop.folder / "pipeline.yml").read_text()
    (shop.folder / "pipeline.yml").write_text("".join(text.splitlines(keepends=True)[:-1]))
    assert revenue(shop) == Decimal("90.00")


def test_a_payment_is_refunded_on_its_own_day(case):
    shop = case("stripe_refund_date")
    shop.load(now())
    business = shop.dataset.business
    found = [raw_totals(shop.settings, business, date(2024, month, 30)).revenue for month in (6, 7)]
    assert found == [Decimal("12.50"), Decimal("0.00")]


def test_a_payment_export_without_the_day_of_refunds_loads_too(case):
    shop = case("stripe_refund_date")
    file = shop.folder / "landing" / "s1.csv"
    file.write_text("".join(line.rsplit(",", 1)[0] + "\n" for line in file.read_text().splitlines()))
    shop.load(now())
    assert shop.query("select refunded_amount, refunded_at from {orders}") == [(Decimal("12.5"), None)]


def test_orders_without_an_amount_are_a_mark_in_the_draft_and_a_problem(case):
    shop = case("amounts_in_parentheses")
    draft = write_draft(shop.folder, force=True).text
    assert "no column of amounts" not in draft
    file = shop.folder / "landing" / "orders.csv"
    file.write_text(
        "".join(
            ",".join([*line.split(",")[:2], line.rstrip().split(",")[4]]) + "\n"
            for line in file.read_text().splitlines()
        )
    )
    draft = write_draft(shop.folder, force=True).text
    assert "total_amount:  # EDIT: no column of amounts was recognised" in draft
    shop.configure(
        {"name": "o", "channel": "orders", "files": "landing/*", "columns": {"order_id": "id", "ordered_at": "at"}}
    )
    (problem,) = shop.check().problems
    assert "no order has an amount" in problem


def test_an_address_is_one_value_in_all_channels_however_it_is_written(case):
    shop = case("contacts_as_exported")
    shop.load()
    tables = ("customers", "orders", "campaign_contacts", "consents")
    folders = [str(shop.version() / table / "*.parquet") for table in tables]
    rows = [
        duckdb.execute("select distinct email from read_parquet($1) where email is not null", [folder]).fetchall()
        for folder in folders
    ]
    assert rows == [[("ann@mail.example",)]] * len(tables)
    assert shop.quarantine() == []
