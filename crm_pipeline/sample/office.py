"""The company's office: a register of people who wrote to it or were won by it, as an old desktop program exports it.

Semicolons, a byte order mark, Windows line ends, dd.mm.yyyy in local time. A record that changes is delivered again,
as a later version.
"""

import numpy as np
import pandas as pd

from crm_pipeline.sample import records
from crm_pipeline.sample.calendar import period_of
from crm_pipeline.sample.dirt import REPAIRED, Fault
from crm_pipeline.sample.people import Part
from crm_pipeline.sample.tables import SourceFile, by_period, calendar_dates, csv_cells, dates, numbers, times

SYSTEM = "office"
WON_HERE = {"referral", "affiliate"}
WON_SHARE = 0.4
ONE_ZERO = {"yes": "1", "no": "0", "": ""}
DATE = "%d.%m.%Y"
FAULTS = {
    "clients": [
        Fault("bad_date", "birth_date", "born", "30.02.1981"),
        Fault("missing_id", "customer_id", "client_no", ""),
        Fault("null_spelling", "postal_code", "postcode", "NULL", REPAIRED),
        Fault("unknown_code", "consent_post", "ok_post", "maybe"),
        Fault("mixed_date_format", "created_at", "created", "2025-03-14 09:30"),
        Fault("blanks_around", "customer_id", "client_no", lambda text: f"  {text} ", REPAIRED),
    ],
}


def clients(people: pd.DataFrame, cases: pd.DataFrame, rng: np.random.Generator, part: Part) -> pd.DataFrame:
    """Draw the register: one row per record, with what the office holds of the person, and who brought them."""
    known = np.isin(people["person"], cases.loc[cases["contact_channel"] != "store", "person"])
    known |= people["acquisition"].isin(WON_HERE).to_numpy() & (rng.random(len(people)) < WON_SHARE)
    joined = records.register(people, known, cases, records.OFFICE, rng)
    seen = records.observe(people, joined, records.OFFICE, rng)
    seen["source_id"] = "C" + numbers(np.arange(len(seen)) + part.first_id(10_001, 1_000_000))
    first_record = seen.drop_duplicates("person").set_index("person")["source_id"]
    person = people.iloc[seen["person"].to_numpy()].reset_index(drop=True)
    seen["referrer"] = person["referrer"].map(first_record).fillna("")
    for column in ("acquisition", "language", "social_handle"):
        seen[column] = person[column]
    seen["minute"] = rng.integers(8 * 60, 18 * 60, len(seen))
    return seen


def client_files(register: pd.DataFrame, changed: pd.DataFrame) -> list[SourceFile]:
    """Write the records by period, each version in the period in which it was made."""
    rows = pd.concat([register, changed], ignore_index=True)
    cells = pd.DataFrame(
        {
            "client_no": rows["source_id"],
            "given": csv_cells(rows["first_name"], ";"),
            "family": csv_cells(rows["last_name"].str.upper(), ";"),
            "mail": rows["email"],
            "tel": rows["phone"],
            "born": dates(rows["birth_date"], DATE),
            "street": csv_cells(rows["street"], ";"),
            "postcode": rows["postcode"],
            "town": rows["town"],
            "country": rows["country"],
            "language": rows["language"],
            "social": rows["social_handle"],
            "won_by": rows["acquisition"],
            "brought_by": rows["referrer"],
            "created": times(rows["day"], rows["minute"], DATE, " "),
            "changed": times(rows["updated_day"], rows["minute"], DATE, " "),
            "ok_mail": rows["consent_email"].map(ONE_ZERO),
            "ok_phone": rows["consent_phone"].map(ONE_ZERO),
            "ok_post": rows["consent_post"].map(ONE_ZERO),
            "asked_on": np.where(rows["consent_email"] == "", "", dates(calendar_dates(rows["consent_day"]), DATE)),
        },
        dtype=object,
    )
    files = by_period(cells, period_of(rows["updated_day"].to_numpy()), (SYSTEM, "clients", "csv"), "client_no")
    for file in files:
        file.version, file.delimiter, file.encoding, file.newline = "changed", ";", "utf-8-sig", "\r\n"
    return files
