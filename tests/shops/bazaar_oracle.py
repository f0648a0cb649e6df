"""What a marketplace's files hold, counted with csv and Decimal alone."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.shops.marketplace import CUSTOMERS, FREIGHT, ITEMS, ORDERS, PAYMENTS, RENAMED_FREIGHT, REVIEWS


@dataclass(frozen=True)
class Count:
    """People, sold orders and their money, what was paid of all orders, answers to reviews and the sum of scores."""

    people: int
    orders: int
    revenue: Decimal
    freight: Decimal
    paid: Decimal
    reviews: int
    scores: int
    as_of: date


def count(folder: Path, others: int = 0) -> Count:
    """Count what is known at the end of the last whole day, and `others` who stand in no file of the marketplace."""
    placed = {row["id_pedido"]: (_day(row["data_compra"]), row["status_pedido"]) for row in _rows(folder, ORDERS)}
    last = max(day for day, _ in placed.values()) - timedelta(days=1)
    known = {order for order, (day, _) in placed.items() if day <= last}
    sold = {order for order in known if placed[order][1] != "cancelado"}
    items = [row for row in _rows(folder, ITEMS) if row["id_pedido"] in sold]
    scores = [int(row["nota_avaliacao"]) for row in _rows(folder, REVIEWS) if _day(row["data_resposta"]) <= last]
    return Count(
        people=len({row["id_unico_cliente"] for row in _rows(folder, CUSTOMERS)}) + others,
        orders=len(sold),
        revenue=sum((Decimal(row["preco"]) for row in items), Decimal(0)),
        freight=sum((Decimal(row.get(FREIGHT) or row[RENAMED_FREIGHT]) for row in items), Decimal(0)),
        paid=sum(
            (Decimal(row["valor_pagamento"]) for row in _rows(folder, PAYMENTS) if row["id_pedido"] in known),
            Decimal(0),
        ),
        reviews=len(scores),
        scores=sum(scores),
        as_of=last,
    )


def _rows(folder: Path, kind: str) -> Iterator[dict[str, str]]:
    for path in sorted(folder.glob(f"{kind}_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)


def _day(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").date()
