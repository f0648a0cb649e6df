"""Each KPI of the scorecard equals a second computation of it, by month, by its dimension and by segment."""

import csv
import json
import math
from collections.abc import Iterator

import pytest

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.dbt.project import manifest
from tests.end_to_end.kpis import (
    Facts,
    Values,
    campaign_returns,
    churn_rate,
    churned_share,
    costs,
    each,
    lifetime_values,
    profit_contribution,
    quotient,
    referred,
    retention,
    service_costs,
    share,
    total,
)

SEED = PROJECT / "dbt_project" / "seeds" / "kpi_definitions.csv"


def definitions() -> dict[str, dict[str, str]]:
    with SEED.open() as file:
        return {row["kpi"]: row for row in csv.DictReader(file)}


def counted(rows):
    return rows[rows["is_counted"]]


def known(rows):
    return counted(rows)[counted(rows)["customer_key"].notna()]


def mean(rows):
    return share(rows.sum(), len(rows))


def hours(rows, to):
    seconds = ((rows[to] - rows["opened_at"]).dropna().dt.total_seconds()).tolist()
    return share(sum(seconds) / 3600, len(seconds))


def resolved(rows):
    return rows["resolved_at"].notna() | rows["status"].isin(["solved", "closed"])


def recommendation(rows):
    return rows[(rows["kind"] == "nps") & (rows["scale_minimum"] == 0) & (rows["scale_maximum"] == 10)]["score"]


def effort(rows):
    asked = rows[rows["kind"] == "ces"]
    low, high = asked["scale_minimum"], asked["scale_maximum"]
    return mean(1 + (asked["score"] - low) * 6 / (high - low))


def satisfied(rows):
    asked = rows[rows["kind"] == "csat"]
    low, high = asked["scale_minimum"], asked["scale_maximum"]
    return mean(asked["score"] >= high - (high - low) / 4)


def buyers(facts: Facts) -> Values:
    return each(facts.purchases, lambda rows: rows["customer_key"].nunique())


def newcomers(facts: Facts) -> Values:
    return each(facts.first_purchases, len)


def returning(facts: Facts) -> Values:
    back = facts.purchases[facts.purchases["first_month"] < facts.purchases["month"]]
    return each(back, lambda rows: rows["customer_key"].nunique())


COMPUTATIONS = {
    "customer_satisfaction": lambda f: each(f.answers, satisfied),
    "net_promoter_score": lambda f: each(
        f.answers, lambda rows: 100 * (mean(recommendation(rows) >= 9) - mean(recommendation(rows) <= 6))
    ),
    "customer_effort_score": lambda f: each(f.answers, effort),
    "ticket_satisfaction": lambda f: each(f.tickets, lambda rows: mean(rows["satisfaction"].dropna() >= 4)),
    "first_response_hours": lambda f: each(f.tickets, lambda rows: hours(rows, "first_response_at")),
    "resolution_hours": lambda f: each(f.tickets, lambda rows: hours(rows, "resolved_at")),
    "resolution_rate": lambda f: each(f.tickets, lambda rows: mean(resolved(rows))),
    "reopen_rate": lambda f: each(
        f.tickets[resolved(f.tickets) | f.tickets["reopened_at"].notna()],
        lambda rows: mean(rows["reopen_count"] > 0),
    ),
    "repurchase_rate": lambda f: each(
        f.purchases,
        lambda rows: share(
            rows[rows["first_month"] < rows["month"]]["customer_key"].nunique(), rows["customer_key"].nunique()
        ),
    ),
    "retention_rate": retention,
    "promoter_share": lambda f: each(f.answers, lambda rows: mean(recommendation(rows) >= 9)),
    "referral_rate": lambda f: quotient(referred(f), newcomers(f)),
    "referral_acceptance_rate": lambda f: each(f.invitations, lambda rows: mean(rows["accepted_on"].notna())),
    "active_customers": buyers,
    "interactions_per_customer": lambda f: each(
        f.interactions, lambda rows: share(len(rows), rows["customer_key"].nunique())
    ),
    "visits": lambda f: each(f.visits, len),
    "hours_on_site": lambda f: each(f.visits, lambda rows: rows["seconds"].sum() / 3600),
    "minutes_per_visit": lambda f: each(f.visits, lambda rows: mean(rows["seconds"] / 60)),
    "new_customers": newcomers,
    "orders": lambda f: each(f.orders, lambda rows: len(counted(rows))),
    "units_per_order": lambda f: each(f.orders, lambda rows: mean(counted(rows)["units"].dropna())),
    "visit_conversion_rate": lambda f: each(
        f.visits, lambda rows: mean(rows["order_key"].notna() | (rows["purchases"] > 0))
    ),
    "contact_rate": lambda f: quotient(each(f.tickets, len), each(f.orders, lambda rows: len(counted(rows)))),
    "open_rate": lambda f: each(f.emails, lambda rows: mean(rows["opened_at"].notna())),
    "click_rate": lambda f: each(f.emails, lambda rows: mean(rows["clicked_at"].notna())),
    "unsubscribe_rate": lambda f: each(f.emails, lambda rows: mean(rows["unsubscribed_at"].notna())),
    "revenue": lambda f: each(f.orders, lambda rows: rows["revenue"].sum()),
    "gross_margin": lambda f: each(f.orders, lambda rows: rows["margin"].sum()),
    "profit_contribution": profit_contribution,
    "average_order_value": lambda f: each(f.orders, lambda rows: share(rows["revenue"].sum(), len(counted(rows)))),
    "purchase_frequency": lambda f: each(f.purchases, lambda rows: share(len(rows), rows["customer_key"].nunique())),
    "customer_lifetime_value": lambda f: each(
        lifetime_values(f), lambda rows: share(rows["clv_predicted"].round(2).sum(), len(rows))
    ),
    "customer_equity": lambda f: each(lifetime_values(f), lambda rows: rows["clv_predicted"].round(2).sum()),
    "discount_share": lambda f: each(
        f.orders,
        lambda rows: share(
            counted(rows)["discount_amount"].sum(), (counted(rows)["discount_amount"] + counted(rows)["revenue"]).sum()
        ),
    ),
    "return_rate": lambda f: each(
        f.orders,
        lambda rows: share(rows["returned_amount"].sum(), rows["revenue"].sum() + rows["returned_amount"].sum()),
    ),
    "marketing_cost": lambda f: total(costs(f)),
    "customer_acquisition_cost": lambda f: quotient(total(costs(f).query("wins")), newcomers(f)),
    "cost_to_serve": lambda f: quotient(each(service_costs(f), lambda rows: rows["cost"].sum()), buyers(f)),
    "cost_to_retain": lambda f: quotient(total(costs(f).query("not wins")), returning(f)),
    "crm_roi": lambda f: each(
        campaign_returns(f), lambda rows: share((rows["gain"] - rows["cost"]).sum(), rows["cost"].sum())
    ),
    "churned_share": churned_share,
    "churn_rate": churn_rate,
    "known_revenue_share": lambda f: each(
        f.orders, lambda rows: share(known(rows)["revenue"].sum(), counted(rows)["revenue"].sum())
    ),
}


