"""The Dagster home of a dataset: run history and schedules lie in its state folder, so that they never mix."""

import os
from pathlib import Path

from crm_pipeline.config.settings import Settings
from crm_pipeline.storage.lake import atomic_file

_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 1
"""


def prepare(settings: Settings) -> Path:
    """Make the dataset's Dagster home and point this process (and its children) to it."""
    home = settings.dagster_home
    with atomic_file(home / "dagster.yaml") as building:
        building.write_text(_INSTANCE)
    os.environ["DAGSTER_HOME"] = str(home)
    return home
