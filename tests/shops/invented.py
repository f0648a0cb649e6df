"""What an invented shop is made of, the files its systems export, and what is true of it, counted by hand."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

Row = dict[str, Any]


@dataclass(frozen=True)
class Buyer:
    """A customer record; `joined` is empty where the shop does not know since when."""

    id: str
    first: str
    last: str
    email: str
    joined: date | None = None


@dataclass(frozen=True)
class Purchase:
    """An order, or a credit note with what it gives back as a negative amount; `at` is the shop's own time.

    `buyer` is empty for a guest.
    """

    id: str
    buyer: str | None
    at: datetime
    amount: Decimal
    email: str | None = None

    @property
    def is_sale(self) -> bool:
        return self.amount >= 0

    @property
    def status(self) -> str:
        return "completed" if self.is_sale else "returned"


CONTRACT_COLUMNS = {
    "customers": {"id": "customer_id", "first": "first_name", "last": "last_name", "joined": "created_at"},
    "orders": {"id": "order_id", "buyer": "customer_id", "at": "ordered_at", "amount": "total_amount"},
}


@dataclass(frozen=True)
class Export:
    """How a system names and writes what it exports: `columns` are names of attributes beside those of its columns."""

    channel: str
    files: str
    columns: Mapping[str, str]
    dates: str | None = None
    comma: bool = False
    keys: Mapping[str, Any] = field(default_factory=dict)

    def source(self) -> dict[str, Any]:
        """The entry in pipeline.yml."""
        named = {"name": self.channel, "system": "shop", "channel": self.channel, "files": f"landing/{self.files}"}
        known = CONTRACT_COLUMNS[self.channel]
        mapped = {known.get(name, name): self._mapping(name, column) for name, column in self.columns.items()}
        return named | dict(self.keys) | {"columns": mapped}

    def rows(self, things: Iterable[Buyer | Purchase], **more: Any) -> list[Row]:
        """The rows of a file, with further columns of one value."""
        return [
            {column: self._cell(getattr(thing, name)) for name, column in self.columns.items()} | more
            for thing in things
        ]

    def _mapping(self, name: str, column: str) -> str | dict[str, str]:
        if name == "amount" and self.comma:
            return {"from": column, "decimal": ","}
        return {"from": column, "format": self.dates} if name in ("at", "joined") and self.dates else column

    def _cell(self, value: Any) -> Any:
        if isinstance(value, Decimal):
            return f"{value:.2f}".replace(".", ",") if self.comma else value
        return value.strftime(self.dates) if isinstance(value, date) and self.dates else value


@dataclass(frozen=True)
class Totals:
    """What a release has to say of a shop."""

    people: int
    orders: int
    revenue: Decimal
    as_of: date


@dataclass(frozen=True)
class Shop:
    """A dataset folder: `pipeline.yml` as a document, its landing files, and the rows that count in them."""

    pipeline: dict[str, Any]
    files: dict[str, bytes]
    buyers: Sequence[Buyer]
    purchases: Sequence[Purchase]
    as_of: date | None = None

    def write(self, folder: Path) -> None:
        """Write the folder, or what is new in it."""
        (folder / "landing").mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(self.pipeline, allow_unicode=True, sort_keys=False)
        (folder / "pipeline.yml").write_text(text, encoding="utf-8")
        for name, content in self.files.items():
            (folder / "landing" / name).write_bytes(content)

    @property
    def last_day(self) -> date:
        """The as-of date: as asked for, or the last day that is surely whole."""
        return self.as_of or max(purchase.at for purchase in self.purchases).date() - timedelta(days=1)

    def known_purchases(self) -> list[Purchase]:
        return [purchase for purchase in self.purchases if purchase.at.date() <= self.last_day]

    def known_buyers(self) -> list[Buyer]:
        return [buyer for buyer in self.buyers if buyer.joined is None or buyer.joined <= self.last_day]

    def totals(self) -> Totals:
        """Count people, sales and revenue as of the last day. A guest is a person by the e-mail address."""
        known = self.known_purchases()
        named = {buyer.id for buyer in self.known_buyers()} | {purchase.buyer for purchase in known if purchase.buyer}
        guests = {purchase.email for purchase in known if not purchase.buyer and purchase.email}
        return Totals(
            len(named) + len(guests),
            sum(purchase.is_sale for purchase in known),
            sum((purchase.amount for purchase in known), Decimal(0)),
            self.last_day,
        )


def people(count: int, firsts: str, lasts: str, joined: Callable[[int], date | None]) -> list[Buyer]:
    """Return people of whom no two have the same name: the numbers of first and last names share no factor."""
    first_names, last_names = firsts.split(), lasts.split()
    return [
        Buyer(
            f"C{number:05}",
            first_names[number % len(first_names)],
            last_names[number % len(last_names)],
            f"person{number}@example.com",
            joined(number),
        )
        for number in range(count)
    ]


def pipeline(currency: str, zone: str, region: str, *sources: dict[str, Any]) -> dict[str, Any]:
    business = {"currency": currency, "timezone": zone, "default_region": region, "as_of": "latest"}
    return {"business": business, "sources": list(sources)}


def as_csv(rows: Sequence[Row], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def as_json_lines(rows: Iterable[Row]) -> bytes:
    return "".join(json.dumps(_nested(row), default=str, ensure_ascii=False) + "\n" for row in rows).encode()


def as_json(rows: Sequence[Row], *keys: str) -> bytes:
    """A document whose array of records lies under some keys, one within the other."""
    document: Any = list(rows)
    for key in reversed(keys):
        document = {"count": len(rows), key: document}
    return json.dumps(document, default=str, ensure_ascii=False, indent=1).encode()


def as_workbook(rows: Sequence[Row], sheet: str = "Sheet1") -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = sheet
    for row in [list(rows[0]), *(list(row.values()) for row in rows)]:
        page.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_parquet(rows: Sequence[Row]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), file)
    return file.getvalue()


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _nested(row: Row) -> Row:
    """An object of objects: `name.first` is the key first of the object name."""
    whole: Row = {}
    for path, value in row.items():
        *outer, last = path.split(".")
        within = whole
        for key in outer:
            within = within.setdefault(key, {})
        within[last] = value
    return whole
