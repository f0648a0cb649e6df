"""The gate behind the scoring stage: no model is published that is worse than its naive baseline, or out of range."""

from collections.abc import Iterator

import pyarrow.compute as pc
from dagster import AssetCheckResult, AssetCheckSpec, AssetKey, multi_asset_check

from crm_pipeline.resources import Workspace
from crm_pipeline.scoring import store
from crm_pipeline.scoring.frame import Status
from crm_pipeline.stages import Stage

_STATUS = AssetKey([Stage.SCORING.value, "model_status"])
_PROBABILITIES = {"clv": "p_alive", "churn": "churn_probability"}


@multi_asset_check(
    name=f"{Stage.SCORING}__gate",
    specs=[
        AssetCheckSpec(
            "beats_its_baseline",
            asset=_STATUS,
            blocking=True,
            description="Each model with enough data beats a naive baseline on later, unseen time.",
        ),
        *(
            AssetCheckSpec(
                "is_a_probability",
                asset=AssetKey([Stage.SCORING.value, table]),
                blocking=True,
                description=f"Each {column} lies between 0 and 1.",
            )
            for table, column in _PROBABILITIES.items()
        ),
    ],
)
def gate(workspace: Workspace) -> Iterator[AssetCheckResult]:
    """Judge the stored statuses and scores."""
    settings, as_of = workspace.settings, workspace.as_of_date
    statuses = store.read(settings, "model_status", as_of).to_pylist()
    worse = [row for row in statuses if row["status"] == Status.WORSE_THAN_BASELINE]
    said = [f"{row['model']} is worse than its baseline: {row['reason']}" for row in worse]
    held = [f"{row['model']}: {row['status']}" for row in statuses]
    yield AssetCheckResult(
        asset_key=_STATUS,
        check_name="beats_its_baseline",
        passed=not worse,
        description=" ".join(said) or "; ".join(held),
    )
    for table, column in _PROBABILITIES.items():
        values = store.read(settings, table, as_of)[column]
        outside = pc.sum(pc.invert(pc.and_kleene(pc.greater_equal(values, 0), pc.less_equal(values, 1)))).as_py() or 0
        outside += values.null_count
        yield AssetCheckResult(
            asset_key=AssetKey([Stage.SCORING.value, table]),
            check_name="is_a_probability",
            passed=outside == 0,
            description=f"{outside:,} of {len(values):,} values of {column} are no probability.",
        )
