"""Where a dbt resource stands in Dagster: its stage is its schema, its key prefix and its group."""

from collections.abc import Mapping
from typing import Any

from dagster import AssetKey
from dagster_dbt import DagsterDbtTranslator

from crm_pipeline.stages import Stage


class StageTranslator(DagsterDbtTranslator):
    """Derives asset key and group from the schema, which `dbt_project.yml` derives from the folder."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> AssetKey:
        """Return `<stage>/<name>`; a source's stage is the name of the source."""
        return AssetKey([_stage(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Return the stage."""
        return _stage(dbt_resource_props)


def _stage(props: Mapping[str, Any]) -> str:
    name = props["source_name"] if props["resource_type"] == "source" else props["config"]["schema"]
    return Stage(name).value
