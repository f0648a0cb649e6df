"""A marketplace publishes from what `crm init` writes and a few edits, on the first run, and its second month does too.

The edits stand here as they are typed: text of the draft, and what takes its place.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.config.settings import Settings
from crm_pipeline.raw.init import write_draft
from crm_pipeline.raw.load import load
from crm_pipeline.raw.totals import raw_totals
from tests.end_to_end.conftest import Deployment
from tests.raw.conftest import RUN_TIME
from tests.shops.bazaar_oracle import Count, count
from tests.shops.marketplace import RENAMED_FREIGHT, Marketplace, write_crm
from tests.shops.reading import ask

Edits = Sequence[tuple[str, str]]
MOST = 5

#: Costs are in no file.
FIRST: Edits = (("gross_margin: 0.35", "gross_margin: 0.2"),)
#: The vendor calls the freight otherwise, and another program's customers come with what `crm init` writes for them.
SECOND: Edits = (
    ("      shipping_amount: valor_frete\n", "      shipping_amount: {from: [frete_cobrado, valor_frete]}\n"),
)
CRM_PEOPLE = 60


def edit(folder: Path, edits: Edits) -> None:
    path = folder / "pipeline.yml"
    text = path.read_text(encoding="utf-8")
    assert len(edits) <= MOST
    for before, after in edits:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def first_month(folder: Path) -> Marketplace:
    """The files of January, the draft of `crm init`, and the edits."""
    market = Marketplace()
    market.month(folder / "landing", "2018-01", datetime(2018, 1, 1), days=31, orders=500)
    write_draft(folder)
    edit(folder, FIRST)
    return market


def second_month(market: Marketplace, folder: Path, beside: Path) -> None:
    """The files of February, with the new name of the freight, and the other program's customers."""
    (beside / "landing").mkdir(parents=True)
    write_crm(beside / "landing", CRM_PEOPLE)
    write_draft(beside)
    drafted = (beside / "pipeline.yml").read_text(encoding="utf-8").partition("sources:\n")[2]
    (beside / "landing" / "kunden_crm.csv").rename(folder / "landing" / "kunden_crm.csv")
    pipeline = folder / "pipeline.yml"
    pipeline.write_text(pipeline.read_text(encoding="utf-8") + "\n" + drafted, encoding="utf-8")
    market.month(folder / "landing", "2018-02", datetime(2018, 2, 1), 28, orders=120, freight=RENAMED_FREIGHT)
    edit(folder, SECOND)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data" / "bazaar").mkdir(parents=True)
    return Settings(dataset="bazaar", data_root=tmp_path / "data", state_root=tmp_path / "state")


def assert_loaded(settings: Settings, expected: Count) -> None:
    dataset = load_dataset(settings.dataset_folder)
    assert not load(settings, dataset, "run", RUN_TIME).problems
    found = raw_totals(settings, dataset.business, expected.as_of)
    assert (found.orders, found.revenue) == (expected.orders, expected.revenue)
    assert (found.shipping, found.paid) == (expected.freight, expected.paid)


def test_the_raw_rows_of_both_months_hold_what_the_files_do(settings, tmp_path):
    folder = settings.dataset_folder
    market = first_month(folder)
    assert_loaded(settings, count(folder / "landing"))
    second_month(market, folder, tmp_path / "beside")
    assert_loaded(settings, count(folder / "landing", CRM_PEOPLE))


def published(deployment: Deployment) -> Count:
    """What the release says, in tables that a manager reads."""
    ((people,),), ((orders, revenue, freight),), ((paid,),), ((reviews, scores),), ((as_of,),) = ask(
        deployment,
        "select count(*) from marts.customer_360",
        "select sum(orders), sum(revenue), sum(shipping_amount) from marts.sales_by_state",
        "select sum(paid_amount) from marts.payment_methods",
        "select count(*), sum(score) from customer.fct_survey_responses",
        "select as_of_date from _release",
    )
    amounts = (Decimal(str(amount)) for amount in (revenue, freight, paid))
    return Count(people, int(orders), *amounts, reviews, int(float(scores)), datetime.fromisoformat(as_of[:10]).date())


@pytest.mark.slow
def test_both_months_are_published_on_their_first_run(settings, tmp_path):
    folder = settings.dataset_folder
    deployment = Deployment(settings.data_root, settings.state_root, dataset="bazaar")
    market = first_month(folder)
    assert deployment.run().problems == []
    assert published(deployment) == count(folder / "landing")
    second_month(market, folder, tmp_path / "beside")
    assert deployment.run().problems == []
    assert published(deployment) == count(folder / "landing", CRM_PEOPLE)
