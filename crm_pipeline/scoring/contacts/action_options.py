"""What could be done for each person: actions that fit them, over channels they agree to, with value and cost.

The value of an action over a channel is what it is expected to bring within the horizon of its stake, minus the cost
of the contact. For keeping in touch it is the effect that past experiments measured (`uplift`): of the person or, where
no ranking of people was believed, the mean of everybody. Where nothing was measured it is reach x response x stake: the
share who take notice, the share of what is at stake that the action wins from them (both assumed, from the settings),
and the margin at stake.
"""

from collections.abc import Mapping
from datetime import date

import duckdb
import pyarrow as pa

from crm_pipeline.config.actions import CONSENTS, ActionSettings
from crm_pipeline.scoring.model import ScoringSettings

LIKELY, POSSIBLE = 2 / 3, 1 / 3
"""Probability from which on leaving is likely (win back), or possible (reactivate)."""

CAP_DAYS = 30

_TEXT, _NUMBER, _KEY, _FLAG = pa.string(), pa.float64(), pa.int64(), pa.bool_()
GIVEN: Mapping[str, Mapping[str, pa.DataType]] = {
    "rfm": {"rfm_segment": _TEXT, "monetary": _NUMBER},
    "clv": {"clv_predicted": _NUMBER, "p_alive": _NUMBER},
    "churn": {"churn_probability": _NUMBER},
    "propensity": {"purchase_probability": _NUMBER},
    "category_propensity": {"category": _TEXT, "probability": _NUMBER, "is_new": _FLAG},
    "uplift": {"contact_channel": _TEXT, "expected_extra_margin": _NUMBER, "is_mean_effect": _FLAG},
    "loyalty": {"loyalty_stage": _TEXT},
    "recommendations": {"rank": _KEY, "product_key": _KEY},
    "early_warnings": {"signal": _TEXT, "strength": _NUMBER},
    "personas": {"persona": _TEXT},
}
"""The score tables that may say something, and their columns beside customer_key; all of them may be missing."""

# Who may be contacted over what: the latest decision up to the as-of date says yes, and no contact was answered by
# unsubscribing. Whoever had as many contacts as the cap allows is not contacted at all.
_ALLOWED = """
    consents as (
        select * from customer.customer_consent_states where day <= $as_of
        qualify row_number() over (partition by customer_key order by day desc) = 1
    ),
    agreed as (
        select customer_key, consent, is_granted from consents
        unpivot (is_granted for consent in (consent_email, consent_phone, consent_post, consent_push))
    ),
    refused as (
        select distinct customer_key, contact_channel from customer.fct_campaign_contacts
        where customer_key is not null and unsubscribed_at::date <= $as_of
    ),
    contacts as (
        select customer_key, count(*) as contacts from customer.fct_campaign_contacts
        where customer_key is not null and sent_on <= $as_of and sent_on > $as_of::date - $cap_days::int
        group by customer_key
    ),
    allowed as (
        select agreed.customer_key, terms.contact_channel, terms.cost, terms.reach
        from agreed
        join terms on terms.consent = agreed.consent
        where agreed.is_granted
            and not exists (
                select 1 from refused
                where refused.customer_key = agreed.customer_key and refused.contact_channel = terms.contact_channel
            )
    )
"""

# What is known of each person in one row: how likely they leave, what they are worth if they stay, and what moves them.
_PEOPLE = """
    warned as (
        select customer_key,
            max(strength) filter (where signal in ('complaints_up', 'satisfaction_down')) as complaint,
            max(strength) filter (where signal not in ('complaints_up', 'satisfaction_down')) as falling
        from early_warnings group by customer_key
    ),
    tempted as (
        select * from category_propensity where is_new
        qualify row_number() over (partition by customer_key order by probability desc, category) = 1
    ),
    people as (
        select known.customer_key,
            churn.churn_probability as leaving,
            greatest(coalesce(
                clv.clv_predicted / greatest(clv.p_alive, 0.05), known.margin_12m::double, 0
            ), 0) as worth,
            greatest(coalesce(
                known.margin_12m::double / nullif(known.orders_12m, 0),
                known.margin_lifetime::double / nullif(known.orders_lifetime, 0), 0
            ), 0) as order_margin,
            coalesce(propensity.purchase_probability, least(known.orders_12m / 12.0, 1), 0) as buying,
            warned.complaint, warned.falling, tempted.category, tempted.probability as temptation,
            loyalty.loyalty_stage = 'true' as is_loyal
        from features.customer_features as known
        left join churn using (customer_key)
        left join clv using (customer_key)
        left join propensity using (customer_key)
        left join loyalty using (customer_key)
        left join warned using (customer_key)
        left join tempted using (customer_key)
        where known.as_of_date = $as_of
    )
"""

