"""The last gate: what BI tools now open is the release that the run has published."""

from dagster import AssetCheckResult, asset_check

from crm_pipeline.publish.assets import SERVING_FILE
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.release import current_release
from crm_pipeline.resources import Workspace


@asset_check(
    asset=SERVING_FILE,
    name="opens",
    blocking=True,
    description="A fresh connection opens the serving file and finds this run's as-of date.",
)
def opens(workspace: Workspace) -> AssetCheckResult:
    """Open the serving file as a BI tool does."""
    try:
        release = current_release(workspace.settings)
    except PublishError as error:
        return AssetCheckResult(passed=False, description=str(error))
    found = release.info.as_of_date if release else None
    said = f"The serving file is {release}." if release else "No release."
    passed = found == workspace.as_of_date
    remedy = f" It should be as of {workspace.as_of_date}. Remedy: crm run --from publish."
    return AssetCheckResult(passed=passed, description=said if passed else said + remedy)
