"""The second opinion on payments, shipping and tax, worked out by hand."""

from datetime import date
from decimal import Decimal

import pytest

from crm_pipeline.raw.totals import raw_totals

RATES = "currency,rate_date,rate\nEUR,2024-01-02,0.9\nEUR,2024-01-04,0.8\n"
COLUMNS = {
    "orders": ("order_id", "ordered_at", "currency", "total_amount", "status", "shipping_amount", "tax_amount"),
    "order_lines": ("order_id", "ordered_at", "quantity", "unit_price", "status", "shipping_amount", "tax_amount"),
    "payments": (
        *("order_id", "payment_id", "payment_number", "amount", "kind", "status", "paid_at", "refunded_amount"),
        *("refunded_at", "currency"),
    ),
    "exchange_rates": ("currency", "rate_date", "rate"),
}


@pytest.fixture
def totals(shop):
    """Deliver rows and return the totals as of the end of January."""

    def mapped(channel, columns):
        columns = {name: name for name in columns}
        return {
            "name": channel,
            "system": "s",
            "channel": channel,
            "files": f"landing/{channel}.csv",
            "columns": columns,
        }

    shop.configure(*(mapped(channel, columns) for channel, columns in COLUMNS.items()))

    def add_up(**rows):
        for channel, columns in COLUMNS.items():
            lines = [",".join(str(row.get(name, "")) for name in columns) for row in rows.get(channel, [])]
            shop.deliver(f"{channel}.csv", "\n".join([",".join(columns), *lines]) + "\n")
        shop.deliver("exchange_rates.csv", RATES)
        shop.load()
        assert shop.quarantine() == []
        return raw_totals(shop.settings, shop.dataset.business, date(2024, 1, 31))

    return add_up


ORDER = {"order_id": "1", "ordered_at": "2024-01-03 12:00", "currency": "EUR", "total_amount": 20}


@pytest.mark.parametrize(
    ("payments", "expected"),
    [
        ([{"amount": 10}, {"amount": 10}], "18.00"),  # without id or number each row counts
        ([{"payment_number": 1, "amount": 10}, {"payment_number": 2, "amount": 5, "status": "failed"}], "9.00"),
        (
            [{"payment_id": "a", "amount": 10, "paid_at": "2024-01-05 12:00"}, {"payment_id": "a", "amount": -10}],
            "0.00",
        ),
        ([{"amount": 10, "status": "refunded"}], "0.00"),
        ([{"amount": 10, "status": "refunded", "refunded_amount": 4}], "5.40"),
        ([{"amount": 10, "refunded_amount": 4, "refunded_at": "2024-02-01 12:00"}], "9.00"),
        ([{"amount": 4, "kind": "refund"}, {"amount": 10, "status": "pending"}], "-3.60"),
        ([{"amount": 10, "currency": "GBP"}], "10.00"),
        ([{"order_id": "9", "amount": 10, "paid_at": "2024-01-05 12:00", "currency": "EUR"}], "8.00"),
        ([{"order_id": "9", "amount": 10}], "0.00"),  # of no order, and nobody knows of when
        ([{"amount": 10, "paid_at": "2024-02-01 12:00"}], "0.00"),
    ],
)
def test_payments_are_worth_what_came_in_and_stayed(totals, payments, expected):
    found = totals(orders=[ORDER], payments=[{"order_id": "1"} | payment for payment in payments])
    assert found.paid == Decimal(expected)


@pytest.mark.parametrize(
    ("header", "lines", "expected"),
    [
        ({}, [{"shipping_amount": 2, "tax_amount": 1}, {"shipping_amount": 3}], ("4.50", "0.90")),
        ({"shipping_amount": 4}, [{"shipping_amount": 2, "tax_amount": 1}], ("3.60", "0.90")),
        ({"status": "cancelled", "shipping_amount": 4}, [{"tax_amount": 1}], ("0.00", "0.00")),
        ({}, [{"shipping_amount": 2}, {"shipping_amount": 3, "status": "cancelled"}], ("1.80", "0.00")),
    ],
)
def test_shipping_and_tax_are_those_of_the_header_else_of_its_lines(totals, header, lines, expected):
    sold = [{"order_id": "1", "quantity": 1, "unit_price": 10} | line for line in lines]
    found = totals(orders=[ORDER | header], order_lines=sold)
    assert (found.shipping, found.tax) == tuple(map(Decimal, expected))
