"""Payments that do not fit their orders: each fault is counted and named, and what fits is not."""

import pytest

from crm_pipeline.raw.payments import payment_findings

COLUMNS = {
    "orders": ("order_id", "ordered_at", "status", "total_amount", "shipping_amount"),
    "order_lines": ("order_id", "ordered_at", "quantity", "unit_price", "shipping_amount", "tax_amount"),
    "payments": ("order_id", "payment_id", "payment_number", "amount", "status"),
}


@pytest.fixture
def found(shop):
    """Deliver rows; what stops a run, and what is warned of."""

    def mapped(channel, columns):
        keys = {"system": "s", "channel": channel, "files": f"landing/{channel}.csv"}
        return {"name": channel, "columns": {name: name for name in columns}} | keys

    def look(**rows):
        shop.configure(*(mapped(channel, columns) for channel, columns in COLUMNS.items()))
        for channel, columns in COLUMNS.items():
            lines = [",".join(str(row.get(name, "")) for name in columns) for row in rows.get(channel, [])]
            shop.deliver(f"{channel}.csv", "\n".join([",".join(columns), *lines]) + "\n")
        shop.load()
        assert shop.quarantine() == []
        stops, warns = payment_findings(shop.settings)
        return stops["payments"], warns["payments"]

    return look


def order(name, total="", **more):
    return {"order_id": name, "total_amount": total, "ordered_at": f"2024-01-0{len(name)} 10:00"} | more


def paid(name, amount, number=1, **more):
    return {"order_id": name, "amount": amount, "payment_number": number} | more


def line(name, price, **more):
    return {"order_id": name, "quantity": 1, "unit_price": price} | more


def test_a_shop_without_payments_is_not_told_of_them(found):
    assert found(orders=[order("a", 10)]) == ([], [])


@pytest.mark.parametrize(
    ("orders", "lines", "payments"),
    [
        ([order("a", 10)], [], [paid("a", 4), paid("a", 6, 2)]),
        ([order("a", 10)], [], [paid("a", 9.96)]),
        ([order("a")], [line("a", 7, shipping_amount=2, tax_amount=1)], [paid("a", 10)]),
        ([order("a", shipping_amount=3)], [line("a", 7)], [paid("a", 10)]),
        ([order("a", 10), order("bb", 10, status="cancelled"), order("ccc", 5)], [], [paid("a", 10), paid("ccc", 5)]),
        ([order("a", 9), order("bb", 10), order("ccc", 8)], [], [paid("bb", 10)]),  # some months of payments alone
        ([order("a", 10)], [], [paid("a", 10, status="failed"), paid("a", 10, 2)]),
        ([order("a", 10)], [], [paid("a", 10), paid("a", -10, 2)]),
    ],
)
def test_what_fits_is_not_told(found, orders, lines, payments):
    assert found(orders=orders, order_lines=lines, payments=payments) == ([], [])


@pytest.mark.parametrize(
    ("payments", "said"),
    [
        ([paid("a", 10), paid("ccc", 10)], "1 orders (bb) have no payment, 10.00 in all"),
        ([paid("a", 10), paid("bb", 4), paid("ccc", 10)], "1 orders (bb) are paid in part: 4.00 of 10.00"),
        ([paid("a", 10), paid("bb", 14), paid("ccc", 10)], "1 orders (bb) are paid with more than they cost: 14.00"),
        ([paid("a", 10), paid("a", -11, 2)], "1 orders (a) got more back than was paid: 11.00 of 10.00"),
        ([paid("a", 10), paid("zz", 10)], "1 of 2 payments name an order that the system s did not deliver (zz)"),
    ],
)
def test_what_does_not_fit_is_counted_and_named(found, payments, said):
    stops, (warn,) = found(orders=[order(name, 10) for name in ("a", "bb", "ccc")], payments=payments)
    assert stops == []
    assert said in warn


def test_payments_of_which_none_finds_its_order_stop_a_run(found):
    (stop,), warns = found(orders=[order("a", 10)], payments=[paid(f"x{number}", 1) for number in range(20)])
    assert "none of its 20 payments names an order of the system s (x0, x1, x10, x11, x12, ...)" in stop
    assert "the same `system:`" in stop
    assert warns == []
