"""The one job over all stages, and when it runs."""

from dagster import AssetSelection, DefaultScheduleStatus, ScheduleDefinition, define_asset_job

DAILY = "crm_daily"

crm_daily = define_asset_job(
    DAILY,
    selection=AssetSelection.all(),
    description="All eight stages, from landing files to the published serving file; each gate stops what follows.",
)

every_morning = ScheduleDefinition(
    name="every_morning",
    job=crm_daily,
    cron_schedule="0 5 * * *",
    default_status=DefaultScheduleStatus.STOPPED,
    description="Runs the pipeline at five in the morning; switch it on in the Dagster UI.",
)
