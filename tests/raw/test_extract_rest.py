"""A REST API on this machine that pages, fails, limits the rate and wants a token, landed as files and loaded."""

import base64
import gzip
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from crm_pipeline.raw.extraction.land import land
from crm_pipeline.raw.extraction.secrets import ExtractionError
from crm_pipeline.storage import lake

TOKEN = "tok en/+42-not-to-be-seen"
AT = datetime(2024, 6, 1, 12, tzinfo=UTC)
PER_PAGE = 3
PAGINATORS = {
    "page": {"type": "page_number", "base_page": 1, "total_path": "pages"},
    "cursor": {"type": "cursor", "cursor_path": "next", "cursor_param": "after"},
    "link": "header_link",
    "offset": {"type": "offset", "limit": PER_PAGE, "total_path": "total"},
}


class Api:
    """What the server knows and what it was asked; `failures` are answered first."""

    def __init__(self):
        self.url = ""
        self.orders = []
        self.failures = []
        self.asked = []
        self.answer = None

    def order(self, number, updated, **more):
        at = "2024-05-01T10:00:00Z"
        self.orders.append({"id": number, "at": at, "total": "19.90", "updated_at": updated} | more)

    def page(self, query):
        since = query.get("updated_since", "")
        found = [order for order in self.orders if order["updated_at"] >= since]
        start = int(query.get("offset") or query.get("after") or (int(query.get("page", 1)) - 1) * PER_PAGE)
        part, after = found[start : start + PER_PAGE], start + PER_PAGE
        body = {"data": part, "pages": -(-len(found) // PER_PAGE), "total": len(found)}
        headers = {}
        if after < len(found):
            body["next"] = str(after)
            headers["Link"] = f'<{self.url}/v1/link?after={after}&updated_since={since}>; rel="next"'
        return body, headers


@pytest.fixture
def api(monkeypatch):
    """A running API; its `url` is where it listens."""
    known = Api()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            address = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(address.query).items()}
            known.asked.append((address.path, query, dict(self.headers)))
            if known.failures:
                status, headers = known.failures.pop(0)
                return self.reply(status, {"error": "secret customer data"}, headers)
            if known.answer is not None:
                return self.reply(200, *known.answer)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.reply(401, {}, {})
            return self.reply(200, *known.page(query))

        def reply(self, status, body, headers):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(data))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    known.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("RUNTIME__REQUEST_BACKOFF_FACTOR", "0.01")
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def source(api, style="page", files="landing/api/*.jsonl", **rest):
    rest = {
        "base_url": api.url,
        "path": f"/v1/{style}",
        "params": {"per_page": PER_PAGE},
        "records": "data",
        "paginator": PAGINATORS[style],
        "cursor": {"param": "updated_since", "field": "updated_at", "initial": "2024-01-01T00:00:00Z"},
        "auth": {"type": "bearer", "token_env": "SHOP_TOKEN"},
    } | rest
    return {
        "name": "shop",
        "channel": "orders",
        "files": files,
        "extract": {"rest": {key: value for key, value in rest.items() if value is not None}},
        "columns": {"order_id": "id", "ordered_at": "at", "total_amount": "total"},
    }


def fetch(shop, minutes=0):
    """Land what is new; return the ids in each new file."""
    landed = land(shop.settings, shop.dataset, AT + timedelta(minutes=minutes))
    return [[json.loads(line)["id"] for line in file.path.read_text().splitlines()] for file in landed]


def landing(shop):
    folder = shop.settings.dataset_folder / "landing" / "api"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("style", PAGINATORS)
def test_all_pages_land_in_one_file_that_loads(shop, api, style):
    for number in range(8):
        api.order(number, f"2024-05-01T10:00:0{number}Z")
    shop.configure(source(api, style))
    assert fetch(shop) == [list(range(8))]
    assert landing(shop) == ["shop__20240601T120000Z.jsonl"]
    assert len(api.asked) == 3
    shop.load()
    assert shop.query("select count(*), sum(total_amount)::varchar from {orders}") == [(8, "159.2000")]


