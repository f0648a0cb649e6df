"""The web shop and its app: accounts as CSV, orders as nested JSON lines, order lines as Parquet.

ISO times with their UTC offset, decimal points, guest checkout, returns as documents of their own with positive
quantities, partial refunds within the order, and a few orders in other currencies.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample import records
from crm_pipeline.sample.calendar import PERIODS, period_of, utc_offsets
from crm_pipeline.sample.dirt import REPAIRED, WAITING, Fault
from crm_pipeline.sample.people import Part
from crm_pipeline.sample.rates import CURRENCIES, rate
from crm_pipeline.sample.tables import (
    NULL,
    SourceFile,
    Texts,
    by_period,
    csv_cells,
    dates,
    json_cells,
    money,
    numbers,
    times,
)

SYSTEM = "shop"
GUEST_SHARE = 0.08
PHONE_ONLY = 0.06
CARD_IN_PROFILE = 0.3
TRUE_FALSE = {"yes": "true", "no": "false", "": ""}
HEARD_OF_US = 0.85
DATE = "%Y-%m-%d"
FAULTS = {
    "accounts": [
        Fault("bad_date", "created_at", "registered_at", "yesterday"),
        Fault("missing_id", "customer_id", "id", ""),
        Fault("unknown_code", "gender", "gender", "unspecified?"),
        Fault("null_spelling", "birth_date", "birthday", "NULL", REPAIRED),
        Fault("mixed_date_format", "birth_date", "birthday", "03/14/1975"),
    ],
    "orders": [
        Fault("bad_date", "ordered_at", "placed_at", '"2025-13-45T99:00:00+00:00"'),
        Fault("unknown_status", "status", "status", '"on_hold"'),
        Fault("missing_id", "order_id", "id", NULL),
        Fault("text_in_amount", "total_amount", "totals.paid", '"12.50 points"'),
        Fault("unknown_currency", "currency", "currency", '"pounds"'),
        Fault("broken_separators", "total_amount", "totals.paid", '"1,23,4.50"'),
        Fault("future_time", "ordered_at", "placed_at", '"2126-02-03T10:00:00+00:00"', WAITING),
        Fault("letter_case", "status", "status", str.upper, REPAIRED),
        Fault("negative_amount", "refunded_amount", "refund.amount", "-3.00"),
    ],
    "lines": [
        Fault("missing_id", "order_id", "order_id", None),
        Fault("negative_price", "unit_price", "unit_price", "-1.00"),
        Fault("unknown_status", "status", "status", "lost"),
    ],
    "catalogue": [],
}


def accounts(
    people: pd.DataFrame, orders: pd.DataFrame, programme: pd.DataFrame, rng: np.random.Generator, part: Part
) -> pd.DataFrame:
    """Draw the shop's accounts; guests who ordered have none. Some people give their loyalty card in the profile."""
    here = orders[(orders["sales_channel"] != "till") & (orders["original"] < 0)]
    bought = np.zeros(len(people), dtype=bool)
    bought[here["person"].unique()] = True
    # A guest who never ordered would be in no file at all: they register to look around.
    holders = (people["in_shop"] & ~(people["guest_only"] & bought)).to_numpy()
    joined = records.register(people, holders, here, records.SHOP, rng)
    seen = records.observe(people, joined, records.SHOP, rng)
    seen["source_id"] = numbers(np.arange(len(seen)) + part.first_id(500_001, 1_000_000))
    card = programme.drop_duplicates("person").set_index("person")["card_no"]
    given = rng.random(len(seen)) < CARD_IN_PROFILE
    seen["card_no"] = np.where(given, seen["person"].map(card).fillna(""), "")
    won_by = people["acquisition"].to_numpy()[seen["person"].to_numpy()]
    seen["heard_of_us"] = np.where(rng.random(len(seen)) < HEARD_OF_US, won_by, "")
    # Before the first hour of any order, so that an account is never younger than its first order.
    seen["minute"] = rng.integers(2 * 60, 6 * 60, len(seen))
    return seen


