"""Blocking checks on what dbt built: totals against the raw files, features against time, the golden record."""

from dataclasses import replace

from dagster import AssetCheckResult, AssetChecksDefinition, AssetKey, asset_check

from crm_pipeline.dbt.reconcile import (
    difference,
    features_from_the_future,
    line_revenue,
    orders_unlike_staging,
    orders_unlike_their_lines,
    totals,
)
from crm_pipeline.raw.suites import ColumnRule, SuiteRules, as_frame, validate_rules
from crm_pipeline.raw.totals import raw_totals
from crm_pipeline.resources import Workspace
from crm_pipeline.stages import Stage

_LOOK = "Remedy: look these up in {} of the warehouse and in the landing files, correct the files, and run again."


def _with_remedy(problem: str | None, named: str, remedy: str) -> str | None:
    return " ".join(filter(None, (problem, named, remedy))) if problem else None


def _verdict(problem: str | None, holds: str) -> AssetCheckResult:
    return AssetCheckResult(passed=problem is None, description=problem or holds)


def _reconciliation(stage: Stage, table: str) -> AssetChecksDefinition:
    @asset_check(
        asset=AssetKey([stage.value, table]),
        name="equals_the_raw_files",
        blocking=True,
        description="Orders, their money and payments up to the as-of date equal those of the raw files, to the cent.",
    )
    def check(workspace: Workspace) -> AssetCheckResult:
        expected = raw_totals(workspace.settings, workspace.dataset.business, workspace.as_of_date)
        with workspace.warehouse() as connection:
            found = totals(connection, stage)
            problem = difference(expected, found, "the raw files", f"stage {stage}")
            named = orders_unlike_staging(connection) if problem and stage is Stage.CUSTOMER else ""
        told = _with_remedy(problem, named, "Remedy: crm run reads all files anew and names those that it cannot read.")
        return _verdict(told, f"{found.orders:,} orders, revenue {found.revenue:,}.")

    return check


@asset_check(
    asset=AssetKey([Stage.CUSTOMER.value, "fct_order_lines"]),
    blocking=True,
    description="Revenue told by lines equals revenue told by orders, to the cent.",
)
def lines_equal_their_orders(workspace: Workspace) -> AssetCheckResult:
    """Compare the two grains of stage customer."""
    with workspace.warehouse() as connection:
        orders = totals(connection, Stage.CUSTOMER)
        lines = replace(orders, revenue=line_revenue(connection))
        problem = difference(orders, lines, "fct_orders", "fct_order_lines")
        named = orders_unlike_their_lines(connection) if problem else ""
    return _verdict(_with_remedy(problem, named, _LOOK.format("both tables")), f"Revenue {lines.revenue:,}.")


@asset_check(
    asset=AssetKey([Stage.FEATURES.value, "customer_features"]),
    blocking=True,
    description="For each as-of date, the features count exactly the orders placed by then.",
)
def features_know_only_the_past(workspace: Workspace) -> AssetCheckResult:
    """Recount the orders of each as-of date on fct_orders."""
    with workspace.warehouse() as connection:
        problem = features_from_the_future(connection, workspace.as_of_date)
    remedy = "Remedy: crm run --from features; if it stays, look at what changed in that stage's models."
    return _verdict(_with_remedy(problem, "", remedy), "No feature is dated after its as-of date.")


_GOLDEN_RECORD = SuiteRules(
    name="golden record",
    columns=(
        ColumnRule("customer_key", required=True, unique=True),
        ColumnRule("customer_id", required=True, unique=True, pattern="^C[0-9a-f]{15}$"),
        ColumnRule("records", required=True, minimum=1),
        ColumnRule("consent_email", required=True),
        ColumnRule("consent_phone", required=True),
        ColumnRule("gender", valid_values=("female", "male", "other")),
    ),
    exact_columns=False,
    named_by=("customer_key",),
)
_SUITE_ROWS = 200_000


@asset_check(
    asset=AssetKey([Stage.CUSTOMER.value, "dim_customers"]),
    blocking=True,
    description="A Great Expectations suite holds on the golden record (at most 200,000 people, taken by key).",
)
def golden_record_is_sound(workspace: Workspace) -> AssetCheckResult:
    """Validate the golden record; the dbt tests of the model cover the whole table."""
    wanted = ", ".join(rule.name for rule in _GOLDEN_RECORD.columns)
    query = f"select {wanted} from customer.dim_customers order by customer_key limit {_SUITE_ROWS}"
    with workspace.warehouse() as connection:
        frame = as_frame(connection.sql(query).to_arrow_table())
    suite = validate_rules(_GOLDEN_RECORD, frame)
    problems = suite.failures + [f"The check itself broke: {error}" for error in suite.errors]
    told = " ".join([*problems[:3], *([_LOOK.format("customer.dim_customers")] if problems else [])])
    return _verdict(told or None, f"{suite.evaluated} expectations on {len(frame):,} people.")


checks = [
    _reconciliation(Stage.STAGING, "stg_orders"),
    _reconciliation(Stage.CUSTOMER, "fct_orders"),
    lines_equal_their_orders,
    golden_record_is_sound,
    features_know_only_the_past,
    _reconciliation(Stage.MARTS, "kpi_scorecard"),
]
