"""Only orders are needed: each other channel may be absent, and the run still publishes."""

import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.dataset import PIPELINE_FILE, load_dataset
from crm_pipeline.config.settings import now
from crm_pipeline.raw.load import load
from crm_pipeline.sample.generate import generate

from .conftest import Deployment

PEOPLE = 150
#: The company sells in several currencies, so that without rates a run stops, and has to.
RATES = "exchange_rates"
OPTIONAL = sorted(set(contracts()) - {"orders", RATES})


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A company that is too small for planted faults, with all of its files in the raw stage."""
    root = tmp_path_factory.mktemp("company")
    deployment = Deployment(root / "data", root / "state")
    folder = deployment.settings.dataset_folder
    generate(PEOPLE, 5, folder, processes=1)
    load(deployment.settings, load_dataset(folder), "all", now())
    return deployment


def without(loaded: Deployment, channels: set[str], folder: Path) -> Deployment:
    """Copy a deployment and leave out the sources of some channels."""
    shutil.copytree(loaded.state_root, folder / "state", symlinks=True)
    deployment = Deployment(folder / "data", folder / "state")
    target, origin = deployment.settings.dataset_folder, loaded.settings.dataset_folder
    target.mkdir(parents=True)
    shutil.copytree(origin / "landing", target / "landing")
    described = yaml.safe_load((origin / PIPELINE_FILE).read_text(encoding="utf-8"))
    described["sources"] = [source for source in described["sources"] if source["channel"] not in channels]
    described["business"].pop("source_trust")
    # Longer than the company's history: what the models say of so few people is not the point.
    described["business"] |= {"churn_horizon_days": 1000, "clv_horizon_months": 60}
    (target / PIPELINE_FILE).write_text(yaml.safe_dump(described), encoding="utf-8")
    return deployment


def delivered(deployment: Deployment) -> set[str]:
    """The channels that the company has files of."""
    return {source.channel for source in load_dataset(deployment.settings.dataset_folder).sources}


CASES = [
    *(pytest.param([name], id=name, marks=pytest.mark.slow) for name in OPTIONAL),
    pytest.param(OPTIONAL, id="all but orders"),
]


@pytest.mark.parametrize("absent", CASES)
def test_a_run_publishes_without(absent, loaded, tmp_path, capsys):
    deployment = without(loaded, set(absent), tmp_path)
    outcome = deployment.run()
    assert outcome.success, outcome.problems
    assert "absent_channels" not in capsys.readouterr().out
    with duckdb.connect(str(deployment.settings.serving_file), read_only=True) as served:
        assert served.execute("select orders > 0 and people > 0 and revenue > 0 from _release").fetchall() == [(True,)]
        rows = served.execute("select subject, value from marts.data_quality where metric = 'rows'").fetchall()
    empty = {channel for channel, number in rows if not number}
    assert empty == set(absent) | (set(contracts()) - delivered(loaded))
    if absent == OPTIONAL:
        assert deployment.settings.report.read_text(encoding="utf-8").count("Nothing of this is in the data.") > 5


def test_money_in_a_currency_without_rates_stops_the_run(loaded, tmp_path):
    deployment = without(loaded, {RATES}, tmp_path)
    outcome = deployment.run()
    assert any("assert_every_currency_has_a_rate" in problem for problem in outcome.problems)
    assert not deployment.settings.serving_file.exists()
