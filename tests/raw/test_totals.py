"""The second opinion on money: currencies and refunds, worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crm_pipeline.raw.totals import raw_totals

RATES = "currency,rate_date,rate\nEUR,2024-01-02,0.9\nEUR,2024-01-04,0.8\nGBP,2024-01-01,7\n"
ORDER_COLUMNS = ("order_id", "ordered_at", "currency", "total_amount", "tax_amount", "refunded_amount", "refunded_at")
LINE_COLUMNS = ("order_id", "ordered_at", "currency", "quantity", "unit_price", "status")


def source(channel, columns):
    return {
        "name": channel,
        "system": "s",
        "channel": channel,
        "files": f"landing/{channel}.csv",
        "columns": {name: name for name in columns},
    }


@pytest.fixture
def totals(shop):
    """Deliver orders, lines and the rates, and return the totals as of a day."""
    shop.configure(
        source("orders", ORDER_COLUMNS),
        source("order_lines", LINE_COLUMNS),
        source("exchange_rates", ("currency", "rate_date", "rate")),
    )

    def add_up(day, orders="", lines=""):
        shop.deliver("exchange_rates.csv", RATES)
        shop.deliver("orders.csv", ",".join(ORDER_COLUMNS) + "\n" + orders)
        shop.deliver("order_lines.csv", ",".join(LINE_COLUMNS) + "\n" + lines)
        shop.load()
        found = raw_totals(shop.settings, shop.dataset.business, day)
        return found.orders, found.revenue

    return add_up


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        ("1,2024-01-02 12:00,EUR,10.05,1.67,,\n", (1, "7.55")),  # 9.045 -> 9.05, less 1.503 -> 1.50
        ("1,2024-01-03 12:00,EUR,10,,,\n", (1, "9.00")),  # a day without a rate of its own
        ("1,2024-01-04 12:00,EUR,10,,,\n", (1, "8.00")),
        ("1,2024-01-05 12:00,,10,,,\n", (1, "10.00")),
        (
            "1,2024-01-05 12:00,GBP,10,,,\n",
            (1, "10.00"),
        ),  # worth itself, whatever is delivered
        ("1,2024-01-01 12:00,EUR,10,,,\n", (0, "0.00")),  # before the first rate: worth nobody knows what
    ],
)
def test_an_order_is_worth_what_the_rate_of_its_day_makes_it(totals, orders, expected):
    counted, revenue = totals(date(2024, 1, 31), orders)
    assert revenue == Decimal(expected[1])
    assert counted == expected[0]


def test_the_rate_is_that_of_the_business_day(totals, shop):
    # 23:30 UTC on 3 July is 4 July in London.
    rates = "currency,rate_date,rate\nEUR,2024-07-03,0.9\nEUR,2024-07-04,0.8\n"
    totals(date(2024, 1, 1))
    shop.deliver("exchange_rates.csv", rates)
    shop.deliver("orders.csv", ",".join(ORDER_COLUMNS) + "\n1,2024-07-03T23:30:00Z,EUR,10,,,\n")
    shop.load(run_time=datetime(2024, 8, 1, tzinfo=UTC))
    assert raw_totals(shop.settings, shop.dataset.business, date(2024, 7, 31)).revenue == Decimal("8.00")


def test_lines_take_their_own_currency_else_that_of_their_order(totals):
    orders = "1,2024-01-02 12:00,EUR,,,,\n"
    lines = "1,,,3,1.115,\n1,,GBP,1,10,\n2,2024-01-04 12:00,EUR,1,10,\n2,,,1,1,\n"
    # 3.345 x 0.9 = 3.0105 -> 3.01, and 10; without a header: 8, and 1 x 0.8
    assert totals(date(2024, 1, 31), orders, lines) == (2, Decimal("3.01") + 10 + 8 + Decimal("0.80"))


@pytest.mark.parametrize(
    ("day", "expected"),
    [(date(2024, 1, 9), "20.00"), (date(2024, 1, 10), "15.00")],
)
def test_a_refund_lowers_revenue_from_its_own_day_on(totals, day, expected):
    orders = "1,2024-01-05 12:00,,20,,5,2024-01-10 12:00\n"
    assert totals(day, orders) == (1, Decimal(expected))


def test_an_order_refunded_in_full_is_still_an_order(totals):
    orders = "1,2024-01-02 12:00,EUR,20,,30,\n"  # at the rate of the order: 18 - 27
    assert totals(date(2024, 1, 31), orders) == (1, Decimal("-9.00"))
