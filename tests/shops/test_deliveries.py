"""A second delivery counts as its files say: corrected, withdrawn, refused and remedied, gone."""

import pytest

from crm_pipeline.raw.ledger import read_ledger
from tests.end_to_end.conftest import Deployment
from tests.shops.deliveries import (
    customers_gone_from_the_next_export,
    half_prices_and_cancelled_invoices,
    orders_of_another_export,
)
from tests.shops.invented import Shop
from tests.shops.reading import told

pytestmark = pytest.mark.slow


def deliver(shop: Shop, deployment: Deployment) -> list[str]:
    shop.write(deployment.settings.dataset_folder)
    return deployment.run().problems


def entry(deployment: Deployment, file: str):
    (found,) = [
        one for one in read_ledger(deployment.settings.lake / "raw" / "current") if one.file == f"landing/{file}"
    ]
    return found


def test_corrected_amounts_replace_and_cancelled_invoices_withdraw(copy_of):
    shop, deployment = copy_of("one_price_subscriptions")
    after = half_prices_and_cancelled_invoices(shop)
    assert deliver(after, deployment) == []
    assert told(deployment) == (after.totals(), after.totals())
    delivered = entry(deployment, "rechnungen-2025-01.csv")
    assert (delivered.rows_read, delivered.rows_loaded, delivered.rows_withdrawn) == (63, 54, 9)
    before = entry(deployment, "rechnungen.csv")
    assert before.rows_loaded == len(shop.purchases) - 24 - 9
    assert (before.rows_superseded, before.rows_withdrawn) == (24, 9)


def test_a_renamed_column_is_refused_with_its_remedy_and_taken_once_that_is_followed(copy_of):
    shop, deployment = copy_of("one_customer_has_a_third_of_all_orders")
    published = deployment.settings.serving_file.read_bytes()
    (problem, *others) = deliver(orders_of_another_export(shop, renamed=True), deployment)
    assert others == []
    for part in ("Orders 2024-11.xlsx", "'Placed'", "Did you mean 'Placed at'?", "Deliver the file with it"):
        assert part in problem
    assert deployment.settings.serving_file.read_bytes() == published
    after = orders_of_another_export(shop, renamed=False)
    assert deliver(after, deployment) == []
    assert told(deployment) == (after.totals(), after.totals())


def test_customers_who_are_gone_from_a_full_export_have_their_orders_alone(copy_of):
    shop, deployment = copy_of("a_full_export_that_loses_customers")
    after = customers_gone_from_the_next_export(shop)
    assert deliver(after, deployment) == []
    assert told(deployment) == (after.totals(), after.totals())
    withdrawn = [entry(deployment, f"clientes-2024-{month}.csv.gz").rows_withdrawn for month in (11, 12)]
    assert sum(withdrawn) == 30 + 50
