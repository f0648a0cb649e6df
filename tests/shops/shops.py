"""Shops of odd shape that nobody here runs: each a pure function of nothing, small, and odd in further ways too.

Each is another country's: its language, currency, time zone, date and number formats, and other programs' file formats.
"""

import random
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from tests.shops.invented import (
    Export,
    Purchase,
    Row,
    Shop,
    as_csv,
    as_json,
    as_json_lines,
    as_parquet,
    as_workbook,
    people,
    pipeline,
    zipped,
)

_SHIFT_JIS = {"delimiter": "\t", "encoding": "cp932"}
_CP1252 = {"delimiter": ";", "encoding": "cp1252"}
_CP1250 = {"delimiter": "|", "encoding": "cp1250"}

INVOICES = Export(
    "orders",
    "rechnungen*.csv",
    {"id": "Rechnung", "buyer": "Kundennr", "at": "Datum", "amount": "Betrag"},
    "%d.%m.%Y %H:%M",
    comma=True,
    keys={"read": _CP1252, "deleted_when": "Storno = 'ja'"},
)
PURCHASE_ORDERS = Export(
    "orders",
    "Orders*.xlsx",
    {"id": "PO", "buyer": "Account #", "at": "Placed", "amount": "Total ($)", "status": "Status"},
)
CLIENTS = Export(
    "customers",
    "clientes-*.csv.gz",
    {"id": "código", "first": "nome", "last": "sobrenome", "email": "e-mail", "joined": "cadastro"},
    "%d/%m/%Y",
    keys={"read": {"delimiter": ";"}, "delivery": "full"},
)
PEDIDOS = Export(
    "orders",
    "pedidos*.csv.gz",
    {"id": "pedido", "buyer": "cliente", "at": "data", "amount": "valor"},
    "%d/%m/%Y %H:%M:%S",
    comma=True,
    keys={"read": {"delimiter": ";"}},
)


def everybody_bought_once() -> Shop:
    """A Japanese shop of souvenirs: amounts without cents, tab-separated files in Shift-JIS with Japanese headers."""
    chance = random.Random(1)
    buyers = people(
        240,
        "太郎 花子 健一 美咲 翔太 陽子 大輔 直美 拓也 恵子 和也 由美 隆 愛 誠 舞",
        "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本",
        lambda number: date(2022, 1, 10) + timedelta(days=number * 3),
    )
    purchases = [
        Purchase(f"{number:08}", buyer.id, _moment(buyer.joined, chance), Decimal(chance.randint(8, 320) * 100))
        for number, buyer in enumerate(buyers, start=1)
    ]
    customers = Export(
        "customers",
        "顧客.tsv",
        {"id": "顧客番号", "last": "姓", "first": "名", "email": "メール", "joined": "登録日"},
        "%Y/%m/%d",
        keys={"read": _SHIFT_JIS},
    )
    orders = Export(
        "orders",
        "注文.tsv",
        {"id": "注文番号", "buyer": "顧客番号", "at": "注文日時", "amount": "合計"},
        "%Y/%m/%d %H:%M",
        keys={"read": _SHIFT_JIS},
    )
    files = {
        "顧客.tsv": as_csv(customers.rows(buyers), **_SHIFT_JIS),
        "注文.tsv": as_csv(orders.rows(purchases), **_SHIFT_JIS),
    }
    return Shop(pipeline("JPY", "Asia/Tokyo", "JP", customers.source(), orders.source()), files, buyers, purchases)


