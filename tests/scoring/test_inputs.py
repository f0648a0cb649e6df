"""The assets of the stage name what its SQL reads."""

import json
import re

from dagster import AssetKey

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.dbt.project import manifest
from crm_pipeline.definitions import defs
from crm_pipeline.stages import Stage


def test_the_stage_waits_for_each_table_that_it_reads_and_for_no_other():
    code = "\n".join(path.read_text() for path in (PROJECT / "crm_pipeline" / Stage.SCORING).rglob("*.py"))
    named = set(re.findall(r"\b(customer|features)\.(\w+)", code))
    models = {
        (node["schema"], node["name"])
        for node in json.loads(manifest(Settings()).read_text())["nodes"].values()
        if node["resource_type"] == "model"
    }
    node = defs.resolve_asset_graph().get(AssetKey([Stage.SCORING, "rfm"]))
    assert {tuple(key.path) for key in node.parent_keys} == named & models