def attribute(
    orders: pd.DataFrame, holders: pd.DataFrame, people: pd.DataFrame, rng: np.random.Generator, part: Part
) -> pd.DataFrame:
    """Return the shop's orders with the account used (`record`, -1 = guest), the contact given, and order numbers.

    `original_id` is the order that a return belongs to.
    """
    record = records.record_of_order(holders, orders)
    record = np.where(rng.random(len(orders)) < GUEST_SHARE, -1, record)
    original = orders["original"].to_numpy()
    record = np.where(original >= 0, record[original], record)
    guests = np.flatnonzero((record < 0) & (orders["sales_channel"] != "till"))
    email = np.where(record < 0, "", holders["email"].to_numpy(dtype=object)[record])
    phone = np.full(len(orders), "", dtype=object)
    email[guests], phone[guests] = _guest_contacts(people, orders["person"].to_numpy()[guests], rng)
    source = np.where(original >= 0, original, np.arange(len(orders)))
    country = people["country"].to_numpy()[orders["person"].to_numpy()]
    mine = orders.assign(record=record, email=email[source], phone=phone[source], country=country, source=source)
    mine = mine[orders["sales_channel"] != "till"].reset_index(drop=True)
    sale = (mine["original"] < 0).to_numpy()
    numbered = pd.Series(np.cumsum(sale) + part.first_id(100_000, 10_000_000), index=mine["order"])
    order_id = "W" + numbers(numbered.loc[mine["source"]].to_numpy())
    ids = {"order_id": np.where(sale, order_id, order_id + "-R1"), "original_id": np.where(sale, "", order_id)}
    return mine.assign(**ids).drop(columns="source")