def one_price_subscriptions() -> Shop:
    """A German subscription: 19,90 every 30 days from the day of joining, until one quits; some still do pay."""
    chance = random.Random(2)
    buyers = people(
        200,
        "Jürgen Käthe Björn Zoë André Mia Noah Lea Finn Ida Max Ella Paul Anna Jonas Clara",
        "Müller Schäfer Groß Weiß Jäger König Böhm Vogt Kraus Lenz Busch Horn Thoma Ernst Otto",
        lambda number: date(2022, 1, 1) + timedelta(days=(number * 37) % 950),
    )
    purchases = []
    for buyer in buyers:
        day = buyer.joined or date.max
        while day <= date(2024, 12, 31):
            at = datetime.combine(day, time(9))
            purchases.append(Purchase(f"R-{len(purchases) + 1}", buyer.id, at, Decimal("19.90")))
            if chance.random() < 0.06:
                break
            day += timedelta(days=30)
    customers = Export(
        "customers",
        "kunden.csv",
        {"id": "Kundennr", "first": "Vorname", "last": "Name", "email": "E-Mail", "joined": "seit"},
        "%d.%m.%Y",
        keys={"read": _CP1252},
    )
    files = {
        "kunden.csv": as_csv(customers.rows(buyers), **_CP1252),
        "rechnungen.csv": as_csv(INVOICES.rows(purchases, Storno=""), **_CP1252),
    }
    return Shop(pipeline("EUR", "Europe/Berlin", "DE", customers.source(), INVOICES.source()), files, buyers, purchases)


def one_customer_has_a_third_of_all_orders() -> Shop:
    """An American wholesaler's workbooks: one hotel places 30 % of all orders, of 400 times the usual amount."""
    chance = random.Random(3)
    buyers = people(
        280,
        "Ada Bo Cy Dee Eli Fay Gus Hal Ida Jo Kai Lou Max Nell Oz Pia Ray",
        "Arden Birch Cole Dunn Evert Frost Gale Hart Ives Jarvis Kerr Lund Marsh Nash Orme Price Quill Reed",
        lambda number: date(2022, 6, 1) + timedelta(days=(number * 11) % 700),
    )
    moments = sorted(_moment(date(2022, 8, 1), chance) + timedelta(days=chance.randint(0, 820)) for _ in range(1300))
    purchases = []
    for number, at in enumerate(moments):
        joined = [buyer for buyer in buyers[1:] if buyer.joined and buyer.joined <= at.date()]
        is_hotel = number % 10 in (0, 4, 7)
        buyer = buyers[0] if is_hotel else chance.choice(joined)
        amount = Decimal(chance.randint(1000, 9000)) / 100 * (400 if is_hotel else 1)
        purchases.append(Purchase(f"PO-{number}", buyer.id, at, amount))
    customers = Export(
        "customers",
        "Accounts*.xlsx",
        {"id": "Account #", "first": "First", "last": "Last", "email": "E-mail", "joined": "Since"},
        keys={"read": {"sheet": "Accounts"}},
    )
    files = {
        "Accounts (final) v2.xlsx": as_workbook(customers.rows(buyers), "Accounts"),
        "Orders 2022-2024.xlsx": as_workbook(PURCHASE_ORDERS.rows(purchases)),
    }
    document = pipeline("USD", "America/New_York", "US", customers.source(), PURCHASE_ORDERS.source())
    return Shop(document, files, buyers, purchases)


def three_weeks_old() -> Shop:
    """An Australian shop that opened three weeks ago: Parquet files, times in UTC, lines without an order header."""
    chance = random.Random(4)
    opening = date(2024, 3, 4)
    buyers = people(
        150,
        "Ava Liam Mia Jack Zoe Max Ivy Sam Amy Ben Eve",
        "Smith Jones Brown Wilson Taylor White Martin Walker Young King Scott Hill",
        lambda number: opening + timedelta(days=number % 19),
    )
    purchases: list[Purchase] = []
    lines: list[Row] = []
    for number in range(260):
        buyer = buyers[number] if number < len(buyers) else chance.choice(buyers)
        at = _moment(max(buyer.joined or opening, opening + timedelta(days=chance.randint(0, 20))), chance)
        amount = Decimal(0)
        for line in range(1, chance.randint(2, 4)):
            price, quantity = Decimal(chance.randint(200, 8000)) / 100, chance.randint(1, 4)
            amount += price * quantity
            # Eastern Australia is eleven hours before UTC until April.
            utc, product = at - timedelta(hours=11), f"SKU{chance.randint(1, 30)}"
            cells = (f"{number:04}", line, utc, buyer.id, product, quantity, price)
            lines.append(dict(zip(_LINES.values(), cells, strict=True)))
        purchases.append(Purchase(f"{number:04}", buyer.id, at, amount))
    customers = Export(
        "customers",
        "members.parquet",
        {"id": "id", "first": "given", "last": "family", "email": "mail", "joined": "joined"},
    )
    sold = {"name": "lines", "system": "shop", "channel": "order_lines", "files": "landing/lines.parquet"}
    files = {"members.parquet": as_parquet(customers.rows(buyers)), "lines.parquet": as_parquet(lines)}
    document = pipeline(
        "AUD", "Australia/Sydney", "AU", customers.source(), sold | {"timezone": "UTC", "columns": _LINES}
    )
    return Shop(document, files, buyers, purchases)


