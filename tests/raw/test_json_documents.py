"""JSON documents: an array, an object, an object that holds the array; whole, broken, and with lines inside."""

import io
import json
import random
import tracemalloc
from decimal import Decimal

import pytest

from crm_pipeline.raw.json_document import document_records
from crm_pipeline.raw.textfile import Refused

SOURCE = {
    "name": "shop",
    "channel": "orders",
    "files": "landing/*.json*",
    "columns": {
        "order_id": "id",
        "ordered_at": "created.at",
        "total_amount": "total",
        "email": "mail",
        "status": "status",
    },
}
ORDERS = [
    {"id": 1, "created": {"at": "2024-01-01T10:00:00Z"}, "total": 19.9, "mail": None, "status": "completed"},
    {"id": "2", "created": {"at": "2024-01-02T10:00:00Z"}, "total": "5.50"},
]


class TextOfChunks(io.TextIOBase):
    """A stream that never gives more than a few characters at once."""

    def __init__(self, text, size):
        self.text, self.size = text, size

    def read(self, _=-1):
        part, self.text = self.text[: self.size], self.text[self.size :]
        return part


def records(text, path=None):
    return [(record.text, record.problem) for record in document_records(io.StringIO(text), path)]


def load(shop, text, name="orders.json", **read):
    shop.configure(SOURCE | {"read": read})
    shop.deliver(name, text)
    shop.load()
    return shop.query("select order_id, ordered_at::varchar, total_amount, _line from {orders} order by _line")


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("path", "wrap"),
    [
        (None, lambda rows: rows),
        ("orders", lambda rows: {"count": 2, "orders": rows, "next": None}),
        ("data.items", lambda rows: {"data": {"page": [1, {"items": []}], "items": rows}, "items": "no"}),
    ],
)
def test_the_records_are_found_wherever_the_document_holds_them(shop, path, wrap, indent):
    text = json.dumps(wrap(ORDERS), indent=indent)
    assert load(shop, text, **({"records": path} if path else {})) == [
        ("1", "2024-01-01 10:00:00", Decimal("19.9"), 1),
        ("2", "2024-01-02 10:00:00", Decimal("5.5"), 2),
    ]


def test_a_document_of_one_object_is_one_record(shop):
    assert [row[0] for row in load(shop, json.dumps(ORDERS[0], indent=1))] == ["1"]


def test_a_folder_of_documents_is_loaded_file_by_file(shop):
    shop.configure(SOURCE | {"files": "landing/api/*.json"})
    for number, order in enumerate(ORDERS):
        shop.deliver(f"api/page{number}.json", json.dumps([order]))
    shop.load()
    assert shop.query("select order_id, _file from {orders} order by 1") == [
        ("1", "landing/api/page0.json"),
        ("2", "landing/api/page1.json"),
    ]


def test_json_lines_in_a_file_named_json_are_read_as_lines(shop):
    lines = [json.dumps(ORDERS[0]), "", json.dumps(ORDERS[1]), "{broken"]
    assert [row[3] for row in load(shop, "\n".join(lines))] == [1, 3]
    assert shop.quarantine() == [(4, None, "not a JSON object")]


def test_an_array_in_a_file_of_json_lines_is_refused_with_the_setting(shop):
    load(shop, json.dumps(ORDERS), name="orders.jsonl")
    assert "one JSON array, not JSON lines. Set read.format to json" in shop.entry("orders.jsonl").problem
    assert [row[0] for row in load(shop, json.dumps(ORDERS), name="orders.jsonl", format="json")] == ["1", "2"]


def test_a_gzipped_document_with_a_byte_order_mark_is_read(shop):
    shop.configure(SOURCE)
    shop.deliver("orders.json.gz", "\ufeff" + json.dumps(ORDERS), zipped=True)
    shop.load()
    assert shop.entry("orders.json.gz").rows_loaded == 2


def test_what_is_no_object_in_the_array_is_quarantined_by_its_number(shop):
    assert [row[3] for row in load(shop, json.dumps([7, ORDERS[0], [ORDERS[1]], None, "text"]))] == [2]
    assert shop.quarantine() == [(line, None, "not a JSON object") for line in (1, 3, 4, 5)]


