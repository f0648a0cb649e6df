"""A telecom shop: a bill a month until the contract ends, which it does the sooner the dearer it is."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2026, 6, 30)
PRICES, MONTHLY_HAZARD = (10, 20, 40), (0.01, 0.02, 0.06)
_PIPELINE = """\
business: {currency: EUR, as_of: 2026-06-30}
questions:
  - name: contract_ends
    asked_of: orders_12m > 0
    yes_if: {fact: customers, day: contract_ended_on}
    horizon_days: 90
    once: true
sources:
  - name: customers
    system: telecom
    channel: customers
    files: landing/customers.csv
    columns: {customer_id: id, email: email, created_at: since, contract_ended_on: contract_end}
  - name: bills
    system: telecom
    channel: orders
    files: landing/bills.csv
    columns: {order_id: bill, customer_id: id, ordered_at: at, total_amount: amount, status: {value: completed}}
"""


@dataclass(frozen=True)
class Contract:
    """What somebody pays a month, and the day on which the contract ended; None while it runs."""

    price: int
    ended_on: date | None


def write(folder: Path, people: int = 1500, seed: int = 3) -> dict[str, Contract]:
    """Write pipeline.yml and the files of the shop; return the contract of each customer id."""
    random = np.random.default_rng(seed)
    landing = folder / "landing"
    landing.mkdir(parents=True)
    (folder / "pipeline.yml").write_text(_PIPELINE, encoding="utf-8")
    contracts, records, bills = {}, [], []
    for number in range(1, people + 1):
        kind, day = int(random.integers(3)), FIRST_DAY + timedelta(days=int(random.integers(800)))
        ended = day + timedelta(days=30 * int(random.geometric(MONTHLY_HAZARD[kind])) + int(random.integers(30)))
        contracts[f"C{number}"] = Contract(PRICES[kind], ended if ended <= LAST_DAY else None)
        told = contracts[f"C{number}"].ended_on or ""
        records.append((f"C{number}", f"person{number}@example.org", f"{day} 08:00:00", told))
        while day <= min(LAST_DAY, ended):
            bills.append((len(bills) + 1, f"C{number}", f"{day} 09:00:00", PRICES[kind]))
            day += timedelta(days=30)
    for name, header, rows in (
        ("customers", ("id", "email", "since", "contract_end"), records),
        ("bills", ("bill", "id", "at", "amount"), bills),
    ):
        with (landing / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    return contracts