# One row per person and action that fits: the margin at stake, and why.
_NEEDS = f"""
    with {_PEOPLE}
    select customer_key, 'service_recovery' as action, coalesce(leaving, complaint) * worth as stake,
        null::varchar as category, printf('Complains more than before; worth %.2f a year if kept.', worth) as reason
    from people where complaint > 0
    union all
    select customer_key, case when leaving >= {LIKELY} then 'win_back' else 'reactivate' end, leaving * worth, null,
        printf('Leaves with a probability of %.0f %%; worth %.2f a year if kept.', 100 * leaving, worth)
    from people where leaving >= {POSSIBLE} or (leaving is not null and falling > 0)
    union all
    select customer_key, 'loyalty_reward', worth, null, printf('Loyal; worth %.2f a year.', worth)
    from people where is_loyal and coalesce(leaving, 0) < {POSSIBLE}
    union all
    select customer_key, 'cross_sell', temptation * order_margin, category,
        printf('Buys %s for the first time with a probability of %.0f %%.', category, 100 * temptation)
    from people where temptation > 0
    union all
    select customer_key, 'keep_in_touch', buying * order_margin, null,
        printf('Orders with a probability of %.0f %%, at a margin of %.2f an order.', 100 * buying, order_margin)
    from people
"""

# One row per person, contact channel and allowed action: its value (cost taken off), and whether it was measured.
_VALUES = f"""
    with {_ALLOWED},
    valued as (
        select needs.customer_key, allowed.contact_channel, needs.action, allowed.cost,
            uplift.expected_extra_margin is not null and needs.action = 'keep_in_touch' as is_measured,
            is_measured and coalesce(uplift.is_mean_effect, false) as is_mean_effect,
            round(case when is_measured then uplift.expected_extra_margin
                else allowed.reach * responses.response * needs.stake end - allowed.cost, 6) as value
        from needs
        join allowed using (customer_key)
        join responses using (action)
        left join contacts using (customer_key)
        left join uplift
            on uplift.customer_key = needs.customer_key and uplift.contact_channel = allowed.contact_channel
        where coalesce(contacts.contacts, 0) < $cap and allowed.reach > 0 and responses.response > 0
    )
"""


def register(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], actions: ActionSettings, as_of: date
) -> None:
    """Let SQL see the score tables, empty where missing, the settings, and what fits whom (`needs`)."""
    for name, columns in GIVEN.items():
        connection.register(name, _complete(tables.get(name), columns))
    channels = [name for name in actions.costs if name in actions.reach]
    terms = {
        "contact_channel": channels,
        "consent": [CONSENTS[name] for name in channels],
        "cost": [actions.costs[name] for name in channels],
        "reach": [actions.reach[name] for name in channels],
    }
    connection.register("terms", pa.table(terms))
    responses = {"action": list(actions.response), "response": list(actions.response.values())}
    connection.register("responses", pa.table(responses))
    connection.register("needs", connection.sql(_NEEDS, params={"as_of": as_of}).to_arrow_table())


def best_options(connection: duckdb.DuckDBPyConnection, actions: ActionSettings, settings: ScoringSettings) -> pa.Table:
    """Return the best action of each person over each contact channel.

    Its columns: customer_key, contact_channel, action, cost, is_measured, is_mean_effect, value.

    Ordered by person and, where a person's options are worth the same, by cost and contact channel.
    """
    return connection.sql(
        f"""{_VALUES}
        select * from valued
        qualify row_number() over (partition by customer_key, contact_channel order by value desc, action) = 1
        order by customer_key, cost, contact_channel
        """,
        params=_params(actions, settings),
    ).to_arrow_table()


def options_by_rule(
    connection: duckdb.DuckDBPyConnection, actions: ActionSettings, settings: ScoringSettings, rule: pa.Table
) -> pa.Table:
    """Return what a rule (columns rfm_segment, action) does: one option per person, over the cheapest channel.

    Where the rule's action does not fit a person they are kept in touch with. Columns and order as of `best_options`.
    """
    connection.register("rule", rule)
    return connection.sql(
        f"""{_VALUES}
        select valued.* from valued
        join rfm using (customer_key)
        join rule using (rfm_segment)
        where valued.action in (rule.action, 'keep_in_touch')
        qualify row_number() over (
            partition by valued.customer_key
            order by valued.cost, valued.contact_channel, (valued.action = rule.action) desc
        ) = 1
        order by rfm.monetary desc, valued.customer_key
        """,
        params=_params(actions, settings),
    ).to_arrow_table()


def contact_states(
    connection: duckdb.DuckDBPyConnection, actions: ActionSettings, settings: ScoringSettings
) -> pa.Table:
    """Return per person with features at the as-of date whether a channel is open and whether the cap is reached."""
    return connection.sql(
        f"""
        with {_ALLOWED}
        select known.customer_key, known.customer_key in (select customer_key from allowed) as has_channel,
            coalesce(contacts.contacts, 0) as contacts, coalesce(contacts.contacts, 0) >= $cap as is_full
        from features.customer_features as known
        left join contacts using (customer_key)
        where known.as_of_date = $as_of
        order by known.customer_key
        """,
        params=_params(actions, settings),
    ).to_arrow_table()


def _params(actions: ActionSettings, settings: ScoringSettings) -> dict[str, object]:
    return {"as_of": settings.as_of, "cap_days": CAP_DAYS, "cap": actions.contacts_per_30_days}


def _complete(table: pa.Table | None, columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Return the expected columns of a score table; those that it lacks are null, a missing table is empty."""
    rows = pa.table({"customer_key": pa.array([], pa.int64())}) if table is None else table
    wanted = {"customer_key": pa.int64(), **columns}
    return pa.table(
        {
            name: rows[name].cast(kind) if name in rows.column_names else pa.nulls(len(rows), kind)
            for name, kind in wanted.items()
        }
    )
