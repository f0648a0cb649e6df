"""`crm`: a thin face over the same jobs that Dagster runs."""

from crm_pipeline.cli.app import app

__all__ = ["app"]
