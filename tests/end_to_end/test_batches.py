"""A company that delivers its files day by day gets the tables that it gets when it delivers them at once."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from crm_pipeline.config.dataset import load_dataset
from crm_pipeline.identity.store import read_model, save_model
from crm_pipeline.raw.load import load
from crm_pipeline.sample.generate import generate

from .comparing import differing, people, published_tables
from .conftest import Deployment
from .daily import cut

pytestmark = pytest.mark.slow
PEOPLE = 400
DAYS = 30
LAST = date(2026, 7, 1)
RUN_TIME = datetime(2026, 7, 2, tzinfo=UTC)
#: Between them the raw stage alone takes the deliveries in.
WHOLE_RUNS = (0, 29)


@dataclass(frozen=True)
class Ways:
    """The same files delivered at once and day by day."""

    at_once: Deployment
    daily: Deployment


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    with pytest.MonkeyPatch.context() as patch:
        # One planted fault is a large share of a day's few rows.
        patch.setenv("CRM_QUARANTINE_LIMIT", "1")
        yield _deliver(tmp_path_factory)


def _deliver(tmp_path_factory: pytest.TempPathFactory) -> Ways:
    root = tmp_path_factory.mktemp("ways")
    at_once = Deployment(root / "at_once", root / "at_once_state")
    generate(PEOPLE, 11, at_once.settings.dataset_folder, processes=1)
    pipeline = at_once.settings.dataset_folder / "pipeline.yml"
    pipeline.write_text(pipeline.read_text() + "identity: {fewest_profiles: 100}\n")
    daily = Deployment(root / "daily", root / "daily_state")
    folder = daily.settings.dataset_folder
    folder.mkdir(parents=True)
    shutil.copy(at_once.settings.dataset_folder / "pipeline.yml", folder)
    dataset = load_dataset(at_once.settings.dataset_folder)
    for day, delivery in enumerate(cut(dataset, LAST, DAYS, root / "cut", RUN_TIME)):
        if delivery.exists():
            shutil.copytree(delivery, folder, dirs_exist_ok=True)
        if day in WHOLE_RUNS:
            until = LAST - timedelta(days=DAYS - day)
            assert daily.run(until if day < DAYS - 1 else None).problems == []
        else:
            load(daily.settings, load_dataset(folder), f"day-{day}", RUN_TIME)
    # A model is trained once and kept: both ways go by the one that the first delivery gave.
    model = read_model(daily.settings)
    assert model is not None
    save_model(at_once.settings, model)
    assert at_once.run().problems == []
    return Ways(at_once, daily)


def test_the_last_month_came_in_thirty_deliveries(ways):
    delivered = [path.name for path in ways.daily.settings.dataset_folder.rglob("*_d??.*")]
    days = {re.search(r"_d(\d\d)\.", name)[1] for name in delivered}
    assert len(days) == DAYS


def test_people_keep_their_ids(ways):
    assert people(ways.daily) == people(ways.at_once)


def test_the_published_tables_are_the_same(ways):
    daily, at_once = published_tables(ways.daily), published_tables(ways.at_once)
    # The models' tables keep what earlier runs said; the newest run must say the same in both.
    kept = ["marts.model_backtests", "marts.model_status"]
    assert [name for name in differing(daily, at_once) if name not in kept] == []
    assert all(set(at_once[name]) <= set(daily[name]) for name in kept)
