"""Category propensity: the probability that a recent buyer buys from a category in the next 30 days.

One pooled model answers for each person and each of the ten categories with the most buyers of the last 12 months; a
category is the first two levels of the product's path. `is_new` marks categories that the person never bought: there
the probability is the response to something new.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from crm_pipeline.scoring import features
from crm_pipeline.scoring.model import Floats, NotEnoughDataError, Round, ScoringSettings
from crm_pipeline.scoring.questions import learners
from crm_pipeline.scoring.questions.labels import SEASON, SEASONS, Frame, Question
from crm_pipeline.scoring.questions.supervised import Prepared, Supervised
from crm_pipeline.scoring.table import AS_OF, MODEL_VERSION, PERSON, Column, Mart, ScoreTable

MOST_CATEGORIES = 10
_PERSON = ("recency_days", "mean_gap_days", "orders_12m", "orders_90d", "revenue_12m", "avg_order_value", "age_days")
_CATEGORY = (
    "category_recency_days",
    "category_days",
    "category_days_90d",
    "category_share",
    "popularity",
    "together",
    "is_new",
)
# What counts as bought, and which category it is of.
_SALES = """
    select lines.customer_key, lines.ordered_on, products.category
    from customer.fct_order_lines as lines
    join (
        select product_key, array_to_string(string_split(category_path, ' > ')[1:2], ' > ') as category
        from customer.dim_products where category_path is not null
    ) as products using (product_key)
    where lines.customer_key is not null and lines.kind = 'sale' and lines.status = 'completed'
"""


@dataclass(frozen=True)
class CategoryQuestion(Question):
    """Will each recent buyer buy from each of the top categories within the horizon?"""

    ids: tuple[str, ...] = ("customer_key", "as_of_date", "category")
    rows_per_person: int = MOST_CATEGORIES

    def names(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> tuple[str, ...]:
        """Return the features of person and category, and one that marks each category.

        Raises:
            NotEnoughDataError: if no product that was bought has a category.
        """
        rows = connection.sql(
            f"select category from ({_SALES}) as sales where ordered_on <= $as_of and ordered_on > $as_of::date - 365 "
            "group by category order by count(distinct customer_key) desc, category limit $categories",
            params={"as_of": as_of, "categories": MOST_CATEGORIES},
        ).fetchall()
        if len(rows) < 2:
            raise NotEnoughDataError(f"Needs orders of 2 product categories in 12 months; has {len(rows)}.")
        known = features.feature_names(connection, as_of)
        person = [name for name in _PERSON if name in known]
        return (*person, SEASON, *_CATEGORY, *sorted(f"category={row[0]}" for row in rows))

    @property
    def purchases(self) -> str:
        """SQL of purchases by category."""
        return _SALES

    def population(self, connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], table: str) -> str:
        """Return the SQL of person, date and category with their features."""
        chosen = features.select_list(connection, names, [SEASON, *_CATEGORY, "category"])
        return f"""
            with {_bought(table)}
            select people.customer_key, as_of_date, category, {chosen}
            from (
                select people.*, top.category, top.popularity, coalesce(together.together, 0) as together,
                    people.as_of_date - bought.last_on as category_recency_days,
                    coalesce(bought.days, 0) as category_days, coalesce(bought.days_90d, 0) as category_days_90d,
                    coalesce(bought.days, 0) / greatest(people.order_days, 1) as category_share,
                    (bought.days is null)::integer as is_new
                from (select * from {table} where {self.eligible}) as people
                join top on top.as_of_date = people.as_of_date
                left join bought
                    on bought.as_of_date = people.as_of_date and bought.customer_key = people.customer_key
                    and bought.category = top.category
                left join together
                    on together.as_of_date = people.as_of_date and together.customer_key = people.customer_key
                    and together.category = top.category
            ) as people
            left join ({SEASONS}) as seasons using (as_of_date)
        """

    def scope(
        self, connection: duckdb.DuckDBPyConnection, table: str, origins: Sequence[date], max_rows: int | None
    ) -> dict[str, object]:
        """Return the parameters of the statements."""
        return {**super().scope(connection, table, origins, max_rows), "categories": MOST_CATEGORIES}


TABLE = ScoreTable(
    "category_propensity",
    "One row per recent buyer and category: how likely they buy from it soon.",
    (
        PERSON,
        AS_OF,
        Column.text("category", "Product category.", required=True),
        Column.probability(
            "probability", "Probability of buying from the category in the next 30 days.", required=True
        ),
        Column.flag("is_new", "Whether the person has never bought from it."),
        MODEL_VERSION,
    ),
    key=("customer_key", "category"),
    models=("category_propensity",),
    mart=Mart("products"),
)


class CategoryPropensity(Supervised):
    """Who will buy what soon; the baselines know how popular a category is, or when the person last bought of it."""

    name = "category_propensity"
    table = TABLE
    score_column = "probability"
    baselines: tuple[str, ...] = ("category_recency_rank", "popularity_rank")
    needed: tuple[str, ...] = ("category_recency_days", "popularity", "is_new")
    rows_divisor: int = 4
    candidates: tuple[str, ...] = ("logistic_regression", "gradient_boosting")
    outcome, yes, no = "buyers of the category", "bought from a top category", "did not"

    def question(self, settings: ScoringSettings) -> Question:
        """Return: will a buyer of the eligibility window buy from the category within the propensity's horizon?"""
        return CategoryQuestion(settings.propensity_horizon_days, settings.eligibility_days, yes_is_an_order=True)

    def naive(self, frame: Frame) -> Mapping[str, Floats]:
        """Return how long ago the person bought of the category, never being longest, and how popular it is."""
        recency = np.nan_to_num(frame.column("category_recency_days"), nan=1e6)
        return {"category_recency_rank": -recency, "popularity_rank": 100 * frame.column("popularity")}

    def rounds(self, prepared: Prepared, settings: ScoringSettings) -> Iterator[Round]:
        """Test all, and show beside it how well each ranks what would be something new to the person."""
        for one in super().rounds(prepared, settings):
            new = prepared.frame.at([one.origin]).column("is_new") > 0
            came = one.actual[new].astype(np.int64)
            if 0 < came.sum() < len(came):
                figures = {
                    name: {"auc_something_new": learners.ranking_measures(came, said[new])["auc"]}
                    for name, said in one.predictions.items()
                }
                yield replace(one, figures=figures)
            else:
                yield one

    def columns(
        self, batch: pa.RecordBatch, probability: Floats, fitted: Any, settings: ScoringSettings
    ) -> Mapping[str, Any]:
        """Return category, probability, and whether it would be something new."""
        new = batch.column("is_new").to_numpy(zero_copy_only=False) > 0
        return {"category": batch.column("category"), "probability": probability, "is_new": new}


