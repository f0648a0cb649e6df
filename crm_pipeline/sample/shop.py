"""The web shop and its app: accounts as CSV, orders as nested JSON lines, order lines as Parquet.

ISO times with their UTC offset, decimal points, guest checkout, returns as documents of their own with positive
quantities.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample import records
from crm_pipeline.sample.calendar import CORRECTIONS, PERIODS, period_of, utc_offsets
from crm_pipeline.sample.dirt import Fault
from crm_pipeline.sample.tables import (
    NULL,
    Form,
    SourceFile,
    Texts,
    csv_cells,
    dates,
    json_cells,
    money,
    numbers,
    times,
)

SYSTEM = "shop"
GUEST_SHARE = 0.08
CARD_IN_PROFILE = 0.3
TRUE_FALSE = {"yes": "true", "no": "false", "": ""}
REFERRERS = ["search", "social", "friend", "advert", "store", ""]
DATE = "%Y-%m-%d"
FAULTS = {
    "accounts": [
        Fault("bad_date", "created_at", "registered_at", "yesterday"),
        Fault("missing_id", "customer_id", "id", ""),
        Fault("unknown_code", "gender", "gender", "unspecified?"),
    ],
    "orders": [
        Fault("bad_date", "ordered_at", "placed_at", '"2025-13-45T99:00:00+00:00"'),
        Fault("unknown_status", "status", "status", '"on_hold"'),
        Fault("missing_id", "order_id", "id", NULL),
        Fault("text_in_amount", "total_amount", "totals.paid", '"GBP 12.50"'),
    ],
    "lines": [
        Fault("missing_id", "order_id", "order_id", None),
        Fault("negative_price", "unit_price", "unit_price", "-1.00"),
    ],
    "catalogue": [],
}


def accounts(
    people: pd.DataFrame, orders: pd.DataFrame, programme: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Draw the shop's accounts; guests who ordered have none. Some people give their loyalty card in the profile."""
    here = orders[(orders["channel"] != "till") & (orders["original"] < 0)]
    bought = np.zeros(len(people), dtype=bool)
    bought[here["person"].unique()] = True
    # A guest who never ordered would be in no file at all: they register to look around.
    holders = (people["in_shop"] & ~(people["guest_only"] & bought)).to_numpy()
    joined = records.register(people, holders, here, records.SHOP, rng)
    seen = records.observe(people, joined, records.SHOP, rng)
    seen["source_id"] = numbers(np.arange(len(seen)) + 500_001)
    card = programme.drop_duplicates("person").set_index("person")["card_no"]
    given = rng.random(len(seen)) < CARD_IN_PROFILE
    seen["card_no"] = np.where(given, seen["person"].map(card).fillna(""), "")
    seen["referrer"] = rng.choice(REFERRERS, len(seen), p=[0.3, 0.2, 0.12, 0.13, 0.1, 0.15])
    # Before the first hour of any order, so that an account is never younger than its first order.
    seen["minute"] = rng.integers(2 * 60, 6 * 60, len(seen))
    return seen


def attribute(
    orders: pd.DataFrame, holders: pd.DataFrame, people: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """Return the shop's orders with the account used (`record`, -1 = guest), the contact given, and order numbers."""
    record = records.record_of_order(holders, orders, len(people))
    record = np.where(rng.random(len(orders)) < GUEST_SHARE, -1, record)
    original = orders["original"].to_numpy()
    record = np.where(original >= 0, record[original], record)
    given_email, given_phone = records.contacts(
        people.iloc[orders["person"].to_numpy()].reset_index(drop=True), records.SHOP, rng
    )
    phone_only = rng.random(len(orders)) < 0.06
    # A guest leaves an e-mail or at least a phone number; the account speaks for whoever is logged in.
    guest = record < 0
    number = people["phone"].to_numpy()[orders["person"].to_numpy()]
    email = np.where(guest, np.where(phone_only, "", given_email), holders["email"].to_numpy()[record])
    phone = np.where(guest, np.where(phone_only, number, given_phone), "")
    source = np.where(original >= 0, original, np.arange(len(orders)))
    mine = orders.assign(record=record, email=email[source], phone=phone[source], source=source)
    mine = mine[orders["channel"] != "till"].reset_index(drop=True)
    sale = (mine["original"] < 0).to_numpy()
    numbered = pd.Series(np.cumsum(sale) + 100_000, index=mine["order"])
    order_id = "W" + numbers(numbered.loc[mine["source"]].to_numpy())
    return mine.assign(order_id=np.where(sale, order_id, order_id + "-R1")).drop(columns="source")


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
            "country": "GB",
            "loyalty_card": rows["card_no"],
            "heard_of_us": rows["referrer"],
            "registered_at": registered,
            "updated_at": _iso(rows["updated_day"], rows["minute"]),
            "newsletter": rows["consent_email"].map(TRUE_FALSE),
            "text_messages": rows["consent_phone"].map(TRUE_FALSE),
            "consent_at": np.where(rows["consent_email"] == "", "", registered),
        },
        dtype=object,
    )
    return _by_period(cells, period_of(rows["updated_day"].to_numpy()), "accounts", "csv", "id")


