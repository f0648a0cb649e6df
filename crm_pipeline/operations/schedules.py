"""The one job over all stages, and when it runs."""

from dagster import AssetSelection, DefaultScheduleStatus, ScheduleDefinition, define_asset_job

from crm_pipeline.stages import Stage

DAILY = "crm_daily"

SCORE_HISTORY = AssetSelection.assets([Stage.SCORING.value, "score_history"])

crm_daily = define_asset_job(
    DAILY,
    selection=AssetSelection.all() - SCORE_HISTORY,
    description="All eight stages, from landing files to the published serving file; each gate stops what follows.",
)

score_months = define_asset_job(
    "score_months",
    selection=SCORE_HISTORY,
    description="Scores of past months, as they would have been then: backfill month ends, the oldest first.",
)

every_morning = ScheduleDefinition(
    name="every_morning",
    job=crm_daily,
    cron_schedule="0 5 * * *",
    default_status=DefaultScheduleStatus.STOPPED,
    description="Runs the pipeline at five in the morning; switch it on in the Dagster UI.",
)
