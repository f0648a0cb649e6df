"""What shops deliver the second time: corrections, withdrawn rows, a column of another name, customers who are gone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from tests.shops.invented import Purchase, Shop, as_csv, as_workbook, zipped
from tests.shops.shops import CLIENTS, INVOICES, PEDIDOS, PURCHASE_ORDERS


def half_prices_and_cancelled_invoices(shop: Shop) -> Shop:
    """The subscription corrects 24 invoices to half the price, cancels 9, and bills those of January."""
    corrected = [replace(purchase, amount=Decimal("9.95")) for purchase in shop.purchases[100:1300:50]]
    cancelled = shop.purchases[120:1020:100]
    billed = _on_each_day(date(2025, 1, 1), 30, "R-2025", shop.purchases[-1], Decimal("19.90"))
    rows = [*INVOICES.rows([*corrected, *billed], Storno=""), *INVOICES.rows(cancelled, Storno="ja")]
    gone = {purchase.id for purchase in cancelled}
    kept = [purchase for purchase in _with(shop.purchases, corrected) if purchase.id not in gone]
    file = as_csv(rows, ";", "cp1252")
    return replace(shop, files={"rechnungen-2025-01.csv": file}, purchases=[*kept, *billed])


def orders_of_another_export(shop: Shop, *, renamed: bool) -> Shop:
    """The wholesaler's next workbook: corrections and new orders, under the old column names or with one renamed."""
    corrected = [replace(purchase, amount=purchase.amount + 100) for purchase in shop.purchases[::40]]
    placed = _on_each_day(shop.last_day + timedelta(days=2), 12, "PO-N", shop.purchases[-1], Decimal("48.20"))
    export = PURCHASE_ORDERS
    if renamed:
        export = replace(export, columns={**export.columns, "at": "Placed at"})
    files = {"Orders 2024-11.xlsx": as_workbook(export.rows([*corrected, *placed]))}
    return replace(shop, files=files, purchases=[*_with(shop.purchases, corrected), *placed])


def customers_gone_from_the_next_export(shop: Shop) -> Shop:
    """The next full export holds two thirds of the customers; one order is corrected, and some follow."""
    staying = [buyer for number, buyer in enumerate(shop.buyers) if number % 3]
    corrected = [replace(shop.purchases[7], amount=Decimal("1.00"))]
    placed = _on_each_day(date(2025, 1, 1), 8, "PED-N", shop.purchases[-1], Decimal("75.25"))
    files = {
        "clientes-2025-01.csv.gz": zipped(as_csv(CLIENTS.rows(staying), ";")),
        "pedidos-2025-01.csv.gz": zipped(as_csv(PEDIDOS.rows([*corrected, *placed]), ";")),
    }
    return replace(shop, files=files, buyers=staying, purchases=[*_with(shop.purchases, corrected), *placed])


def _on_each_day(first: date, days: int, name: str, like: Purchase, amount: Decimal) -> list[Purchase]:
    return [
        Purchase(f"{name}-{number}", like.buyer, datetime.combine(first + timedelta(days=number), time(12)), amount)
        for number in range(days)
    ]


def _with(purchases: Sequence[Purchase], corrected: Sequence[Purchase]) -> list[Purchase]:
    """The purchases as they are after corrections."""
    newer = {purchase.id: purchase for purchase in corrected}
    return [newer.get(purchase.id, purchase) for purchase in purchases]
