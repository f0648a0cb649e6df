"""Amounts and customer ids that load and cannot be meant: each planted fault is counted and named, and no other."""

import pytest

from crm_pipeline.raw.check_sources import check_sources
from crm_pipeline.raw.customer_ids import id_findings
from crm_pipeline.raw.plausibility import amount_findings
from tests.raw.conftest import RUN_TIME

ORDERS = ("order_id", "ordered_at", "status", "customer_id", "total_amount", "tax_amount", "shipping_amount")
MORE = ("discount_amount", "gift_card_amount", "refunded_amount", "currency")
LINES = (
    *("order_id", "quantity", "unit_price", "net_amount", "discount_amount", "status", "is_gift_card", "currency"),
    *("tax_amount", "shipping_amount"),
)


def source(channel, columns, **own):
    return {
        "name": channel,
        "system": "s",
        "channel": channel,
        "files": f"landing/{channel}.csv",
        "columns": {column: column for column in columns},
    } | own


def deliver(shop, channel, columns, rows):
    lines = [",".join(columns), *(",".join(str(row.get(column, "")) for column in columns) for row in rows)]
    shop.deliver(f"{channel}.csv", "\n".join(lines) + "\n")


@pytest.fixture
def found(shop):
    """Deliver orders and their lines; what stops a run, and what is warned of."""

    def look(orders=(), lines=(), quarantined=0):
        shop.configure(source("orders", ORDERS + MORE), source("order_lines", (*LINES, "ordered_at")))
        deliver(shop, "orders", ORDERS + MORE, [{"ordered_at": "2024-01-01 10:00"} | order for order in orders])
        deliver(
            shop, "order_lines", (*LINES, "ordered_at"), [{"ordered_at": "2024-01-01 10:00"} | row for row in lines]
        )
        shop.load()
        assert shop.quarantine() == []
        stops, warns = amount_findings(shop.settings, {"s": quarantined})
        return stops["orders"] + stops["order_lines"], warns["orders"] + warns["order_lines"]

    return look


def order(name, total="", **more):
    return {"order_id": name, "total_amount": total} | more


def line(name, price="", quantity=1, **more):
    return {"order_id": name, "unit_price": price, "quantity": quantity} | more


def test_orders_of_which_none_has_an_amount_stop_a_run(found):
    (stop,), warns = found([order(f"A{number}") for number in range(7)] + [order("C", status="cancelled")])
    assert "none of its 7 orders (A0, A1, A2, A3, A4, ...) has an amount" in stop
    assert "Map total_amount under columns of the source orders" in stop
    assert warns == []


@pytest.mark.parametrize(
    ("orders", "lines"),
    [
        ([], []),
        ([order("A", 0)], []),
        ([order("A", status="cancelled")], []),
        ([order("A")], [line("A", 5)]),
        ([order("A")], [line("A", 0)]),
        ([order("A", 0)], [line("A")]),
        ([order("A", status="cancelled")], [line("A")]),
        ([], [line("A", status="cancelled")]),
        ([], [line("A", 5)]),
    ],
    ids=[
        *("nothing", "free", "cancelled", "priced lines", "free lines", "free with lines", "cancelled with lines"),
        *("cancelled lines", "lines alone"),
    ],
)
def test_what_is_free_or_told_by_lines_or_cancelled_stops_nothing(found, orders, lines):
    assert found(orders, lines) == ([], [])


def test_lines_without_any_price_that_hide_the_total_of_their_header_stop_a_run(found):
    (stop,), _ = found([order("A", 10), order("B", 20)], [line("A"), line("B"), line("B")])
    assert "none of its lines has a price, so that 2 orders (A, B) would bring 0, 2 of them although" in stop
    assert "take the source out" in stop


def test_lines_without_any_price_nor_header_stop_a_run(found):
    (stop,), _ = found([], [line("A"), line("B")])
    assert "2 orders (A, B) would bring 0, 0 of them" in stop
    assert "take the source out" not in stop


def test_single_orders_without_an_amount_are_warned_of(found):
    stops, warns = found([order("A", 10), order("B"), order("C", 8)], [line("C"), line("D"), line("A", 10)])
    assert stops == []
    assert "1 orders (B) have neither an amount nor" in warns[0]
    assert "2 orders (C, D) have lines without any price and bring 0, 1 of them although" in warns[1]