_LINES = {
    "order_id": "order",
    "line_number": "line",
    "ordered_at": "when",
    "customer_id": "who",
    "product_id": "sku",
    "quantity": "n",
    "unit_price": "price",
}


def only_refunds_in_the_last_month() -> Shop:
    """A Swiss shop that has closed: its last month holds credit notes alone. JSON lines with nested keys."""
    chance = random.Random(5)
    buyers = people(
        170,
        "Urs Reto Beat Regula Ursina Flurin Seraina Gian Nadja Luca Lara",
        "Meier Keller Weber Huber Frei Graf Roth Baumann Suter Gerber Brunner Moser Kunz",
        lambda number: date(2021, 11, 1) + timedelta(days=(number * 7) % 600),
    )
    purchases = []
    for number in range(520):
        buyer = buyers[number] if number < len(buyers) else chance.choice(buyers)
        start = buyer.joined or date.min
        day = start + timedelta(days=chance.randint(0, (date(2023, 10, 31) - start).days))
        amount = Decimal(chance.randint(200, 6000)) / 20
        purchases.append(Purchase(f"B{number}", buyer.id, _moment(day, chance), amount))
    lately = sorted(purchases, key=lambda purchase: purchase.at)[-62:]
    for number, bought in enumerate(lately[::2]):
        at = datetime.combine(date(2023, 11, 1) + timedelta(days=number), time(14, 30))
        purchases.append(Purchase(f"G{number}", bought.buyer, at, -bought.amount))
    customers = Export(
        "customers",
        "kundschaft.jsonl",
        {"id": "id", "first": "name.vor", "last": "name.nach", "email": "mail", "joined": "seit"},
    )
    orders = Export(
        "orders",
        "belege.jsonl",
        {"id": "nr", "buyer": "kunde.id", "at": "zeit", "amount": "betrag.chf", "status": "art"},
    )
    files = {
        "kundschaft.jsonl": as_json_lines(customers.rows(buyers)),
        "belege.jsonl": as_json_lines(orders.rows(purchases)),
    }
    return Shop(pipeline("CHF", "Europe/Zurich", "CH", customers.source(), orders.source()), files, buyers, purchases)


def customers_without_any_date() -> Shop:
    """A Polish shop: its customers have no date at all, a third of them never ordered, and some orders are guests'."""
    chance = random.Random(6)
    buyers = people(
        210,
        "Łukasz Małgorzata Paweł Żaneta Grażyna Święto Jan Ola Ewa Piotr Kuba Igor Zofia",
        "Wiśniewski Wójcik Kamiński Zieliński Szymański Woźniak Kozłowski Wróbel Dąbek Król",
        lambda _: None,
    )
    purchases = []
    for number in range(420):
        at = _moment(date(2022, 9, 1) + timedelta(days=chance.randint(0, 800)), chance)
        amount = Decimal(chance.randint(1500, 30000)) / 100
        is_guest = number % 9 == 0
        buyer = None if is_guest else buyers[number].id if number < 140 else chance.choice(buyers[:140]).id
        email = f"gosc{chance.randint(1, 30)}@example.pl" if is_guest else None
        purchases.append(Purchase(f"Z/{number}/22", buyer, at, amount, email))
    customers = Export(
        "customers",
        "klienci.txt",
        {"id": "Nr klienta", "first": "Imię", "last": "Nazwisko", "email": "Adres e-mail"},
        keys={"read": _CP1250},
    )
    orders = Export(
        "orders",
        "zamówienia.txt",
        {"id": "Zamówienie", "buyer": "Klient", "email": "E-mail", "at": "Złożono", "amount": "Do zapłaty"},
        comma=True,
        keys={"read": _CP1250},
    )
    files = {
        "klienci.txt": as_csv(customers.rows(buyers), **_CP1250),
        "zamówienia.txt": as_csv(orders.rows(purchases), **_CP1250),
    }
    return Shop(pipeline("PLN", "Europe/Warsaw", "PL", customers.source(), orders.source()), files, buyers, purchases)


