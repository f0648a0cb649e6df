"""Next best action: for each person the action and contact channel of the highest expected value, or none, and why.

The plan as a whole stays within the budget of the settings. Beside it stands what a rule by RFM segment would do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.config.actions import ActionSettings
from crm_pipeline.faults import guard
from crm_pipeline.scoring.contacts.action_options import (
    CAP_DAYS,
    GIVEN,
    best_options,
    contact_states,
    options_by_rule,
    register,
)
from crm_pipeline.scoring.contacts.action_plan import choose, frontier
from crm_pipeline.scoring.model import ScoringSettings
from crm_pipeline.scoring.table import AS_OF, PERSON, Column, Mart, ScoreTable
from crm_pipeline.show import plots

MEASURED, ON_AVERAGE, ASSUMED = "measured", "measured_on_average", "assumed"

ACTIONS = ScoreTable(
    "next_best_actions",
    "One row per person: the action of the highest expected value, or none.",
    (
        PERSON,
        AS_OF,
        Column.text("action", "What to do; none where nothing is worth its cost or allowed."),
        Column.text("contact_channel", "Contact channel to do it over."),
        Column.text("category", "Category to speak of, if any."),
        Column.integer("product_key", "Product to speak of, if any."),
        Column.number("expected_value", "Margin that it is expected to add, less its cost."),
        Column.number("cost", "What it costs."),
        Column.text(
            "basis",
            "Whether past experiments speak, of the person or on average of everybody, or assumptions.",
            values=(MEASURED, ON_AVERAGE, ASSUMED),
        ),
        Column.text("reason", "Why, in plain words."),
        Column.integer("priority", "1 is done first."),
    ),
    key=("customer_key",),
)
PLANS = ScoreTable(
    "action_plans",
    "One row per plan: the proposed one beside a rule by RFM segment.",
    (
        Column.text("plan", "The plan.", required=True),
        AS_OF,
        Column.number("budget", "Most that it may cost; empty: no limit.", money=2),
        Column.integer("people", "Number of people.", required=True),
        Column.number("cost", "What it costs.", money=2),
        Column.number("expected_value", "What it is expected to add.", money=2),
    ),
    key=("plan",),
    mart=Mart("campaigns"),
)
TARGETS = ScoreTable(
    "target_groups",
    "One row per target group: value, potential, and its share of the budget.",
    (
        Column.text("target_group", "The persona, or the RFM segment of people without one.", required=True),
        AS_OF,
        Column.integer("people", "Number of people."),
        Column.number("margin_12m", "Margin of the last 12 months."),
        Column.number("clv_predicted", "Margin expected in the horizon."),
        Column.number("extra_margin_per_contact", "Margin that a contact is expected to add."),
        Column.integer("people_potential", "People for whom some action is worth its cost, whatever the budget."),
        Column.number("potential_cost", "What the best action for each of them would cost."),
        Column.number("potential_value", "What it would be expected to add, less its cost."),
        Column.integer("people_planned", "People whom the plan contacts."),
        Column.number("planned_cost", "What that costs."),
        Column.number("planned_value", "What it is expected to add."),
        Column.number("budget_share", "Share of the planned cost."),
    ),
    key=("target_group",),
)
PLAN, RULE, PLAN_AT_RULE_COST = "next_best_action", "rule_by_segment", "next_best_action_at_rule_cost"
SEGMENT_RULE: Mapping[str, str] = {
    "Champions": "loyalty_reward",
    "Loyal": "loyalty_reward",
    "Potential Loyalist": "cross_sell",
    "New": "cross_sell",
    "Promising": "cross_sell",
    "Need Attention": "reactivate",
    "About to Sleep": "reactivate",
    "At Risk": "win_back",
    "Cannot Lose": "win_back",
    "Hibernating": "win_back",
    "Lost": "win_back",
}
"""The baseline: what is commonly done for whom by RFM segment, over the cheapest channel, big spenders first."""

_CURVE_STEPS = 20

_RESULT = f"""
    with best as (
        select customer_key, product_key from recommendations
        qualify row_number() over (partition by customer_key order by rank, product_key) = 1
    ),
    planned as (
        select states.*, chosen.action, chosen.contact_channel, chosen.value, chosen.cost, chosen.is_measured,
            chosen.is_mean_effect, needs.category, needs.reason, possible.value as best_value,
            case when chosen.action in ('cross_sell', 'keep_in_touch') then best.product_key end as product_key
        from states
        left join chosen using (customer_key)
        left join needs on needs.customer_key = chosen.customer_key and needs.action = chosen.action
        left join (
            select customer_key, max(value) as value from options group by customer_key
        ) as possible on possible.customer_key = states.customer_key
        left join best on best.customer_key = chosen.customer_key
    )
    select customer_key, $as_of::date as as_of_date, coalesce(action, 'none') as action, contact_channel, category,
        product_key,
        coalesce(value, 0.0) as expected_value, coalesce(cost, 0.0) as cost,
        case when is_mean_effect then '{ON_AVERAGE}' when is_measured then '{MEASURED}'
            when action is not null then '{ASSUMED}' end as basis,
        case when is_mean_effect then printf(
                'A contact brings a margin of %.2f on average; whom it brings more is not known.', value + cost
            )
            when action is not null then reason
            when not has_channel then 'Agrees to no channel.'
            when is_full then printf('Had %d contacts in {CAP_DAYS} days.', contacts)
            when coalesce(best_value, 0) <= 0 then 'No action is worth its cost.'
            else 'Others bring more for the budget.' end as reason,
        case when action is not null then row_number() over (
            order by action is null, value desc, customer_key
        ) end as priority
    from planned
    order by customer_key