def test_the_amount_of_a_whole_line_taken_for_a_unit_price_is_named_with_its_remedy(found):
    stops, (warn,) = found([order("A", 160), order("B", 20)], [line("A", 160, 8), line("B", 20)])
    assert stops == []
    assert "the lines of 1 orders (A) do not add up to their headers: 1,280.00 against 160.00" in warn
    assert "map that column to net_amount" in warn


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ({"total_amount": 10}, [line("A", 10)]),
        ({"total_amount": 10.02}, [line("A", 10)]),
        ({"total_amount": 1004}, [line("A", 1000, tax_amount=0)]),
        ({"total_amount": 17, "tax_amount": 2, "shipping_amount": 5}, [line("A", 10)]),
        ({"total_amount": 17, "tax_amount": 2, "shipping_amount": 5}, [line("A", 15)]),
        ({"total_amount": 17, "tax_amount": 2, "shipping_amount": 5}, [line("A", 17)]),
        ({"total_amount": 11.9}, [line("A", 10)]),
        ({"total_amount": 10, "shipping_amount": 0}, [line("A", 11.9)]),
        ({"total_amount": 14.5, "tax_amount": 0}, [line("A", 10)]),
        ({"total_amount": 8, "discount_amount": 2}, [line("A", 10)]),
        ({"total_amount": 60, "gift_card_amount": 50}, [line("A", 10), line("A", 50, is_gift_card="true")]),
        ({"total_amount": 60}, [line("A", 10), line("A", 50, is_gift_card="true")]),
        ({"total_amount": 6, "refunded_amount": 4}, [line("A", 10)]),
        ({"total_amount": 10, "refunded_amount": 4}, [line("A", 10)]),
        ({"total_amount": 99, "status": "returned"}, [line("A", 10)]),
        ({"total_amount": 99, "status": "cancelled"}, [line("A", 10)]),
        ({"total_amount": 99}, [line("A", 10), line("A", 89, status="returned")]),
        ({"total_amount": 99, "currency": "EUR"}, [line("A", 10, currency="USD")]),
        ({"total_amount": 10}, [line("A", 10), line("A")]),
        ({"total_amount": 0}, [line("A", 10, discount_amount=10)]),
        ({"total_amount": -10}, [line("A", 10, quantity=-1)]),
    ],
)
def test_lines_that_can_be_what_their_header_says_are_not_named(found, header, lines):
    assert found([{"order_id": "A"} | header], lines) == ([], [])


def test_lines_that_hold_the_tax_of_their_header_are_named(found):
    header = {"order_id": "A", "total_amount": 17, "tax_amount": 2, "shipping_amount": 5}
    _, (sentence,) = found([header], [line("A", 12)])
    assert "the totals of 1 orders (A) say that the amounts of their lines hold tax, 2.00 in all" in sentence


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ({"total_amount": 10, "tax_amount": 0, "shipping_amount": 0}, [line("A", 10.06)]),
        ({"total_amount": 1006, "tax_amount": 0, "shipping_amount": 0}, [line("A", 1000)]),
        ({"total_amount": 25}, [line("A", 10)]),
        ({"total_amount": 10}, [line("A", 14)]),
        ({"total_amount": 10, "discount_amount": 2, "tax_amount": 0, "shipping_amount": 0}, [line("A", 10)]),
        ({"total_amount": 0}, [line("A", 10)]),
    ],
)
def test_lines_that_cannot_be_what_their_header_says_are_named(found, header, lines):
    stops, (warn,) = found([{"order_id": "A"} | header], lines)
    assert stops == []
    assert "1 orders (A) do not add up" in warn


def test_lines_that_fall_short_by_what_is_in_quarantine_are_told_there(found):
    orders, lines = [order("A", 30), order("B", 30), order("C", 30)], [line("A", 10), line("B", 10), line("C", 30)]
    assert found(orders, lines, quarantined=2)[1] == []
    (warn,) = found(orders, lines, quarantined=1)[1]
    assert "2 orders (A, B)" in warn


def test_an_address_is_no_example(found):
    _, (warn,) = found([order("a@example.org", 10)], [line("a@example.org", 99)])
    assert "1 orders do not add up" in warn


def test_a_line_sold_on_a_credit_note_is_named(found):
    notes = [line("N1", 5, -1, status="returned"), line("N1", 7, 2, status="returned")]
    _, (warn,) = found([], [*notes, line("N2", 5, -1, status="returned"), line("A", 20, 3)])
    assert "Source order_lines: 1 line with a positive quantity and amount, 14.00 in all, on credit notes (N1)" in warn


def test_a_header_makes_a_credit_note_too(found):
    _, (warn,) = found([order("N", -3, status="returned")], [line("N", 5, -1), line("N", 2, 1)])
    assert "2.00 in all, on credit notes (N)" in warn


@pytest.mark.parametrize(
    "lines",
    [
        [line("N", 5, 1, status="returned"), line("N", 7, 2, status="returned")],  # written without a minus throughout
        [line("A", 5, 1), line("A", 7, 1, status="returned")],  # a part of the order came back
        [line("N", 5, -1, status="returned"), line("N", 0, 1, status="returned")],  # worth nothing
        [line("N", 5, -1, status="returned"), line("A", 7, 2), line("B", 1, status="cancelled")],
    ],
    ids=["no signs", "part of an order", "worth nothing", "other orders"],
)
def test_what_came_back_is_not_taken_for_sold(found, lines):
    assert found([], lines) == ([], [])


