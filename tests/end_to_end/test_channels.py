"""Only orders are needed: each other channel may be absent, and the run still publishes."""

from pathlib import Path

import duckdb
import pytest
import yaml

from crm_pipeline.dataset import PIPELINE_FILE
from crm_pipeline.raw.contract import contracts
from crm_pipeline.sample.company import make_company, write_company

from .conftest import Deployment

PEOPLE = 150
OPTIONAL = sorted(set(contracts()) - {"orders"})


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset folder of a company that is too small for planted faults."""
    folder = tmp_path_factory.mktemp("company")
    write_company(make_company(people=PEOPLE, seed=5), folder)
    return folder


@pytest.fixture
def deployment_without(company: Path, tmp_path: Path):
    """Make a deployment of the company without the sources of some channels."""

    def make(channels: set[str]) -> Deployment:
        folder = tmp_path / "data" / "sample"
        folder.mkdir(parents=True)
        (folder / "landing").symlink_to(company / "landing")
        described = yaml.safe_load((company / PIPELINE_FILE).read_text(encoding="utf-8"))
        described["sources"] = [source for source in described["sources"] if source["channel"] not in channels]
        described["business"].pop("source_trust", None)
        (folder / PIPELINE_FILE).write_text(yaml.safe_dump(described), encoding="utf-8")
        return Deployment(tmp_path / "data", tmp_path / "state")

    return make


@pytest.mark.parametrize("absent", [*([channel] for channel in OPTIONAL), OPTIONAL], ids=lambda names: " ".join(names))
def test_a_run_publishes_without(absent, deployment_without):
    deployment = deployment_without(set(absent))
    outcome = deployment.run()
    assert outcome.success, outcome.problems
    with duckdb.connect(str(deployment.settings.serving_file), read_only=True) as served:
        assert served.execute("select orders > 0 and people > 0 and revenue > 0 from _release").fetchall() == [(True,)]
