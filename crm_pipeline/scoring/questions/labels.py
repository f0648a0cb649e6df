"""Yes/no questions about people at as-of dates: who is asked about, what is known of them then, and what came after.

Features are read at the as-of date, labels strictly after it. Every statement takes its dates as parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.scoring import features, orders, sampling
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.questions.learners import Labels

# One date, and named as such: all dates at once are more than fits in memory.
_EVERYBODY = f"(select * from {features.TABLE} where as_of_date = $origins[1])"
_ORDERS = "select customer_key, ordered_on from customer.fct_orders where is_counted and customer_key is not null"

# How busy the shop was in the days that followed a year before, against that whole year: 1 is average, null where
# history is shorter. All people of an origin share it.
SEASON = "season"
SEASONS = f"""
    select dates.as_of_date,
        case when min(history.first_on) <= dates.as_of_date - 365 then round(
            coalesce(sum(days.orders) filter (where days.day <= dates.as_of_date - 365 + $horizon::int), 0)
            / nullif(sum(days.orders), 0) * 365 / $horizon::int, 6
        )::double end as {SEASON}
    from (select unnest($origins::date[]) as as_of_date) as dates
    cross join (select min(ordered_on) as first_on from ({_ORDERS}) as orders) as history
    left join (select ordered_on as day, count(*) as orders from ({_ORDERS}) as orders group by ordered_on) as days
        on days.day <= dates.as_of_date and days.day > dates.as_of_date - 365
    group by dates.as_of_date