@pytest.fixture
def ids(shop):
    """Deliver orders of customers and the customers; what is said of their ids."""

    def look(bought, known):
        shop.configure(source("orders", ORDERS), source("customers", ["customer_id"]))
        rows = [order(number, 1, customer_id=name, ordered_at="2024-01-01 10:00") for number, name in enumerate(bought)]
        deliver(shop, "orders", ORDERS, rows)
        deliver(shop, "customers", ["customer_id"], [{"customer_id": name} for name in known])
        shop.load()
        found = id_findings(shop.settings)
        return found["orders"] + found["customers"]

    return look


def test_orders_of_which_hardly_any_names_a_customer_are_warned_of(ids):
    bought = [f"cus_{number % 10}" for number in range(20)]
    (warn,) = ids(bought, ["cus_1", "K2", "K3"])
    assert "Source orders: of 10 customer ids on 20 orders 1 are those of a customer of customers." in warn


@pytest.mark.parametrize(
    ("bought", "known"),
    [
        ([f"cus_{number}" for number in range(19)], ["K1"]),
        ([f"cus_{number}" for number in range(20)], ["cus_1", "cus_2", "cus_3", "cus_4"]),
        ([f"cus_{number}" for number in range(20)], []),
        (["0", "NULL", "guest", "\\N"] * 10, ["K1"]),
        ([""] * 30, ["K1"]),
    ],
    ids=["few orders", "a fifth is known", "no customers", "stand-ins", "guests"],
)
def test_orders_like_others_are_not_warned_of(ids, bought, known):
    assert ids(bought, known) == []


@pytest.mark.parametrize(
    ("bought", "known", "example", "side"),
    [
        (["1.0", "1.0", "2.0", "3"], ["1", "2", "3"], "2 customer ids on 3 orders are written otherwise", "orders"),
        (["1", "2"], ["1.0", "2.0"], "(1 against 1.0)", "customers"),
        (["123", "45678"], ["00123", "45678"], "(123 against 00123)", "orders"),
        (["00123"], ["123"], "(00123 against 123)", "customers"),
        (["000123456789"], ["123456789"], "of the source customers, so that", "customers"),
    ],
    ids=["fraction bought", "fraction known", "zeros lost bought", "zeros lost known", "like a telephone number"],
)
def test_ids_in_another_writing_are_noted_with_the_side_to_export_as_text(ids, bought, known, example, side):
    (warn,) = ids(bought, known)
    assert example in warn
    assert f"Export customer_id of the source {side} as text" in warn


def test_another_writing_is_a_note_before_the_first_run(shop):
    shop.configure(source("orders", ORDERS), source("customers", ["customer_id"]))
    deliver(shop, "orders", ORDERS, [order("A", 1, customer_id="1.0", ordered_at="2024-01-01")])
    deliver(shop, "customers", ["customer_id"], [{"customer_id": "1"}])
    seen = check_sources(shop.dataset, RUN_TIME)
    assert seen.is_fine
    (note,) = seen.notes
    assert "(1.0 against 1)" in note


def test_the_expressions_that_are_proposed_mend_the_ids(shop):
    customers, bought = source("customers", ["customer_id"]), source("orders", ORDERS)
    for written, sql in [
        ("1.0", r"""regexp_replace("customer_id", '\.0+$', '')"""),
        ("1", """lpad("customer_id", 1, '0')"""),
    ]:
        bought["columns"]["customer_id"] = {"sql": sql}
        shop.configure(bought, customers)
        deliver(shop, "orders", ORDERS, [order("A", 1, customer_id=written, ordered_at="2024-01-01")])
        deliver(shop, "customers", ["customer_id"], [{"customer_id": "1"}])
        shop.load()
        assert id_findings(shop.settings)["orders"] == []


def test_rounded_ids_are_named_on_both_sides(ids):
    warns = ids(["4.5E+11", "7"], ["4.5E+11", "7"])
    assert [warn.split(":")[0] for warn in warns] == ["Source orders", "Source customers"]
    assert all("1 customer ids were rounded by a spreadsheet program (4.5E+11)" in warn for warn in warns)


def test_tax_that_is_within_the_lines_is_named(found):
    rows = [line("A", 12, tax_amount=2, shipping_amount=3), line("B", 10, tax_amount=2, shipping_amount=3)]
    stops, (warn,) = found([order("A", 15), order("B", 15)], rows)
    assert stops == []
    assert "the totals of 1 orders (A) say that the amounts of their lines hold tax, 2.00 in all" in warn