def test_bytes_of_another_encoding_cost_their_record_only(shop):
    content = json.dumps([ORDERS[0], ORDERS[1] | {"mail": "é"}], ensure_ascii=False).encode("latin-1")
    assert [row[3] for row in load(shop, content)] == [1]
    assert shop.quarantine() == [(2, None, "bytes that are not of the file's encoding")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-20], "it breaks off"),
        (lambda text: text.replace(', {"id": "2"', ' {"id": "2"'), "',' expected"),
        (lambda text: text.replace('"id": "2"', '"id": two'), "expecting value"),
        (lambda text: text + "[]", "text after the end of the document"),
    ],
)
def test_a_mistake_in_the_document_keeps_the_records_before_it_and_is_told(shop, change, words):
    rows = load(shop, change(json.dumps(ORDERS)))
    assert rows[0][3] == 1
    assert f"not JSON from here on: {words}" in shop.entry("orders.json").problem
    ((line, column, problem),) = shop.quarantine()
    assert (line, column) == (len(rows) + 1, None)
    assert words in problem


@pytest.mark.parametrize(
    ("text", "read", "words"),
    [
        ('{"data": {"rows": []}}', {"records": "data.items"}, "no 'items' (read.records). It has: rows. Correct"),
        ('{"data": 5}', {"records": "data.items"}, "no object that could hold 'items'"),
        ('{"data": 5}', {"records": "data"}, "neither an array of objects nor an object. Correct read.records"),
        ('"text"', {}, "neither an array of objects nor an object. Set read.records"),
        ("[{broken", {}, "The file is not JSON from here on"),
        ('{"data": [', {"records": "items"}, "not a JSON document: it breaks off"),
        ('{"meta": 1, "orders": [{"id": 1}]}', {}, "Set read.records to the array that holds the records: orders."),
    ],
)
def test_a_document_without_records_is_refused_with_a_remedy(shop, text, read, words):
    assert load(shop, text, **read) == []
    assert words in shop.entry("orders.json").problem


def test_an_empty_array_is_a_file_without_rows(shop):
    assert load(shop, "[]") == []
    assert shop.entry("orders.json").outcome == "loaded"


def test_a_records_text_stays_as_it_was_delivered():
    text = '[{"n": 0.10000000000000000555, "big": 12345678901234567890, "s": "\\u00e9 ]} ,"} , {"n":1e400}]'
    assert [text for text, _ in records(text)] == [
        '{"n": 0.10000000000000000555, "big": 12345678901234567890, "s": "\\u00e9 ]} ,"}',
        '{"n":1e400}',
    ]


def test_the_records_are_the_same_however_the_text_is_cut():
    chance = random.Random(5)
    values = ["a]b", '"', "\\", "é\n北", 0, -1.5e-7, 123456789, True, None, [], {}, [[{}]], {"k": ["v", {"k": 1}]}]
    rows = [{f"k{number}": chance.choice(values) for number in range(chance.randrange(6))} for _ in range(60)]
    text = json.dumps({"count": 1234567, "skip": rows[:3], "rows": rows, "after": 1}, indent=1)
    for size in (1, 2, 7, 64, 10_000):
        found = [json.loads(record.text) for record in document_records(TextOfChunks(text, size), "rows")]
        assert found == rows, size


def test_memory_is_that_of_a_record_and_not_of_the_document():
    class Endless(io.TextIOBase):
        """100 MB of records."""

        def __init__(self):
            self.parts = iter(["[", *['{"id": 1, "text": "%s"},' % ("x" * 1_000_000)] * 100, '{"id": 2}]'])

        def read(self, _=-1):
            return next(self.parts, "")

    tracemalloc.start()
    count = sum(1 for _ in document_records(Endless(), None))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 101
    assert peak < 20_000_000


def test_a_document_that_is_nested_too_deeply_is_refused():
    with pytest.raises(Refused, match="not a JSON document: nested too deeply"):
        records('{"a": ' + "[" * 200_000, "b")