def sales_files(
    orders: pd.DataFrame, lines: pd.DataFrame, holders: pd.DataFrame, products: pd.DataFrame
) -> tuple[list[SourceFile], list[SourceFile]]:
    """Write orders and their lines; rows with `corrected` set go into the corrections of June 2026."""
    record = orders["record"].to_numpy()
    placed_at = _iso(orders["day"], orders["minute"])
    account = np.where(record >= 0, holders["source_id"].to_numpy()[record], "")
    documents = pd.DataFrame(
        {
            "id": json_cells(orders["order_id"]),
            "placed_at": json_cells(pd.Series(placed_at)),
            "customer.id": json_cells(pd.Series(account)),
            "customer.email": json_cells(orders["email"]),
            "customer.phone": json_cells(orders["phone"]),
            "channel": json_cells(orders["channel"]),
            "status": json_cells(orders["status"]),
            "coupon": json_cells(orders["coupon"]),
            "totals.discount": money(orders["discount"]),
            "totals.tax": money(orders["tax"]),
            "totals.shipping": money(orders["shipping"]),
            "totals.paid": money(orders["total"]),
        },
        dtype=object,
    )
    of = pd.Series(np.arange(len(orders)), index=orders["order"]).reindex(lines["order"]).to_numpy()
    parts = pd.DataFrame(
        {
            "order_id": orders["order_id"].to_numpy()[of],
            "line": numbers(lines["line_number"]),
            "sku": products["shop_id"].to_numpy()[lines["product"].to_numpy()],
            "quantity": numbers(lines["quantity"]),
            "unit_price": money(lines["price"]),
            "discount": money(lines["discount"]),
            "status": orders["status"].to_numpy()[of],
            "placed_at": placed_at[of],
            "channel": orders["channel"].to_numpy()[of],
        },
        dtype=object,
    )
    period = np.where(orders["corrected"], len(PERIODS), period_of(orders["day"].to_numpy()))
    order_files = _by_period(documents, period, "orders", "jsonl", "id")
    return order_files, _by_period(parts, period[of], "lines", "parquet", "order_id")


def catalogue_file(products: pd.DataFrame) -> SourceFile:
    """Write the shop's catalogue; it knows no cost."""
    cells = pd.DataFrame(
        {
            "sku": products["shop_id"],
            "title": csv_cells(products["name"], ","),
            "category": csv_cells(products["category_path"], ","),
            "brand": products["brand"],
        },
        dtype=object,
    )
    return SourceFile(SYSTEM, "catalogue", "2026", "csv", "sku", cells)


def _iso(day: pd.Series, minute: pd.Series) -> Texts:
    offsets = utc_offsets()[day.to_numpy()]
    return times(day, minute, DATE, "T", np.array([":00"], dtype=object) + offsets)


def _by_period(cells: pd.DataFrame, period: np.ndarray, source: str, form: Form, key: str) -> list[SourceFile]:
    names = [*PERIODS, CORRECTIONS]
    files = []
    for name in sorted(names):
        rows = cells[period == names.index(name)].reset_index(drop=True)
        if len(rows):
            files.append(SourceFile(SYSTEM, source, name, form, key, rows))
    return files