def test_the_next_extraction_asks_for_what_is_new_and_lands_only_that(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    api.order(2, "2024-05-02T10:00:00Z")
    shop.configure(source(api))
    fetch(shop)
    assert api.asked[0][1]["updated_since"] == "2024-01-01T00:00:00Z"
    assert fetch(shop, 1) == []
    assert api.asked[1][1]["updated_since"] == "2024-05-02T10:00:00Z"
    api.order(3, "2024-05-03T10:00:00Z")
    api.order(1, "2024-05-03T11:00:00Z", total="9.90")
    assert fetch(shop, 2) == [[3, 1]]
    assert landing(shop) == ["shop__20240601T120000Z.jsonl", "shop__20240601T120200Z.jsonl"]
    shop.load()
    assert shop.query("select order_id, total_amount::varchar from {orders} order by 1") == [
        ("1", "9.9000"),
        ("2", "19.9000"),
        ("3", "19.9000"),
    ]


def test_a_late_record_with_the_last_cursor_value_is_fetched_once(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api))
    fetch(shop)
    api.order(2, "2024-05-01T10:00:00Z")
    assert fetch(shop, 1) == [[2]]
    assert fetch(shop, 2) == []


def test_two_extractions_within_a_second_keep_both_files(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api))
    fetch(shop)
    api.order(2, "2024-05-02T10:00:00Z")
    assert fetch(shop) == [[2]]
    assert landing(shop) == ["shop__20240601T120000Z.jsonl", "shop__20240601T120000Z_2.jsonl"]


def test_without_a_cursor_everything_lands_again_only_if_it_differs(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api, cursor=None))
    assert fetch(shop) == [[1]]
    assert fetch(shop, 1) == []
    api.order(2, "2024-05-01T10:00:00Z")
    assert fetch(shop, 2) == [[1, 2]]


def test_a_server_that_fails_twice_is_asked_again(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    api.failures = [(500, {}), (503, {})]
    shop.configure(source(api))
    assert fetch(shop) == [[1]]
    assert len(api.asked) == 3


def test_a_rate_limit_is_waited_for_as_long_as_the_server_says(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    api.failures = [(429, {"Retry-After": "1"})]
    shop.configure(source(api))
    started = time.monotonic()
    assert fetch(shop) == [[1]]
    assert time.monotonic() - started >= 1


def test_an_extraction_that_fails_on_a_later_page_lands_nothing_and_starts_there_again(shop, api):
    for number in range(4):
        api.order(number, f"2024-05-01T10:00:0{number}Z")
    shop.configure(source(api))
    fetch(shop)
    for number in range(4, 9):
        api.order(number, f"2024-05-01T10:00:0{number}Z")

    class FailsOnSecondPage(list):
        def __bool__(self):
            return len(api.asked) > 3

        def pop(self, _):
            return 500, {}

    api.failures = FailsOnSecondPage()
    with pytest.raises(ExtractionError, match="/v1/page answered 500"):
        fetch(shop, 1)
    assert landing(shop) == ["shop__20240601T120000Z.jsonl"]
    api.failures = []
    assert fetch(shop, 2) == [[4, 5, 6, 7, 8]]


def test_a_machine_that_stops_while_a_file_lands_loses_and_repeats_nothing(shop, api, monkeypatch):
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api))
    with monkeypatch.context() as patch:
        patch.setattr("crm_pipeline.raw.extraction.progress.Progress.settle", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fetch(shop)
    assert len(landing(shop)) == 1
    assert fetch(shop, 1) == []
    api.order(2, "2024-05-02T10:00:00Z")
    rename = lake.replace_file
    with monkeypatch.context() as patch:
        patch.setattr(lake, "replace_file", lambda *to: 1 / 0 if to[1].suffix == ".jsonl" else rename(*to))
        with pytest.raises(ZeroDivisionError):
            fetch(shop, 2)
    assert len(landing(shop)) == 1
    assert fetch(shop, 3) == [[2]]


def test_another_endpoint_starts_from_its_beginning(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api))
    fetch(shop)
    shop.configure(source(api, style="cursor"))
    assert fetch(shop, 1) == [[1]]


def test_a_pattern_for_gzip_lands_gzip(shop, api):
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api, files="landing/api/*.jsonl.gz"))
    (file,) = land(shop.settings, shop.dataset, AT)
    assert json.loads(gzip.decompress(file.path.read_bytes()))["id"] == 1
    shop.load()
    assert shop.query("select order_id from {orders}") == [("1",)]


def test_a_record_lands_as_the_api_gave_it(shop, api):
    record = {"Weird Key": "01", "nested": {"list": [1, None, {"é": "北京\n"}]}, "when": "2024-01-01T10:00:00"}
    api.order(1, "2024-05-01T10:00:00Z", **record)
    shop.configure(source(api))
    (file,) = land(shop.settings, shop.dataset, AT)
    assert json.loads(file.path.read_text()) == api.orders[0]


