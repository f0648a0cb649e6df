"""The gate behind the scoring stage: only versions that beat their baseline score, and probabilities are some."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from dagster import AssetCheckResult, AssetCheckSeverity, AssetCheckSpec, AssetKey, multi_asset_check

from crm_pipeline.faults import guard
from crm_pipeline.resources import Workspace
from crm_pipeline.scoring import registry, store
from crm_pipeline.scoring.lifetime import clv_quality
from crm_pipeline.scoring.outcome import Status
from crm_pipeline.scoring.segmentation.persona_quality import complaints
from crm_pipeline.scoring.steps import tables
from crm_pipeline.scoring.table import Column, ScoreTable
from crm_pipeline.stages import Stage

_EXAMPLES = 5
_LOOK = "Remedy: look at the model card of {}; crm run --from scoring after a change."


def with_probabilities() -> list[tuple[ScoreTable, list[Column]]]:
    """Return the tables that hold probabilities, and the columns that do."""
    held = [(table, [column for column in table.columns if column.is_probability]) for table in tables().values()]
    return [(table, columns) for table, columns in held if columns]


def _key(table: str) -> AssetKey:
    return AssetKey([Stage.SCORING.value, table])


@multi_asset_check(
    name=f"{Stage.SCORING}__gate",
    specs=[
        AssetCheckSpec(
            "scores_come_from_accepted_versions",
            asset=_key("model_status"),
            blocking=True,
            description="Whoever is scored is scored by a version that beat a naive baseline on later, unseen time.",
        ),
        AssetCheckSpec(
            "beats_its_baseline",
            asset=_key("model_status"),
            description="The newest version of each model with enough data is accepted; if not, an earlier one scores.",
        ),
        AssetCheckSpec(
            "nothing_failed",
            asset=_key("model_status"),
            description="No model, plot, card or explanation raised an error; one that did stops nothing else.",
        ),
        AssetCheckSpec(
            "no_feature_knows_the_answer",
            asset=_key("model_status"),
            description="No feature foretells the label better than an honest one could; such are left out and named.",
        ),
        AssetCheckSpec(
            "keys_are_unique",
            asset=_key("model_status"),
            blocking=True,
            description="No score table holds two rows of the same key.",
        ),
        AssetCheckSpec(
            "are_personas",
            asset=_key("persona_profiles"),
            description="Personas are neither tiny nor nearly everybody, stable, and different from each other.",
        ),
        AssetCheckSpec(
            "everybody_has_a_segment",
            asset=_key("rfm"),
            blocking=True,
            description="RFM was computed: without it all would pass for people without a recent order.",
        ),
        AssetCheckSpec(
            "is_plausible",
            asset=_key("clv"),
            blocking=True,
            description="Nobody is expected to bring many times what the best customer has ever brought.",
        ),
        *(
            AssetCheckSpec(
                "is_a_probability",
                asset=_key(table.name),
                blocking=True,
                description=f"Each {' and '.join(column.name for column in probabilities)} lies between 0 and 1.",
            )
            for table, probabilities in with_probabilities()
        ),
    ],
)
def gate(workspace: Workspace) -> Iterator[AssetCheckResult]:
    """Judge the stored statuses and scores."""
    yield _accepted(workspace)
    yield _newest(workspace)
    yield _none_failed(workspace)
    yield _no_leaks(workspace)
    yield _personas(workspace)
    yield _rfm(workspace)
    yield _plausible(workspace)
    yield _keys(workspace)
    for table, probabilities in with_probabilities():
        yield _in_range(workspace, table, probabilities)


def _accepted(workspace: Workspace) -> AssetCheckResult:
    settings, as_of = workspace.settings, workspace.as_of_date
    wrong = []
    remedy = "Remedy: crm run --from scoring makes the scores anew; do not change files of the lake by hand."
    root = store.registry(settings)
    for table, described in tables().items():
        models = [name for model in described.models for name in registry.models(root, model)]
        stored = [one for model in models for one in registry.versions(root, model)]
        accepted = {one.version for one in stored if one.card["status"] == Status.OK.value}
        if not described.models:
            continue
        used = set(pc.unique(store.read(settings, table, as_of)["model_version"]).to_pylist())
        wrong += [f"{table} holds scores of version {one}, which was not accepted." for one in used - accepted - {None}]
    return AssetCheckResult(
        asset_key=_key("model_status"),
        check_name="scores_come_from_accepted_versions",
        passed=not wrong,
        description=" ".join([*sorted(wrong), remedy] if wrong else ["All scores come from accepted versions."]),
    )


def _newest(workspace: Workspace) -> AssetCheckResult:
    rows = store.read(workspace.settings, "model_status", workspace.as_of_date).to_pylist()
    refused = [row for row in rows if row["status"] in {Status.WORSE_THAN_BASELINE, Status.DRIFTED}]
    said = [f"{row['model']}: {row['reason']}" for row in refused]
    held = "; ".join(f"{row['model']}: {row['status']}" for row in rows)
    return _warning("model_status", "beats_its_baseline", said, held)


def _none_failed(workspace: Workspace) -> AssetCheckResult:
    rows = store.read(workspace.settings, "model_status", workspace.as_of_date).to_pylist()
    said = [f"{row['model']}: {row['reason']}" for row in rows if guard.WHERE in (row["reason"] or "")]
    return _warning("model_status", "nothing_failed", said, f"{len(rows)} models, none of which failed.")


def _no_leaks(workspace: Workspace) -> AssetCheckResult:
    settings, as_of = workspace.settings, workspace.as_of_date
    said = []
    for row in store.read(settings, "model_status", as_of).to_pylist():
        stored = registry.versions(store.registry(settings), row["model"])
        newest = [one.card for one in stored if one.card["as_of"] == as_of.isoformat()]
        left_out = newest[-1].get("left_out_as_leaks") if newest else None
        said += [f"{row['model']}: {', '.join(left_out)}"] if left_out else []
    return _warning("model_status", "no_feature_knows_the_answer", said, "No feature was left out.")


def _personas(workspace: Workspace) -> AssetCheckResult:
    profiles = store.read(workspace.settings, "persona_profiles", workspace.as_of_date)
    return _warning("persona_profiles", "are_personas", complaints(profiles), f"{len(profiles)} personas.")


def _rfm(workspace: Workspace) -> AssetCheckResult:
    rows = store.read(workspace.settings, "model_status", workspace.as_of_date).to_pylist()
    said = [row["reason"] for row in rows if row["model"] == "rfm" and row["status"] == Status.FAILED]
    return AssetCheckResult(
        asset_key=_key("rfm"),
        check_name="everybody_has_a_segment",
        passed=not said,
        description=" ".join(said) or "Each buyer of the last 24 months has a segment.",
    )


def _plausible(workspace: Workspace) -> AssetCheckResult:
    scores = store.read(workspace.settings, "clv", workspace.as_of_date)
    said = clv_quality.complaints(scores, workspace.dataset.business.clv_horizon_months)
    highest = scores.sort_by([("clv_predicted", "descending"), ("customer_key", "ascending")])
    return AssetCheckResult(
        asset_key=_key("clv"),
        check_name="is_plausible",
        passed=not said,
        description=" ".join(
            [*said, _named(highest, ["customer_key"]), _LOOK.format("clv")]
            if said
            else [f"{len(scores):,} lifetime values are in proportion."]
        ),
    )


def _warning(table: str, check: str, said: Sequence[str], otherwise: str) -> AssetCheckResult:
    return AssetCheckResult(
        asset_key=_key(table),
        check_name=check,
        passed=not said,
        severity=AssetCheckSeverity.WARN,
        description=" ".join(said) or otherwise,
    )


def _keys(workspace: Workspace) -> AssetCheckResult:
    said = []
    for name, table in tables().items():
        keys = store.read(workspace.settings, name, workspace.as_of_date).select(table.key)
        doubles = len(keys) - len(keys.group_by(list(table.key)).aggregate([]))
        said += [f"{name} holds {doubles:,} rows too many for its key ({', '.join(table.key)})."] if doubles else []
    return AssetCheckResult(
        asset_key=_key("model_status"),
        check_name="keys_are_unique",
        passed=not said,
        description=" ".join(said) or "Each row has a key of its own.",
    )


def _in_range(workspace: Workspace, table: ScoreTable, probabilities: Sequence[Column]) -> AssetCheckResult:
    scores = store.read(workspace.settings, table.name, workspace.as_of_date)
    said, remedy = [], ""
    for column in probabilities:
        within = pc.and_kleene(pc.greater_equal(scores[column.name], 0), pc.less_equal(scores[column.name], 1))
        outside = scores.filter(pc.invert(pc.fill_null(within, fill_value=not column.required)))
        said.append(f"{len(outside):,} of {len(scores):,} values of {column.name} are no probability.")
        if len(outside):
            remedy = _LOOK.format(table.name)
            said.append(_named(outside, table.key))
    return AssetCheckResult(
        asset_key=_key(table.name),
        check_name="is_a_probability",
        passed=not remedy,
        description=" ".join(filter(None, [*said, remedy])),
    )


def _named(scores: pa.Table, key: Sequence[str]) -> str:
    """Name the first rows of a table by their keys."""
    rows = scores.select(list(key)).slice(0, _EXAMPLES).to_pylist()
    return f"For example: {', '.join(key)} {'; '.join(', '.join(map(str, row.values())) for row in rows)}."
