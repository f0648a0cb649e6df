"""Where scores lie: one Parquet file per table and as-of date, so that past months stay and can be filled in later."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from crm_pipeline.config.settings import Settings
from crm_pipeline.scoring import frame
from crm_pipeline.scoring.contacts import experiment_results, next_best_action
from crm_pipeline.scoring.contacts.uplift import Uplift
from crm_pipeline.scoring.journeys.removal_effects import REMOVAL_EFFECTS_SCHEMA
from crm_pipeline.scoring.lifetime.clv import Clv
from crm_pipeline.scoring.products import association_rules
from crm_pipeline.scoring.products.recommendation import Recommendation
from crm_pipeline.scoring.programmes import programme_effects
from crm_pipeline.scoring.questions import early_warnings
from crm_pipeline.scoring.questions.category_propensity import CategoryPropensity
from crm_pipeline.scoring.questions.churn import Churn
from crm_pipeline.scoring.questions.loyalty import Loyalty
from crm_pipeline.scoring.questions.propensity import Propensity
from crm_pipeline.scoring.referrals.referral_network import REFERRAL_NETWORK_SCHEMA
from crm_pipeline.scoring.segments import rfm, segment_quality, segment_tables
from crm_pipeline.scoring.texts import sentiment, topics
from crm_pipeline.stages import Stage
from crm_pipeline.storage import lake


@dataclass(frozen=True)
class Table:
    """A stored table: its columns, what a row of it is, and the models of whose versions `model_version` speaks.

    `step` makes it (empty: that of the table's own name).
    """

    schema: pa.Schema
    description: str
    models: tuple[str, ...] = ()
    step: str = ""


TABLES = {
    "rfm": Table(
        rfm.RFM_SCHEMA,
        "One row per person with an order in the last 24 months: recency, frequency and monetary quintiles.",
    ),
    "text_sentiment": Table(
        sentiment.TEXT_SENTIMENT_SCHEMA,
        "One row per ticket, comment or mention with a text: its language and sentiment.",
        ("sentiment_en", "sentiment_zh"),
        "texts",
    ),
    "customer_sentiment": Table(
        sentiment.CUSTOMER_SENTIMENT_SCHEMA,
        "One row per person who wrote in the last 12 months: how they sounded.",
        step="texts",
    ),
    "ticket_topics": Table(topics.TICKET_TOPIC_SCHEMA, "One row per ticket: its weightiest topic.", step="texts"),
    "segments": Table(
        segment_tables.SEGMENTS_SCHEMA,
        "One row per buyer: segment, persona, distance to its centre, niche.",
        ("segmentation",),
        "segmentation",
    ),
    "segment_profiles": Table(
        segment_tables.PROFILES_SCHEMA,
        "One row per segment: persona, size, worth, and how good a segment it is.",
        step="segmentation",
    ),
    "segment_traits": Table(
        segment_tables.TRAITS_SCHEMA,
        "One row per segment and trait: its mean beside that of all people.",
        step="segmentation",
    ),
    "segment_tree": Table(
        segment_tables.TREE_SCHEMA, "One row per merge of two groups of segments, nearest first.", step="segmentation"
    ),
    "segment_choices": Table(
        segment_tables.CHOICES_SCHEMA, "One row per number of segments that was tried.", step="segmentation"
    ),
    "segment_cuts": Table(
        segment_tables.CUTS_SCHEMA,
        "One row per segment, dimension and value: people, and lift against all people.",
        step="segmentation",
    ),
    "segment_migration": Table(
        segment_quality.MIGRATION_SCHEMA,
        "One row per pair of segments between which people moved since the last date.",
        step="segmentation",
    ),
    "clv": Table(
        Clv.schema,
        "One row per buyer: expected margin of the coming months with its interval, and the probability alive.",
        ("clv",),
    ),
    "churn": Table(
        Churn.schema,
        "One row per recent buyer: probability of no order within the churn horizon, with reasons.",
        ("churn",),
    ),
    "propensity": Table(
        Propensity.schema, "One row per recent buyer: probability of an order in the coming days.", ("propensity",)
    ),
    "category_propensity": Table(
        CategoryPropensity.schema,
        "One row per recent buyer and category: probability of buying from it in the coming days.",
        ("category_propensity",),
    ),
    "loyalty": Table(
        Loyalty.schema, "One row per recent buyer: loyalty in behaviour and attitude, and its stage.", ("loyalty",)
    ),
    "early_warnings": Table(early_warnings.SCHEMA, "One row per buyer and signal that something got worse."),
    "basket_rules": Table(association_rules.RULE_SCHEMA, "One row per rule: who takes this also takes that."),
    "recommendations": Table(
        Recommendation.schema, "One row per person and rank (1-5): a product not lately bought.", ("recommendations",)
    ),
    "referral_network": Table(
        REFERRAL_NETWORK_SCHEMA,
        "One row per person who brought somebody or was brought: the tree below, PageRank, community.",
    ),
    "medium_removal_effects": Table(
        REMOVAL_EFFECTS_SCHEMA, "One row per month and medium: share of its orders that would be lost without it."
    ),
    "uplift": Table(
        Uplift().schema, "One row per person and contact channel: what a contact is expected to add.", ("uplift",)
    ),
    "experiment_results": Table(
        experiment_results.SCHEMA,
        "One row per campaign that held people out: what contacting the others changed.",
        step="experiments",
    ),
    "programme_effects": Table(
        programme_effects.EFFECT_SCHEMA, "One row per declared change: what it brought the units that have it."
    ),
    "programme_effect_months": Table(
        programme_effects.MONTH_SCHEMA,
        "One row per declared change and month: how far the treated units moved.",
        step="programme_effects",
    ),
    "next_best_actions": Table(
        next_best_action.SCHEMA, "One row per person: the action of the highest expected value, or none."
    ),
    "action_plans": Table(
        next_best_action.PLAN_SCHEMA,
        "One row per plan: its people, cost and expected value.",
        step="next_best_actions",
    ),
    "segment_targets": Table(
        next_best_action.TARGET_SCHEMA,
        "One row per segment: value, potential, and its share of the budget.",
        step="next_best_actions",
    ),
    "model_backtests": Table(
        frame.BACKTEST_SCHEMA,
        "One row per model, origin, candidate and metric, measured on later, unseen time.",
        step="model_figures",
    ),
    "model_status": Table(
        frame.STATUS_SCHEMA,
        "One row per model: whether its scores may be used, and why not; other steps have one where they failed.",
        step="model_figures",
    ),
}


def tables_of(step: str) -> list[str]:
    """Return the tables that a step makes."""
    return [name for name, table in TABLES.items() if (table.step or name) == step]


def typed(table: str, rows: pa.Table) -> pa.Table:
    """Return rows with the columns and types of a table.

    Raises:
        ArrowInvalid: if they do not fit.
    """
    schema = TABLES[table].schema
    return rows.select(schema.names).cast(schema)


def path(settings: Settings, table: str, as_of: date) -> Path:
    """The file that holds a table as of a date."""
    return settings.lake / Stage.SCORING / table / f"as_of_date={as_of}.parquet"


def registry(settings: Settings) -> Path:
    """The folder of stored models."""
    return settings.lake / Stage.SCORING / "registry"


def save(settings: Settings, table: str, as_of: date, rows: pa.Table) -> None:
    """Store a table as of a date, over what was there; the same rows again write nothing.

    Raises:
        ArrowInvalid: if the rows do not fit the table's schema.
    """
    fitting, target = typed(table, rows), path(settings, table, as_of)
    if not (target.exists() and pq.read_table(target).equals(fitting)):
        lake.write_parquet(fitting, target)


def read(settings: Settings, table: str, as_of: date) -> pa.Table:
    """Return a stored table as of a date.

    Raises:
        FileNotFoundError: if it has not been scored.
    """
    return pq.ParquetFile(path(settings, table, as_of)).read()


def read_or_empty(settings: Settings, table: str, as_of: date) -> pa.Table:
    """Return a stored table as of a date, without rows where it has not been scored."""
    return read(settings, table, as_of) if path(settings, table, as_of).exists() else TABLES[table].schema.empty_table()


def last_before(settings: Settings, table: str, as_of: date) -> date | None:
    """Return the last date before `as_of` for which a table is stored; None where there is none."""
    days = [
        date.fromisoformat(file.stem.removeprefix("as_of_date="))
        for file in path(settings, table, as_of).parent.glob("as_of_date=*.parquet")
    ]
    return max((day for day in days if day < as_of), default=None)
