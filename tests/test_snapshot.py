"""Asset keys, jobs and schedules change only where the snapshot does: dashboards, backfills and schedules name them."""

from dagster import Definitions, ScheduleDefinition, asset, define_asset_job

from crm_pipeline.definitions import defs
from tests.snapshot import SNAPSHOT, snapshot

REMEDY = "a name changed: `python -m tests.snapshot --update` if it was meant to"


def test_the_names_of_assets_jobs_and_schedules_are_those_of_the_snapshot():
    assert snapshot(defs).splitlines() == SNAPSHOT.read_text(encoding="utf-8").splitlines(), REMEDY


def test_a_snapshot_tells_assets_with_their_group_jobs_and_schedules():
    @asset(key=["marts", "people"], group_name="marts")
    def people() -> None: ...

    nightly = define_asset_job("nightly", selection="*")
    clock = ScheduleDefinition(name="at_night", job=nightly, cron_schedule="0 1 * * *")
    assert snapshot(Definitions(assets=[people], jobs=[nightly], schedules=[clock])) == (
        "asset marts/people of group marts\njob nightly of 1 assets\nschedule at_night runs nightly at 0 1 * * *\n"
    )