@pytest.mark.parametrize(
    ("auth", "header", "query"),
    [
        ({"type": "bearer", "token_env": "SHOP_TOKEN"}, ("Authorization", f"Bearer {TOKEN}"), {}),
        ({"type": "api_key", "name": "X-Key", "api_key_env": "SHOP_TOKEN"}, ("X-Key", TOKEN), {}),
        ({"type": "api_key", "name": "k", "api_key_env": "SHOP_TOKEN", "location": "query"}, None, {"k": TOKEN}),
        (
            {"type": "http_basic", "username_env": "SHOP_TOKEN"},
            ("Authorization", "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode()),
            {},
        ),
    ],
)
def test_a_secret_of_the_environment_is_sent_and_stands_in_no_file(shop, api, auth, header, query):
    api.answer = ({"data": [{"id": 1, "updated_at": "2024-05-01"}]}, {})
    shop.configure(source(api, style="cursor", auth=auth, headers_env={"X-Shop": "SHOP_TOKEN"}))
    fetch(shop)
    _, asked, headers = api.asked[0]
    assert header is None or headers[header[0]] == header[1]
    assert headers["X-Shop"] == TOKEN
    assert query.items() <= asked.items()
    files = [path for path in shop.settings.state.parent.parent.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"auth": None}, "answered 401. Give extract.rest.auth."),
        (
            {"auth": {"type": "api_key", "name": "q", "api_key_env": "SHOP_TOKEN", "location": "query"}},
            "answered 401. See that SHOP_TOKEN is right.",
        ),
        ({"auth": {"type": "bearer", "token_env": "NO_SUCH"}}, "the environment variable NO_SUCH is not set"),
        ({"records": "orders"}, "the answer has no 'orders'. It has: data, pages, total. Correct extract.rest.records"),
        ({"paginator": {"type": "pages"}}, "Correct extract.rest.paginator"),
        ({"cursor": {"param": "since", "field": "changed"}}, "a row has no value in the cursor's field"),
    ],
)
def test_what_goes_wrong_is_told_with_source_and_remedy_and_without_the_secret(shop, api, change, words):
    api.order(1, "2024-05-01T10:00:00Z", mail="ann@example.com")
    shop.configure(source(api, **change))
    with pytest.raises(ExtractionError) as caught:
        fetch(shop)
    message = str(caught.value)
    assert message.startswith("Source shop: ")
    assert words in message
    assert "ann@" not in message
    assert "not-to-be-seen" not in message
    assert caught.value.__cause__ is None
    assert landing(shop) == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [((b"<html>", {}), "something that is not JSON"), (({"data": [1, 2]}, {}), "the records are no JSON objects")],
)
def test_an_answer_that_is_no_list_of_objects_is_told(shop, api, answer, words):
    api.answer = answer
    shop.configure(source(api))
    with pytest.raises(ExtractionError, match=words):
        fetch(shop)


def test_a_server_that_cannot_be_reached_is_told_and_the_other_source_lands(shop, api, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "2")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        closed = f"127.0.0.1:{unused.getsockname()[1]}"
    api.order(1, "2024-05-01T10:00:00Z")
    away = source(api, base_url=f"http://{closed}", files="landing/away/*.jsonl") | {"name": "away"}
    shop.configure(away, source(api))
    with pytest.raises(ExtractionError, match=f"Source away: {closed}: it cannot be reached"):
        fetch(shop)
    assert landing(shop) == ["shop__20240601T120000Z.jsonl"]


def test_nobody_but_the_source_is_asked(shop, api, monkeypatch):
    asked = []
    connect, look_up = socket.socket.connect, socket.getaddrinfo
    monkeypatch.setattr(socket.socket, "connect", lambda self, to: (asked.append(to), connect(self, to))[1])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *to, **more: (asked.append(to[:2]), look_up(*to, **more))[1])
    api.order(1, "2024-05-01T10:00:00Z")
    shop.configure(source(api))
    fetch(shop)
    assert {f"http://{host}:{port}" for host, port in asked} == {api.url}


def test_only_sources_with_extract_can_be_asked_for(shop, api):
    shop.configure(source(api), {key: value for key, value in source(api).items() if key != "extract"} | {"name": "b"})
    with pytest.raises(ExtractionError, match=r"The source 'b' has no `extract:` in pipeline.yml\. Use one of: shop\."):
        land(shop.settings, shop.dataset, AT, only=["b"])
