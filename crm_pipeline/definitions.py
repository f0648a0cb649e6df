"""The one entry point: the stages in flow order, their gates, and the job over all of them."""

from dagster import Definitions, in_process_executor

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.assets import stage_assets
from crm_pipeline.dbt.checks import checks as dbt_checks
from crm_pipeline.dbt.project import manifest
from crm_pipeline.dbt.resource import dbt_resource
from crm_pipeline.identity.assets import identity_assets
from crm_pipeline.identity.checks import gate as identity_gate
from crm_pipeline.identity.checks import product_gate
from crm_pipeline.operations.schedules import crm_daily, every_morning, score_months
from crm_pipeline.publish.assets import publish__report, serving_file_asset
from crm_pipeline.publish.checks import opens
from crm_pipeline.raw.assets import raw_channels
from crm_pipeline.raw.checks import gate as raw_gate
from crm_pipeline.resources import workspace_of
from crm_pipeline.scoring.assets import scoring__score_history, scoring_tables
from crm_pipeline.scoring.checks import gate as scoring_gate
from crm_pipeline.stages import Stage


def build(settings: Settings) -> Definitions:
    """Put the stages together for a deployment's settings.

    Raises:
        DbtError: if the dbt project does not parse.
    """
    parsed = manifest(settings)
    marts = stage_assets(Stage.MARTS, parsed)
    gated = [
        raw_channels,
        stage_assets(Stage.STAGING, parsed),
        identity_assets(settings),
        stage_assets(Stage.CUSTOMER, parsed),
        stage_assets(Stage.FEATURES, parsed),
        scoring_tables,
        marts,
    ]
    gates = [raw_gate, identity_gate, product_gate, scoring_gate, *dbt_checks]
    required = [spec.key for made in (*gated, *gates) for spec in made.check_specs if spec.blocking]
    return Definitions(
        assets=[*gated, scoring__score_history, serving_file_asset(sorted(marts.keys), required), publish__report],
        asset_checks=[*gates, opens],
        jobs=[crm_daily, score_months],
        schedules=[every_morning],
        resources={"workspace": workspace_of(settings), "dbt": dbt_resource(settings)},
        executor=in_process_executor,
    )


defs = build(Settings())