@pytest.fixture(scope="module")
def facts(published):
    made = Facts(published.settings)
    yield made
    made.con.close()


def scorecard(facts: Facts, kpi: str) -> dict:
    rows = facts.con.execute(
        "select month, dimension, dimension_value, value from marts.kpi_scorecard where kpi = ?", [kpi]
    ).fetchall()
    return {(month, dimension, value_of): value for month, dimension, value_of, value in rows}


def test_each_kpi_has_a_second_computation():
    assert sorted(COMPUTATIONS) == sorted(definitions())


@pytest.mark.parametrize("kpi", sorted(COMPUTATIONS))
def test_a_kpi_equals_its_second_computation(kpi, facts):
    definition = definitions()[kpi]
    shown = {"all", definition["split_by"] or "all"} | ({"segment"} if definition["by_segment"] == "true" else set())
    months = {month.start_time.date() for month in facts.months}
    expected = {
        where: value
        for where, value in COMPUTATIONS[kpi](facts).items()
        if where[0] in months and where[1] in shown and not math.isnan(value)
    }
    found = scorecard(facts, kpi)
    assert {dimension for _, dimension, _ in expected} == shown
    assert {dimension for _, dimension, _ in found} == shown
    different = {
        where: (found.get(where), value)
        for where, value in expected.items()
        if found.get(where) is None or not math.isclose(found[where], value, rel_tol=1e-9, abs_tol=1e-9)
    }
    assert different == {}
    # What nothing speaks of has no value; a count has none before its channel begins, and is zero after.
    counts = definition["kind"] in {"sum", "distinct"}
    begins = min(expected)[0]
    surplus = {where: value for where, value in found.items() if where not in expected and value is not None}
    assert surplus == {where: 0 for where in surplus if counts and where[0] >= begins}
    assert not counts or {where for where in found if where[1] == "all" and where[0] >= begins} <= {*expected, *surplus}


def semantic_measures(settings, published: set[str]) -> Iterator[tuple[str, str]]:
    """Each measure of the semantic layer with the query that gives it by month, of the serving file where it can."""
    semantic = json.loads((manifest(settings).parent / "semantic_manifest.json").read_text())
    for model in semantic["semantic_models"]:
        time = next(part for part in model["dimensions"] if part["name"] == model["defaults"]["agg_time_dimension"])
        table = model["node_relation"]
        where = "serving." if table["alias"] in published else ""
        for measure in model["measures"]:
            distinct = "distinct " if measure["agg"] == "count_distinct" else ""
            function = "count" if distinct else measure["agg"]
            query = f"""
                select date_trunc('month', {time["expr"] or time["name"]})::date as month,
                    {function}({distinct}{measure["expr"] or measure["name"]})::double as value
                from {where}{table["schema_name"]}.{table["alias"]} group by all having value is not null
            """
            yield measure["name"], query


def test_the_semantic_layer_measures_what_the_scorecard_measures(facts):
    facts.con.execute(f"attach '{facts.settings.serving_file}' as serving (read_only)")
    tables = facts.con.execute("select table_name from duckdb_tables() where database_name = 'serving'").fetchall()
    for name, query in semantic_measures(facts.settings, {table for (table,) in tables}):
        different = facts.con.execute(f"""
            with served as ({query}),
            measured as (select month, value from marts.kpi_measures where measure = '{name}' and dimension = 'all')
            select month, coalesce(served.value, 0) as served, coalesce(measured.value, 0) as measured
            from served full join measured using (month)
            where month is not null and abs(coalesce(served.value, 0) - coalesce(measured.value, 0)) > 1e-6
        """).fetchall()
        assert different == [], name