"""

_TARGETS = """
    with potential as (
        select customer_key, cost, value from options where value > 0
        qualify row_number() over (partition by customer_key order by value desc, cost, contact_channel) = 1
    ),
    grouped as (
        select coalesce(personas.persona, rfm.rfm_segment, 'no_recent_order') as target_group, known.customer_key,
            known.margin_12m::double as margin_12m, clv.clv_predicted, chosen.cost, chosen.value,
            potential.cost as potential_cost, potential.value as potential_value, reached.expected_extra_margin
        from features.customer_features as known
        left join personas using (customer_key)
        left join rfm using (customer_key)
        left join clv using (customer_key)
        left join chosen using (customer_key)
        left join potential using (customer_key)
        left join (
            select customer_key, max(expected_extra_margin) as expected_extra_margin from uplift group by customer_key
        ) as reached using (customer_key)
        where known.as_of_date = $as_of
    ),
    totals as (
        select target_group, count(*) as people, round(sum(margin_12m::decimal(18, 2))::double, 2) as margin_12m,
            round(sum(clv_predicted::decimal(18, 4))::double, 2) as clv_predicted,
            round(avg(expected_extra_margin::decimal(18, 6))::double, 6) as extra_margin_per_contact,
            count(potential_cost) as people_potential,
            coalesce(sum(potential_cost::decimal(18, 4))::double, 0) as potential_cost,
            coalesce(sum(potential_value::decimal(18, 4))::double, 0) as potential_value,
            count(cost) as people_planned, coalesce(sum(cost::decimal(18, 4))::double, 0) as planned_cost,
            coalesce(sum(value::decimal(18, 4))::double, 0) as planned_value
        from grouped group by target_group
    )
    select target_group, $as_of::date as as_of_date, * exclude (target_group),
        planned_cost / nullif((sum(planned_cost::decimal(18, 4)) over ())::double, 0) as budget_share
    from totals
    order by target_group
"""


@dataclass(frozen=True)
class Actions:
    """What is proposed: one row per person, how the plan compares with the rule, and its target groups."""

    actions: pa.Table
    plans: pa.Table
    targets: pa.Table
    plots: Mapping[str, str] = field(default_factory=dict)


def propose(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, pa.Table],
    actions: ActionSettings,
    settings: ScoringSettings,
) -> Actions:
    """Choose for everybody with features at the as-of date.

    Args:
        connection: the warehouse; its tables `customer_features`, `customer_consent_states` and
            `fct_campaign_contacts` are read up to the as-of date.
        tables: score tables as of that date by name, any of `action_options.GIVEN`; the others are taken as empty.
        actions: costs, assumed responses, cap and budget.
        settings: of the run.
    """
    register(connection, tables, actions, settings.as_of)
    options = best_options(connection, actions, settings)
    chosen = _taken(options, actions.budget)
    for name, table in {
        "options": options,
        "chosen": chosen,
        "states": contact_states(connection, actions, settings),
    }.items():
        connection.register(name, table)
    rule = pa.table({"rfm_segment": list(SEGMENT_RULE), "action": list(SEGMENT_RULE.values())})
    ruled = options_by_rule(connection, actions, settings, rule)
    as_of = {"as_of": settings.as_of}
    result = Actions(
        connection.sql(_RESULT, params=as_of).to_arrow_table().cast(ACTIONS.schema),
        _plans(options, chosen, ruled, actions.budget, settings),
        connection.sql(_TARGETS, params=as_of).to_arrow_table().cast(TARGETS.schema),
        guard.drawn({"Next best action: value by budget": lambda: _value_by_budget(options, ruled)}),
    )
    for name in (*GIVEN, "terms", "responses", "needs", "options", "chosen", "states", "rule"):
        connection.unregister(name)
    return result


def _taken(options: pa.Table, budget: float | None) -> pa.Table:
    keys, values, costs = (options[name].to_numpy() for name in ("customer_key", "value", "cost"))
    return options.filter(pa.array(choose(keys, values, costs, budget)))


def _within(ruled: pa.Table, budget: float | None) -> pa.Table:
    """Return the first people of a rule whom the budget pays for."""
    if budget is None:
        return ruled
    return ruled.slice(0, int((np.cumsum(ruled["cost"].to_numpy()) <= budget + 1e-6).sum()))


def _plans(
    options: pa.Table, chosen: pa.Table, ruled: pa.Table, budget: float | None, settings: ScoringSettings
) -> pa.Table:
    kept = _within(ruled, budget)
    spent = _total(kept, "cost")
    plans = {PLAN: (chosen, budget), RULE: (kept, budget), PLAN_AT_RULE_COST: (_taken(options, spent), spent)}
    rows = [
        (name, settings.as_of, limit, len(plan), _total(plan, "cost"), _total(plan, "value"))
        for name, (plan, limit) in plans.items()
    ]
    return pa.Table.from_pylist([dict(zip(PLANS.schema.names, row, strict=True)) for row in rows], schema=PLANS.schema)


def _total(plan: pa.Table, column: str) -> float:
    return round(float(plan[column].to_numpy().sum()), 4)


def _value_by_budget(options: pa.Table, ruled: pa.Table) -> str:
    """Return the expected value of the plan and of the rule at each budget up to what they would spend without one."""
    plan = frontier(*(options[name].to_numpy() for name in ("customer_key", "value", "cost")))
    spent, gained = (np.cumsum(ruled[name].to_numpy()) for name in ("cost", "value"))
    every = max(len(ruled) // _CURVE_STEPS, 1)
    rule = zip(spent[every - 1 :: every].tolist(), gained[every - 1 :: every].tolist(), strict=True)
    lines = {PLAN: plan, RULE: [(0.0, 0.0), *rule]}
    return plots.curve("Expected value by budget", "budget", "expected value", lines, [RULE])
