"""The stores' till system: loyalty members, receipts and credit notes as an old European export writes them.

Semicolons, decimal commas, dd/mm/yyyy in local time, one-letter codes, negative quantities on credit notes.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm_pipeline.sample import records
from crm_pipeline.sample.calendar import PERIODS, period_of
from crm_pipeline.sample.dirt import REPAIRED, WAITING, Fault
from crm_pipeline.sample.people import Part
from crm_pipeline.sample.tables import SourceFile, by_period, calendar_dates, csv_cells, dates, money, numbers, times

SYSTEM = "till"
CARD_FORGOTTEN = 0.06
SEX = {"female": "F", "male": "M", "other": "X", "": ""}
YES_NO = {"yes": "Y", "no": "N", "": ""}
TYPE = {"completed": "S", "returned": "R", "cancelled": "V"}
DATE = "%d/%m/%Y"
# Of the credit notes, this share does not say which receipt they belong to.
NOT_NAMED = 0.15
FAULTS = {
    "members": [
        Fault("bad_date", "birth_date", "dob", "31/02/1975"),
        Fault("missing_id", "customer_id", "member_no", ""),
        Fault("blanks_around", "customer_id", "member_no", lambda text: f" {text}  ", REPAIRED),
        Fault("unknown_code", "consent_email", "mail_ok", "?"),
        Fault("mixed_date_format", "created_at", "joined", "2024-11-05"),
    ],
    "receipts": [
        Fault("bad_date", "ordered_at", "sold_at", "30/02/2025 25:10"),
        Fault("unknown_status", "status", "type", "Z"),
        Fault("missing_id", "order_id", "receipt_no", ""),
        Fault("text_in_amount", "total_amount", "total", "see note"),
        Fault("mixed_date_format", "ordered_at", "sold_at", "2025-03-14 10:15"),
        Fault("null_spelling", "total_amount", "total", "NULL"),
        Fault("letter_case", "status", "type", str.lower, REPAIRED),
        Fault("future_time", "ordered_at", "sold_at", "14/03/2125 10:15", WAITING),
    ],
    "items": [
        Fault("missing_id", "order_id", "receipt_no", ""),
        Fault("text_in_amount", "quantity", "qty", "two"),
        Fault("text_in_amount", "unit_price", "price", "12,5O"),
        Fault("negative_price", "unit_price", "price", "-4,50"),
        Fault("point_for_comma", "unit_price", "price", "4.50"),
        Fault("decimal_places", "quantity", "qty", lambda text: f"{text},000", REPAIRED),
        Fault("missing_amount", "quantity", "qty", ""),
    ],
    "articles": [],
}


def members(people: pd.DataFrame, orders: pd.DataFrame, rng: np.random.Generator, part: Part) -> pd.DataFrame:
    """Draw the loyalty programme: one row per membership, with what the till holds of the person."""
    here = orders[(orders["sales_channel"] == "till") & (orders["original"] < 0)]
    joined = records.register(people, people["in_till"].to_numpy(), here, records.TILL, rng)
    seen = records.observe(people, joined, records.TILL, rng)
    seen["source_id"] = "M" + numbers(np.arange(len(seen)) + part.first_id(100_001, 1_000_000))
    cards = np.sort(rng.choice(9_000_000, len(seen), replace=False)) + part.first_id(1_000_000, 9_000_000)
    seen["card_no"] = "HF" + numbers(rng.permutation(cards))
    return seen


def attribute(orders: pd.DataFrame, programme: pd.DataFrame, rng: np.random.Generator, part: Part) -> pd.DataFrame:
    """Return the till's orders with the membership shown (`record`, -1 = no card) and their receipt numbers.

    `original_id` is the receipt that a credit note names; some name none.
    """
    record = records.record_of_order(programme, orders)
    record = np.where(rng.random(len(orders)) < CARD_FORGOTTEN, -1, record)
    original = orders["original"].to_numpy()
    # A credit note names the member of its receipt, whatever card the person carries by then.
    record = np.where(original >= 0, record[original], record)
    mine = orders.assign(record=record)[orders["sales_channel"] == "till"].reset_index(drop=True)
    order_id = pd.Series(
        "R" + numbers(np.arange(len(mine)) + part.first_id(1_000_001, 10_000_000)), index=mine["order"]
    )
    named = order_id.reindex(mine["original"]).fillna("").to_numpy()
    forgotten = rng.random(len(mine)) < NOT_NAMED
    return mine.assign(order_id=order_id.to_numpy(), original_id=np.where(forgotten, "", named))


def member_files(programme: pd.DataFrame, moved: pd.DataFrame) -> list[SourceFile]:
    """Write the memberships by period of registration, with changed ones again in the period of the change."""
    rows = pd.concat([programme, moved], ignore_index=True)
    cells = pd.DataFrame(
        {
            "member_no": rows["source_id"],
            "card_no": rows["card_no"],
            "forename": csv_cells(rows["first_name"], ";"),
            "surname": csv_cells(rows["last_name"], ";"),
            "email": rows["email"],
            "mobile": rows["phone"],
            "dob": dates(rows["birth_date"], DATE),
            "sex": rows["gender"].map(SEX),
            "address": csv_cells(rows["street"], ";"),
            "postcode": rows["postcode"],
            "town": rows["town"],
            "joined": dates(calendar_dates(rows["day"]), DATE),
            "changed": dates(calendar_dates(rows["updated_day"]), DATE),
            "mail_ok": rows["consent_email"].map(YES_NO),
            "phone_ok": rows["consent_phone"].map(YES_NO),
        },
        dtype=object,
    )
    files = _by_period(cells, period_of(rows["updated_day"].to_numpy()), "members", "member_no")
    for file in files:
        file.version = "changed"
    return files


def sales_files(
    orders: pd.DataFrame, lines: pd.DataFrame, programme: pd.DataFrame, people: pd.DataFrame, products: pd.DataFrame
) -> tuple[list[SourceFile], list[SourceFile]]:
    """Write receipts and their items; rows with `corrected` set go into the corrections of June 2026."""
    sign = np.where(orders["status"] == "returned", -1, 1)
    known = orders["record"].to_numpy() >= 0
    sold_at = times(orders["day"], orders["minute"], DATE, " ")
    receipts = pd.DataFrame(
        {
            "receipt_no": orders["order_id"],
            "sold_at": sold_at,
            "store": people["store"].to_numpy()[orders["person"].to_numpy()],
            "type": orders["status"].map(TYPE),
            "member_no": np.where(known, programme["source_id"].to_numpy()[orders["record"].to_numpy()], ""),
            "card_no": np.where(known, programme["card_no"].to_numpy()[orders["record"].to_numpy()], ""),
            "refers_to": orders["original_id"],
            "coupon": orders["coupon"],
            "coupon_value": money(orders["discount"], ","),
            "vat": money(orders["tax"] * sign, ","),
            "total": money(orders["total"] * sign, ","),
        },
        dtype=object,
    )
    place = pd.Series(np.arange(len(orders)), index=orders["order"])
    of = place.reindex(lines["order"]).to_numpy()
    items = pd.DataFrame(
        {
            "receipt_no": orders["order_id"].to_numpy()[of],
            "pos": numbers(lines["line_number"]),
            "article": products["till_id"].to_numpy()[lines["product"].to_numpy()],
            "qty": numbers(lines["quantity"] * sign[of]),
            "price": money(lines["price"], ","),
            "reduction": money(lines["discount"], ","),
            "amount": money(lines["net"] * sign[of], ","),
            "sold_at": sold_at[of],
            "store": receipts["store"].to_numpy()[of],
        },
        dtype=object,
    )
    late = orders["late"].to_numpy()
    period = np.where(orders["corrected"], len(PERIODS), period_of(orders["day"].to_numpy()) + late)
    receipt_files = _by_period(receipts, period, "receipts", "receipt_no", late)
    return receipt_files, _by_period(items, period[of], "items", "receipt_no", late[of])


def article_file(products: pd.DataFrame) -> SourceFile:
    """Write the article list, with what an article costs the company."""
    cells = pd.DataFrame(
        {
            "article": products["till_id"],
            "ean": products["ean"],
            "text": csv_cells(products["till_name"], ";"),
            "group": products["till_group"],
            "maker": products["till_maker"],
            "cost": money(products["cost"], ","),
        },
        dtype=object,
    )
    return SourceFile(SYSTEM, "articles", "2026", "csv", "article", cells, delimiter=";")


def _by_period(
    cells: pd.DataFrame, period: NDArray[np.int64], source: str, key: str, late: NDArray[np.bool_] | None = None
) -> list[SourceFile]:
    files = by_period(cells, period, (SYSTEM, source, "csv"), key, late)
    for file in files:
        file.delimiter = ";"
    return files
