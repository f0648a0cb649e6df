"""Who is who, measured against the truth behind the invented company."""

import re

import pyarrow.compute as pc
import pytest

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.identity import store
from crm_pipeline.identity.accuracy import Accuracy, pairwise_accuracy
from crm_pipeline.identity.truth import read_truth
from crm_pipeline.stages import Stage
from crm_pipeline.storage.warehouse import workshop

from .conftest import Deployment


def accuracy(deployment: Deployment) -> dict[str, Accuracy]:
    with workshop(deployment.settings, Stage.STAGING) as con:
        truth = read_truth(con, deployment.settings.dataset_folder)
    person_map = store.read(deployment.settings, "person_map")
    assert truth is not None
    assert person_map is not None
    customers = truth.filter(pc.match_substring(truth["record_id"], "|customer|"))
    return {"customer records": pairwise_accuracy(person_map, customers), "all": pairwise_accuracy(person_map, truth)}


def test_customer_records_are_put_together_as_their_people_are(published):
    found = accuracy(published)["customer records"]
    assert store.read_model(published.settings) is not None
    # Of so few people one wrong link between two who have three records each is 1.5 % of the pairs.
    assert found.precision >= 0.98
    assert found.recall >= 0.97


@pytest.mark.slow
def test_the_documents_tell_what_the_sample_gives(tmp_path):
    sample = Deployment(PROJECT / "data", tmp_path / "state")
    assert sample.run().problems == []
    row = r"^\| rules and probability \| ([\d,]+ customer|all [\d,]+) records.*\| ([\d.]+) \| ([\d.]+) \|$"
    told = re.findall(row, (PROJECT / "docs" / "who-is-who.md").read_text(encoding="utf-8"), re.MULTILINE)
    measured = accuracy(sample)
    assert told == [
        (f"{found.records:,} customer" if name == "customer records" else f"all {found.records:,}",
         f"{found.precision:.3f}", f"{found.recall:.3f}")
        for name, found in measured.items()
    ]  # fmt: skip