def _guest_contacts(
    people: pd.DataFrame, person: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return e-mail and phone that guests leave: an address, or at least a number."""
    guest = people.iloc[person].reset_index(drop=True)
    email, phone = records.contacts(guest, records.SHOP, rng)
    phone_only = rng.random(len(guest)) < PHONE_ONLY
    return np.where(phone_only, "", email), np.where(phone_only, guest["phone"], phone)


def account_files(holders: pd.DataFrame, moved: pd.DataFrame) -> list[SourceFile]:
    """Write the accounts by period of registration, with changed ones again in the period of the change."""
    rows = pd.concat([holders, moved], ignore_index=True)
    registered = _iso(rows["day"], rows["minute"])
    cells = pd.DataFrame(
        {
            "id": rows["source_id"],
            "email": rows["email"],
            "first_name": csv_cells(rows["first_name"], ","),
            "last_name": csv_cells(rows["last_name"], ","),
            "phone": rows["phone"],
            "birthday": dates(rows["birth_date"], DATE),
            "gender": rows["gender"],
            "street": csv_cells(rows["street"], ","),
            "postcode": rows["postcode"],
            "city": rows["town"],
            "country": rows["country"],
            "loyalty_card": rows["card_no"],
            "heard_of_us": rows["heard_of_us"],
            "registered_at": registered,
            "updated_at": _iso(rows["updated_day"], rows["minute"]),
            "newsletter": rows["consent_email"].map(TRUE_FALSE),
            "text_messages": rows["consent_phone"].map(TRUE_FALSE),
            "consent_at": np.where(rows["consent_email"] == "", "", registered),
        },
        dtype=object,
    )
    files = by_period(cells, period_of(rows["updated_day"].to_numpy()), (SYSTEM, "accounts", "csv"), "id")
    for file in files:
        file.version = "updated_at"
    return files


def sales_files(
    orders: pd.DataFrame, lines: pd.DataFrame, holders: pd.DataFrame, products: pd.DataFrame
) -> tuple[list[SourceFile], list[SourceFile]]:
    """Write orders and their lines; rows with `corrected` set go into the corrections of June 2026."""
    of = pd.Series(np.arange(len(orders)), index=orders["order"]).reindex(lines["order"]).to_numpy()
    orders, lines = _in_currency(orders, lines, of)
    placed_at = _iso(orders["day"], orders["minute"])
    documents = _documents(orders, holders, placed_at)
    parts = pd.DataFrame(
        {
            "order_id": orders["order_id"].to_numpy()[of],
            "line": numbers(lines["line_number"]),
            "sku": products["shop_id"].to_numpy()[lines["product"].to_numpy()],
            "quantity": numbers(lines["quantity"]),
            "unit_price": money(lines["price"]),
            "discount": money(lines["discount"]),
            "currency": orders["currency"].to_numpy()[of],
            "status": orders["status"].to_numpy()[of],
            "placed_at": placed_at[of],
            "channel": orders["sales_channel"].to_numpy()[of],
        },
        dtype=object,
    )
    late = orders["late"].to_numpy()
    period = np.where(orders["corrected"], len(PERIODS), period_of(orders["day"].to_numpy()) + late)
    order_files = by_period(documents, period, (SYSTEM, "orders", "jsonl"), "id", late)
    return order_files, by_period(parts, period[of], (SYSTEM, "lines", "parquet"), "order_id", late[of])


def _in_currency(orders: pd.DataFrame, lines: pd.DataFrame, of: NDArray[np.int64]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn the pence of orders in other currencies into their cents, at the day's rate; totals are added up anew."""
    worth = np.ones(len(orders))
    for currency in CURRENCIES:
        mine = (orders["currency"] == currency).to_numpy()
        worth[mine] = rate(currency, orders["day"].to_numpy()[mine])
    orders, lines = orders.copy(), lines.copy()
    for column in ("discount", "tax", "shipping", "refunded"):
        orders[column] = np.round(orders[column] / worth).astype(np.int64)
    for column in ("price", "discount"):
        lines[column] = np.round(lines[column] / worth[of]).astype(np.int64)
    net = np.bincount(of, weights=lines["price"] * lines["quantity"] - lines["discount"], minlength=len(orders))
    orders["total"] = net.astype(np.int64) - orders["discount"] + orders["tax"] + orders["shipping"]
    return orders, lines


def _documents(orders: pd.DataFrame, holders: pd.DataFrame, placed_at: Texts) -> pd.DataFrame:
    record = orders["record"].to_numpy()
    account = np.where(record >= 0, holders["source_id"].to_numpy()[record], "")
    refunded = (orders["refunded"] > 0).to_numpy()
    refunded_at = _iso(orders["refunded_day"].clip(lower=0), orders["minute"])
    return pd.DataFrame(
        {
            "id": json_cells(orders["order_id"]),
            "placed_at": json_cells(pd.Series(placed_at)),
            "customer.id": json_cells(pd.Series(account)),
            "customer.email": json_cells(orders["email"]),
            "customer.phone": json_cells(orders["phone"]),
            "ship_to": json_cells(orders["country"]),
            "channel": json_cells(orders["sales_channel"]),
            "status": json_cells(orders["status"]),
            "original": json_cells(orders["original_id"]),
            "coupon": json_cells(orders["coupon"]),
            "currency": json_cells(orders["currency"]),
            "totals.discount": money(orders["discount"]),
            "totals.tax": money(orders["tax"]),
            "totals.shipping": money(orders["shipping"]),
            "totals.paid": money(orders["total"]),
            "refund.amount": np.where(refunded, money(orders["refunded"]), NULL),
            "refund.at": np.where(refunded, json_cells(pd.Series(refunded_at)), NULL),
        },
        dtype=object,
    )


def catalogue_file(products: pd.DataFrame) -> SourceFile:
    """Write the shop's catalogue; it knows no cost."""
    cells = pd.DataFrame(
        {
            "sku": products["shop_id"],
            "barcode": products["ean"],
            "title": csv_cells(products["shop_name"], ","),
            "category": csv_cells(products["category_path"], ","),
            "brand": products["brand"],
        },
        dtype=object,
    )
    return SourceFile(SYSTEM, "catalogue", "2026", "csv", "sku", cells)


def _iso(day: pd.Series, minute: pd.Series) -> Texts:
    offsets = utc_offsets()[day.to_numpy()]
    return times(day, minute, DATE, "T", np.array([":00"], dtype=object) + offsets)