def a_full_export_that_loses_customers() -> Shop:
    """A Brazilian shop exports all its customers each month; the second export no longer holds those without orders."""
    chance = random.Random(7)
    buyers = people(
        180,
        "João Maria Antônio Francisca José Luíza Inês Tomás Rui Bia Caio Davi Enzo",
        "Silva Souza Conceição Araújo Simões Gonçalves Magalhães Leitão Falcão Brandão Galvão",
        lambda number: date(2023, 1, 2) + timedelta(days=number * 2),
    )
    staying = [buyer for number, buyer in enumerate(buyers) if number % 6]
    purchases = []
    for number in range(450):
        buyer = staying[number] if number < len(staying) else chance.choice(staying)
        day = (buyer.joined or date.min) + timedelta(days=chance.randint(0, 300))
        purchases.append(
            Purchase(f"PED{number}", buyer.id, _moment(day, chance), Decimal(chance.randint(500, 20000)) / 100)
        )
    files = {
        "clientes-2024-11.csv.gz": zipped(as_csv(CLIENTS.rows(buyers), ";")),
        "clientes-2024-12.csv.gz": zipped(as_csv(CLIENTS.rows(staying), ";")),
        "pedidos.csv.gz": zipped(as_csv(PEDIDOS.rows(purchases), ";")),
    }
    document = pipeline("BRL", "America/Sao_Paulo", "BR", CLIENTS.source(), PEDIDOS.source())
    return Shop(document, files, staying, purchases)


def as_of_a_day_before_most_customers() -> Shop:
    """An Indian shop, looked at as of a day on which an eighth of its customers were there. JSON documents."""
    chance = random.Random(8)
    buyers = people(
        220,
        "Aarav Diya Vivaan Ananya Aditya Isha Arjun Kavya Rohan Meera Kiran Tara Dev",
        "Sharma Verma Gupta Iyer Reddy Nair Patel Singh Das Rao Bose Jain",
        lambda number: date(2023, 1, 1) + timedelta(days=number * 3),
    )
    purchases = []
    for number in range(480):
        buyer = buyers[number] if number < len(buyers) else chance.choice(buyers)
        day = (buyer.joined or date.min) + timedelta(days=chance.randint(0, 250))
        amount = Decimal(chance.randint(9900, 990000)) / 100
        purchases.append(Purchase(str(number), buyer.id, _moment(day, chance), amount))
    customers = Export(
        "customers",
        "customers.json",
        {"id": "_id", "first": "first", "last": "last", "email": "email", "joined": "on"},
        keys={"read": {"records": "data.customers"}},
    )
    orders = Export(
        "orders",
        "orders.json",
        {"id": "_id", "buyer": "customer", "at": "at", "amount": "inr"},
        "%Y-%m-%dT%H:%M:%S+05:30",
        keys={"read": {"records": "data.orders"}},
    )
    source = orders.source()
    source["columns"]["ordered_at"] = "at"
    files = {
        "customers.json": as_json(customers.rows(buyers), "data", "customers"),
        "orders.json": as_json(orders.rows(purchases), "data", "orders"),
    }
    document = pipeline("INR", "Asia/Kolkata", "IN", customers.source(), source)
    return Shop(document, files, buyers, purchases, as_of=date(2023, 3, 25))


SHOPS: dict[str, Callable[[], Shop]] = {
    shop.__name__: shop
    for shop in (
        everybody_bought_once,
        one_price_subscriptions,
        one_customer_has_a_third_of_all_orders,
        three_weeks_old,
        only_refunds_in_the_last_month,
        customers_without_any_date,
        a_full_export_that_loses_customers,
        as_of_a_day_before_most_customers,
    )
}


def _moment(day: date | None, chance: random.Random) -> datetime:
    """A time of a day between ten and eight."""
    assert day is not None
    return datetime.combine(day, time(chance.randint(10, 19), chance.randint(0, 59)))