def _bought(table: str) -> str:
    """Return the CTEs of what the people of a table of features had bought by each origin.

    They are what each had bought of each category, the categories with the most buyers, and how many of those who
    bought one of them bought the other as well. Pairs are counted on every tenth person.
    """
    return f"""
    dates as (select unnest($origins::date[]) as as_of_date),
    days as (
        select distinct customer_key, ordered_on, category
        from ({_SALES}) as sales
        where customer_key in (select customer_key from {table})
    ),
    bought as (
        select dates.as_of_date, days.customer_key, days.category, count(*) as days, max(days.ordered_on) as last_on,
            count(*) filter (where days.ordered_on > dates.as_of_date - 90) as days_90d
        from days join dates on days.ordered_on <= dates.as_of_date
        group by all
    ),
    top as (
        select as_of_date, category,
            count(*) filter (where days_90d > 0) / max(count(*) filter (where days_90d > 0)) over () as popularity
        from bought where last_on > as_of_date - 365
        group by as_of_date, category
        qualify row_number() over (partition by as_of_date order by count(*) desc, category) <= $categories
    ),
    recent as (
        select as_of_date, customer_key, category from bought join top using (as_of_date, category)
        where last_on > as_of_date - 365
    ),
    sampled as (select * from recent where customer_key % 10 = 0),
    buyers as (select as_of_date, category, count(*) as people from sampled group by all),
    pairs as (
        select one.as_of_date, one.category, other.category as also, count(*) / any_value(buyers.people) as share
        from sampled as one
        join sampled as other
            on one.as_of_date = other.as_of_date and one.customer_key = other.customer_key
            and one.category <> other.category
        join buyers on buyers.as_of_date = one.as_of_date and buyers.category = one.category
        group by all
    ),
    together as (
        select recent.as_of_date, recent.customer_key, pairs.also as category, max(pairs.share) as together
        from recent join pairs using (as_of_date, category)
        group by all
    )
    """
