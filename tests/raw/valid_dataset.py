"""A small valid dataset of many formats, whose rows are known."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

Rows = list[dict[str, Any]]

MARK = "Geheim"
"""Stands in each value that is a person's, so that a message that quotes one is found."""


@dataclass(frozen=True)
class Origin:
    """One file of the valid dataset: where it lies, which source takes it, its rows, and how they are written."""

    name: str
    source: dict[str, Any]
    rows: Rows
    write: Callable[[Rows], bytes]

    @property
    def is_text(self) -> bool:
        return not self.name.endswith((".xlsx", ".parquet"))


def _customers(first: int) -> Rows:
    return [
        {
            "id": f"C{number}",
            "first": f"{MARK}Ada{number}",
            "last": f"{MARK}Zoë",
            "mail": f"{MARK}{number}@example.com",
            "since": f"2023-0{1 + number % 9}-11",
        }
        for number in range(first, first + 12)
    ]


def _orders(first: int) -> Rows:
    return [
        {
            "no": f"O{number}",
            "who": f"C{1 + number % 12}",
            "at": f"2024-0{1 + number % 5}-1{number % 9} 09:30:00",
            "sum": f"{number * 3 + 10}.50",
            "mail": f"{MARK}{number}@example.com",
        }
        for number in range(first, first + 14)
    ]


def _lines() -> Rows:
    return [
        {"order": f"O{100 + number // 2}", "pos": number % 2 + 1, "sku": f"P{number % 5}", "n": 2, "price": 4.25}
        for number in range(16)
    ]


def _tickets() -> Rows:
    return [
        {
            "ticket": f"T{number}",
            "mail": f"{MARK}{number}@example.com",
            "opened": datetime(2024, 1, 1 + number, 8),
            "text": f"{MARK} said it is late",
        }
        for number in range(10)
    ]


def _csv(rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns_of(rows))
    writer.writerows(row.values() for row in rows)
    return text.getvalue().encode("utf-8", errors="surrogateescape")


def _zipped_csv(rows: Rows) -> bytes:
    return gzip.compress(_csv(rows), mtime=0)


def _json_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row, default=str, ensure_ascii=False) + "\n" for row in rows).encode()


def _json(rows: Rows) -> bytes:
    return json.dumps({"data": {"orders": rows}}, default=str, ensure_ascii=False).encode()


def _workbook(rows: Rows) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in ([*columns_of(rows)], *(list(row.values()) for row in rows)):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _parquet(rows: Rows) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def columns_of(rows: Rows) -> list[str]:
    return list(rows[0]) if rows else ["no", "who", "at", "sum", "mail"]


def _source(name: str, channel: str, files: str, columns: dict[str, str], **read: str) -> dict[str, Any]:
    return {"name": name, "system": "shop", "channel": channel, "files": files, "columns": columns, "read": read}


_CUSTOMER = {"customer_id": "id", "first_name": "first", "last_name": "last", "email": "mail", "created_at": "since"}
_ORDER = {"order_id": "no", "customer_id": "who", "ordered_at": "at", "total_amount": "sum", "email": "mail"}
_LINE = {"order_id": "order", "line_number": "pos", "product_id": "sku", "quantity": "n", "unit_price": "price"}
_TICKET = {"ticket_id": "ticket", "email": "mail", "opened_at": "opened", "body": "text"}

DATASET = (
    Origin("customers.csv", _source("customers", "customers", "landing/**/customers*", _CUSTOMER), _customers(1), _csv),
    Origin("till.csv.gz", _source("till", "orders", "landing/**/till*", _ORDER), _orders(100), _zipped_csv),
    Origin("web.jsonl", _source("web", "orders", "landing/**/web*", _ORDER), _orders(200), _json_lines),
    Origin("app.json", _source("app", "orders", "landing/**/app*", _ORDER, records="data.orders"), _orders(300), _json),
    Origin("lines.xlsx", _source("lines", "order_lines", "landing/**/lines*", _LINE), _lines(), _workbook),
    Origin("tickets.parquet", _source("desk", "support_tickets", "landing/**/tickets*", _TICKET), _tickets(), _parquet),
)