"""


@dataclass(frozen=True)
class Frame:
    """Who is asked about at which date: one row per question, features by name (NaN unknown), and the answers."""

    keys: npt.NDArray[np.int64]
    origins: npt.NDArray[np.datetime64]
    features: Floats
    labels: Labels
    names: tuple[str, ...]

    def where(self, mask: npt.NDArray[np.bool_]) -> "Frame":
        """Return the rows that a mask selects."""
        return Frame(self.keys[mask], self.origins[mask], self.features[mask], self.labels[mask], self.names)

    def at(self, origins: Sequence[date]) -> "Frame":
        """Return the rows of some origins."""
        return self.where(np.isin(self.origins, np.array(origins, dtype="datetime64[D]")))

    def until(self, last: date) -> "Frame":
        """Return the rows of the origins up to and with a date."""
        return self.where(self.origins <= np.datetime64(last))

    def without(self, names: Sequence[str]) -> "Frame":
        """Return the frame without some features."""
        kept = [place for place, name in enumerate(self.names) if name not in names]
        left = tuple(self.names[place] for place in kept)
        return Frame(self.keys, self.origins, self.features[:, kept], self.labels, left)

    def column(self, name: str) -> Floats:
        """Return the values of one feature."""
        return self.features[:, self.names.index(name)]

    @property
    def days(self) -> list[date]:
        """The origins, oldest first."""
        return [day.item() for day in np.unique(self.origins)]

    @property
    def has_both_labels(self) -> bool:
        """Whether there is a yes and a no."""
        return len(np.unique(self.labels)) == 2

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)


@dataclass(frozen=True)
class Question:
    """Will each person who ordered in the last `window_days` order within `horizon_days`, or not at all?

    Attributes:
        horizon_days: days after the as-of date in which the answer lies.
        window_days: only people are asked about whose last counted order is less than so many days ago.
        yes_is_an_order: whether an order means yes; otherwise its absence does.
        ids: what tells the questions apart.
        rows_per_person: questions about a person at a date, at most.
    """

    horizon_days: int
    window_days: int
    yes_is_an_order: bool
    ids: tuple[str, ...] = ("customer_key", "as_of_date")
    rows_per_person: int = 1

    def names(self, connection: duckdb.DuckDBPyConnection, as_of: date) -> tuple[str, ...]:
        """Return the names of the features that are known at `as_of`."""
        return (*features.feature_names(connection, as_of), SEASON)

    def frame(
        self, connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], origins: Sequence[date], max_rows: int
    ) -> Frame:
        """Return the questions of each origin with features known then and the answer of the horizon after it.

        Of the people whose features are kept for all dates; beyond about `max_rows` a fixed share of them, the same
        people at every origin.
        """
        joined = " and ".join(f"yes.{name} = asked.{name}" for name in self.ids)
        found = "is not null" if self.yes_is_an_order else "is null"
        table = connection.sql(
            f"""
            with asked as ({self.population(connection, names, features.SAMPLE)}),
            orders as ({self.purchases}),
            yes as (
                select distinct {", ".join(f"asked.{name}" for name in self.ids)}
                from asked
                join orders using ({", ".join(name for name in self.ids if name != "as_of_date")})
                where orders.ordered_on > asked.as_of_date and orders.ordered_on <= asked.as_of_date + $horizon::int
            )
            select asked.*, (yes.customer_key {found})::bigint as label
            from asked left join yes on {joined}
            order by asked.as_of_date, {", ".join(f"asked.{name}" for name in self.ids if name != "as_of_date")}
            """,
            params=self.scope(connection, features.SAMPLE, origins, max_rows),
        ).to_arrow_table()
        return Frame(
            table["customer_key"].to_numpy(),
            table["as_of_date"].to_numpy().astype("datetime64[D]"),
            features.matrix(table, names),
            table["label"].to_numpy(),
            names,
        )

    def reader(
        self,
        connection: duckdb.DuckDBPyConnection,
        names: tuple[str, ...],
        as_of: date,
        batch_rows: int,
        max_rows: int | None = None,
    ) -> pa.RecordBatchReader:
        """Return the questions at `as_of`, ids and features, in batches ordered by id; a sample of at most `max_rows`.

        Raises:
            SchemaMismatchError: if the features are not there any more.
        """
        ordered = ", ".join(self.ids)
        table = _EVERYBODY if max_rows is None else features.SAMPLE
        asked = self.population(connection, names, table)
        relation = connection.sql(
            f"select {ordered}, * exclude ({ordered}) from ({asked}) order by {ordered}",
            params=self.scope(connection, table, [as_of], max_rows),
        )
        return relation.to_arrow_reader(batch_rows)

    @property
    def purchases(self) -> str:
        """SQL of what answers: the ids but the as-of date, and `ordered_on`."""
        return _ORDERS

    def population(self, connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], table: str) -> str:
        """Return the SQL of those of a table asked about at $origins, with features; $window and $parts bound them."""
        return (
            f"select customer_key, as_of_date, {features.select_list(connection, names, [SEASON])} "
            f"from (select * from {table} where {self.eligible}) as people "
            f"left join ({SEASONS}) as seasons using (as_of_date)"
        )

    @property
    def eligible(self) -> str:
        """SQL condition on rows of customer_features."""
        return f"as_of_date = any($origins) and {self.asked} and {sampling.IS_SAMPLED}"

    @property
    def asked(self) -> str:
        """SQL condition on whom it is asked of at a date; $window bounds how long ago they ordered."""
        return "recency_days < $window"

    def scope(
        self, connection: duckdb.DuckDBPyConnection, table: str, origins: Sequence[date], max_rows: int | None
    ) -> dict[str, object]:
        """Return the parameters of the statements: dates, window, horizon, and the part of a table's people to take."""
        parts = sampling.ALL
        if max_rows is not None:
            people = connection.sql(
                f"select count(*) from {table} where as_of_date = any($origins) and {self.asked}",
                params={"origins": list(origins), "window": self.window_days},
            ).fetchall()[0][0]
            parts = sampling.parts(max_rows, people * self.rows_per_person)
        return {"origins": list(origins), "window": self.window_days, "horizon": self.horizon_days, "parts": parts}


def origins_on_grid(connection: duckdb.DuckDBPyConnection, until: date) -> list[date]:
    """Return the as-of dates of the features up to `until`, oldest first."""
    rows = connection.sql(
        f"select distinct as_of_date from {features.SAMPLE} where as_of_date <= $until order by as_of_date",
        params={"until": until},
    ).fetchall()
    return [row[0] for row in rows]


def origins_with_answers(connection: duckdb.DuckDBPyConnection, as_of: date, horizon_days: int) -> list[date]:
    """Return the as-of dates of the features whose horizon had passed by `as_of`, oldest first.

    The first horizon of the shop's history only builds habits: an origin right after the first order knows nobody's.
    """
    known, horizon = timedelta(days=orders.history_days(connection, as_of)), timedelta(days=horizon_days)
    return [day for day in origins_on_grid(connection, as_of - horizon) if day >= as_of - known + horizon]


def complete_at(origins: Sequence[date], horizon_days: int, test: date) -> tuple[date, ...]:
    """Return the origins whose whole horizon had passed at `test`."""
    return tuple(day for day in origins if day + timedelta(days=horizon_days) <= test)
