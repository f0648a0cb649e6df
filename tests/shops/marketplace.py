"""An invented marketplace of São Paulo: eight files of its export, in Portuguese, a month a folder of files.

Each order has a customer id of its own; who comes back is told by another id. Some orders are paid twice, prices stand
beside their freight, and orders have no total.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from tests.shops.invented import Row, as_csv

ORDERS, ITEMS, PAYMENTS, REVIEWS = "pedidos", "itens_pedido", "pagamentos", "avaliacoes"
CUSTOMERS, PRODUCTS, CATEGORIES, SELLERS = "clientes", "produtos", "traducao_categorias", "vendedores"
FREIGHT, RENAMED_FREIGHT = "valor_frete", "frete_cobrado"

_PLACES = (
    *(("São Paulo", "SP", "01310"), ("Campinas", "SP", "13010"), ("Rio de Janeiro", "RJ", "20040")),
    *(("Belo Horizonte", "MG", "30110"), ("Curitiba", "PR", "80010"), ("Salvador", "BA", "40020")),
)
_CATEGORIES = {
    "beleza_saude": "health_beauty",
    "cama_mesa_banho": "bed_bath_table",
    "esporte_lazer": "sports_leisure",
    "informatica_acessorios": "computers_accessories",
    "relogios_presentes": "watches_gifts",
}
_STATUSES = ("entregue",) * 17 + ("enviado", "cancelado", "entregue")


class Marketplace:
    """Draws orders of people who come back, and writes them as the marketplace exports them."""

    def __init__(self, people: int = 380, products: int = 40, sellers: int = 12) -> None:
        self.chance = random.Random(19)
        self.people = [
            (self._id("u", number), self.chance.choice(_PLACES), f"{number % 1000:03}") for number in range(people)
        ]
        self.products = [self._id("p", number) for number in range(products)]
        self.sellers = [self._id("s", number) for number in range(sellers)]
        self.prices = {product: Decimal(self.chance.randint(900, 39900)) / 100 for product in self.products}
        self.count = 0

    def month(self, folder: Path, name: str, first: datetime, days: int, orders: int, freight: str = FREIGHT) -> None:
        """Write the files of a month; what does not belong to a month is written with the first one alone."""
        moments = sorted(first + timedelta(minutes=self.chance.randint(0, days * 1440 - 1)) for _ in range(orders))
        placed = [self._order(at) for at in moments]
        self._write(folder, f"{ORDERS}_{name}", [order["order"] for order in placed])
        self._write(folder, f"{CUSTOMERS}_{name}", [order["customer"] for order in placed])
        items = [row | {freight: row[FREIGHT]} for order in placed for row in order["items"]]
        if freight != FREIGHT:
            items = [{key: value for key, value in row.items() if key != FREIGHT} for row in items]
        self._write(folder, f"{ITEMS}_{name}", items)
        self._write(folder, f"{PAYMENTS}_{name}", [row for order in placed for row in order["payments"]])
        self._write(folder, f"{REVIEWS}_{name}", [row for order in placed for row in order["reviews"]])
        if not (folder / f"{PRODUCTS}.csv").exists():
            self._write_lists(folder)

    def _write_lists(self, folder: Path) -> None:
        named = [
            {"id_produto": product, "categoria_produto": list(_CATEGORIES)[number % len(_CATEGORIES)], "peso_g": 300}
            for number, product in enumerate(self.products)
        ]
        self._write(folder, PRODUCTS, named)
        words = [
            {"categoria_produto": own, "categoria_produto_ingles": english} for own, english in _CATEGORIES.items()
        ]
        self._write(folder, CATEGORIES, words)
        places = [
            {"id_vendedor": seller, "cep": "01000", "cidade": "São Paulo", "estado": "SP"} for seller in self.sellers
        ]
        self._write(folder, SELLERS, places)

    def _order(self, at: datetime) -> dict[str, list[Row] | Row]:
        self.count += 1
        order, customer = self._id("o", self.count), self._id("c", self.count)
        person, (city, state, code), house = self.chance.choice(self.people)
        status = self.chance.choice(_STATUSES)
        items = [
            {
                "id_pedido": order,
                "numero_item": number,
                "id_produto": product,
                "id_vendedor": self.chance.choice(self.sellers),
                "preco": self.prices[product],
                FREIGHT: Decimal(self.chance.randint(600, 4500)) / 100,
            }
            for number, product in enumerate(self._basket(), start=1)
        ]
        due = sum((item["preco"] + item[FREIGHT] for item in items), Decimal(0))
        stamp = "%Y-%m-%d %H:%M:%S"
        return {
            "order": {
                "id_pedido": order,
                "id_cliente": customer,
                "status_pedido": status,
                "data_compra": at.strftime(stamp),
                "data_entrega": (at + timedelta(days=9)).strftime(stamp) if status == "entregue" else "",
            },
            "customer": {
                "id_cliente": customer,
                "id_unico_cliente": person,
                "cep": f"{code}{house}",
                "cidade": city,
                "estado": state,
            },
            "items": items,
            "payments": self._payments(order, due),
            "reviews": self._reviews(order, at),
        }

    def _basket(self) -> Sequence[str]:
        chosen = [self.chance.choice(self.products) for _ in range(self.chance.choice((1, 1, 1, 2, 3)))]
        # Two pieces of one product are two equal items but for their number.
        return [*chosen, chosen[0]] if self.count % 11 == 0 else chosen

    def _payments(self, order: str, due: Decimal) -> list[Row]:
        voucher = Decimal(500) / 100 if self.count % 7 == 0 else Decimal(0)
        card = self.count % 4 != 0
        whole = {
            "id_pedido": order,
            "sequencial_pagamento": 1,
            "tipo_pagamento": "cartao_credito" if card else "boleto",
            "parcelas": self.chance.randint(1, 10) if card else 1,
            "valor_pagamento": due - voucher,
        }
        second = {"sequencial_pagamento": 2, "tipo_pagamento": "voucher", "parcelas": 1, "valor_pagamento": voucher}
        return [whole, whole | second] if voucher else [whole]

    def _reviews(self, order: str, at: datetime) -> list[Row]:
        if self.count % 3 == 0:
            return []
        said = self.chance.choice(("", "", "Chegou antes do prazo", "Produto veio com defeito", "Recomendo"))
        return [
            {
                "id_avaliacao": self._id("r", self.count),
                "id_pedido": order,
                "nota_avaliacao": self.chance.choice((1, 2, 3, 4, 4, 5, 5, 5, 5)),
                "comentario": said,
                "data_resposta": (at + timedelta(days=12)).strftime("%Y-%m-%d %H:%M:%S"),
            }
        ]

    def _write(self, folder: Path, name: str, rows: list[Row]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_bytes(as_csv(rows))

    def _id(self, kind: str, number: int) -> str:
        """Hexadecimal ids without any order, as such systems draw them."""
        return random.Random(f"{kind}{number}").getrandbits(128).to_bytes(16, "big").hex()


def write_crm(folder: Path, people: int = 60) -> None:
    """What another program of the company exports: customers in German, with semicolons and in Windows' encoding."""
    rows = [
        {
            "Kundennummer": f"K{number:04}",
            "Vorname": ("Jürgen", "Käthe", "Björn", "Zoë", "Uwe", "Inge", "Ralf")[number % 7],
            "Nachname": ("Müller", "Schäfer", "Weiß", "Jäger", "König", "Böhm", "Vogt", "Kraus")[number % 8],
            "E-Mail": f"kunde{number}@example.com",
            "Ort": "Köln",
            "Angelegt am": f"{number % 28 + 1:02}.{number % 12 + 1:02}.2017",
            "Newsletter": "ja" if number % 3 else "nein",
        }
        for number in range(people)
    ]
    (folder / "kunden_crm.csv").write_bytes(as_csv(rows, ";", "cp1252"))
