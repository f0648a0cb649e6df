"""What personas are made of: how people buy (columns of customer_features) and what they buy (lines by category).

`persona_features.csv` lists the features. Those that shape the personas are known for everybody with an order; the
others, which some people or shops lack, only describe them, so that nobody is grouped by what is not known of them.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crm_pipeline.scoring.learning import signed_log
from crm_pipeline.scoring.model import Floats
from crm_pipeline.scoring.segmentation import tastes

Ints = npt.NDArray[np.int64]
FEATURES_FILE = Path(__file__).with_name("persona_features.csv")
MOST_CATEGORIES = 12
OTHER = "other"
# The two broadest levels: one is too coarse in a shop of few departments, and the narrowest names single products.
_SOLD = """
    from customer.fct_order_lines as lines
    join (
        select product_key, array_to_string(string_split(category_path, ' > ')[1:2], ' > ') as category_name
        from customer.dim_products where category_path is not null
    ) as products using (product_key)
    where lines.kind = 'sale' and lines.status = 'completed' and lines.customer_key is not null
        and lines.ordered_on <= $as_of
"""
_ELIGIBLE = "from features.customer_features where as_of_date = $as_of and first_order_on is not null"


@dataclass(frozen=True)
class Feature:
    """A figure of a person: how it is computed and scaled, and the words for much and little of it.

    Attributes:
        columns: the columns of customer_features that it needs.
        scale: log, root or linear.
        shapes: whether it shapes the personas or only describes them.
        role: adjective, channel or category: its place in a persona's name.
    """

    name: str
    label: str
    columns: tuple[str, ...]
    sql: str
    scale: str
    shapes: bool
    role: str
    high: str
    low: str


@dataclass(frozen=True)
class People:
    """People with their features in plain units (NaN: not known) and their lines by category."""

    keys: Ints
    features: Floats
    lines: Ints

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.keys)


@dataclass(frozen=True)
class Columns:
    """Which features and categories are looked at, in order; fixed when a segmentation is fitted."""

    features: tuple[Feature, ...]
    categories: tuple[str, ...]


def available(connection: duckdb.DuckDBPyConnection, as_of: date) -> Columns:
    """Return the features whose columns exist and differ between people, and the categories with the most revenue."""
    known = set(connection.sql("select * from features.customer_features limit 0").columns)
    listed = [feature for feature in _listed() if known.issuperset(feature.columns)]
    spread = connection.sql(
        f"select {', '.join(f'min({one.sql}) < max({one.sql})' for one in listed)} {_ELIGIBLE}",
        params={"as_of": as_of},
    ).fetchall()[0]
    rows = connection.sql(
        f"select category_name {_SOLD} group by category_name "
        "order by sum(lines.revenue + lines.refunded_amount) desc, category_name",
        params={"as_of": as_of},
    ).fetchall()
    categories = [row[0] for row in rows[:MOST_CATEGORIES]]
    if len(rows) > MOST_CATEGORIES:
        categories[-1:] = [OTHER]
    features = tuple(feature for feature, differs in zip(listed, spread, strict=True) if differs)
    return Columns(features, tuple(sorted(categories)) if len(categories) > 1 else ())


def eligible(connection: duckdb.DuckDBPyConnection, as_of: date) -> int:
    """Return the number of people with a counted order up to `as_of`."""
    return int(connection.sql(f"select count(*) {_ELIGIBLE}", params={"as_of": as_of}).fetchall()[0][0])


def batches(
    connection: duckdb.DuckDBPyConnection, as_of: date, columns: Columns, rows: int = 100_000, among: str = "true"
) -> Iterator[People]:
    """Yield the people with a counted order up to `as_of`, by key; nothing dated later is read.

    Args:
        connection: the warehouse.
        as_of: the last day that counts.
        columns: what to read of them.
        rows: people in a batch.
        among: SQL condition on their keys.
    """
    named = {f"category_{place}": name for place, name in enumerate(columns.categories) if name != OTHER}
    counts = [
        f"count(*) filter (where category_name = ${parameter}) as {parameter}"
        if (parameter := f"category_{place}") in named
        else f"count(*) filter (where category_name not in ({', '.join('$' + one for one in named)})) as {parameter}"
        for place in range(len(columns.categories))
    ]
    figures = [
        f"round(({one.sql})::double, 9) as feature_{place}" for place, one in enumerate(columns.features)
    ]  # rounded, so that the last bits of an average decide nothing
    lines = [f"coalesce(category_{place}, 0) as category_{place}" for place in range(len(columns.categories))]
    relation = connection.sql(
        f"""
        with sold as (select customer_key, category_name {_SOLD} and {among}),
        counts as (select {", ".join(["customer_key", *counts])} from sold group by customer_key)
        select {", ".join(["people.customer_key", *figures, *lines])}
        from (select * {_ELIGIBLE} and {among}) as people left join counts on counts.customer_key = people.customer_key
        order by people.customer_key
        """,
        params={"as_of": as_of} | named,
    )
    split = 1 + len(columns.features)
    for batch in relation.to_arrow_reader(rows):
        arrays = [column.to_numpy(zero_copy_only=False) for column in batch.columns]
        features, sold = (_matrix(some, len(batch)) for some in (arrays[1:split], arrays[split:]))
        yield People(arrays[0], features, sold.astype(np.int64))


def sample(connection: duckdb.DuckDBPyConnection, as_of: date, columns: Columns, people: int) -> People:
    """Return at most so many people, evenly spread over the keys, which follow no order in time or kind."""
    asked = connection.sql(f"select customer_key {_ELIGIBLE} order by customer_key", params={"as_of": as_of})
    keys = asked.to_arrow_table()["customer_key"].to_numpy()
    chosen = keys[np.linspace(0, len(keys) - 1, min(len(keys), people)).astype(np.int64)]
    connection.register("chosen_people", pa.table({"customer_key": chosen}))
    try:
        among = "customer_key in (select customer_key from chosen_people)"
        parts = list(batches(connection, as_of, columns, among=among))
    finally:
        connection.unregister("chosen_people")
    return People(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "features", "lines")))


def scaled(people: People, columns: Columns) -> Floats:
    """Return all traits on scales on which differences are comparable: features, then shares of lines by category."""
    plain = zip(people.features.T, columns.features, strict=True)
    return np.column_stack([*(_SCALES[feature.scale](values) for values, feature in plain), *shares(people).T])


def shares(people: People) -> Floats:
    """Return the share of each category in a person's lines; NaN for those of whom no line is known."""
    bought = people.lines.sum(axis=1, keepdims=True)
    return np.divide(people.lines, bought, out=np.full(people.lines.shape, np.nan), where=bought > 0)


def traits(columns: Columns) -> tuple[Feature, ...]:
    """Return what the columns of `scaled` are: the features, and the share of each category."""
    by_category = (
        Feature(
            f"share of {name}",
            f"share of lines in {_short(name)}",
            (),
            "",
            "linear",
            False,
            "category",
            "" if name == OTHER else _short(name),
            "",
        )
        for name in columns.categories
    )
    return (*columns.features, *by_category)


@dataclass(frozen=True)
class FeatureSpace:
    """Where people stand: standardised features that shape, beside the probabilities of their types of taste.

    How people buy and what they buy weigh the same: the tastes are stretched to the total variance of the features.
    Unknown features stand at the median.
    """

    columns: Columns
    median: Floats
    mean: Floats
    deviation: Floats
    taste_types: tastes.TasteTypes | None
    stretch: float

    @property
    def shaping(self) -> Ints:
        """The places of the features that shape the personas."""
        return np.flatnonzero([feature.shapes for feature in self.columns.features])

    def place(self, people: People) -> Floats:
        """Return the people's coordinates (people x dimensions)."""
        values = scaled(people, self.columns)[:, self.shaping]
        buying = (np.where(np.isnan(values), self.median, values) - self.mean) / self.deviation
        if self.taste_types is None:
            return buying
        return np.hstack([buying, self.stretch * self.taste_types.membership(people.lines)])


def fit_space(people: People, columns: Columns, seed: int) -> FeatureSpace:
    """Learn scales and types of taste from a sample of people."""
    shaping = [place for place, feature in enumerate(columns.features) if feature.shapes]
    values = scaled(people, columns)[:, shaping]
    median = np.nanmedian(values, axis=0)
    values = np.where(np.isnan(values), median, values)
    types, stretch = None, 0.0
    if columns.categories:
        types = tastes.fit(people.lines, columns.categories, seed)
        spread = types.membership(people.lines).var(axis=0).sum()
        stretch = float(np.sqrt(len(shaping) / spread)) if spread > 1e-9 else 0.0
    return FeatureSpace(columns, median, values.mean(axis=0), np.maximum(values.std(axis=0), 1e-9), types, stretch)


def _listed() -> list[Feature]:
    with FEATURES_FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = ("scale", "role", "high", "low")
    return [
        Feature(
            name=row["feature"],
            label=row["label"],
            columns=tuple(row["columns"].split()),
            sql=row["sql"],
            shapes=row["shapes"] == "yes",
            **{word: row[word] for word in words},
        )
        for row in rows
    ]


def _short(category: str) -> str:
    narrowest = category.split(" > ")[-1]
    return narrowest.capitalize() if narrowest.isupper() else narrowest


def _root(values: Floats) -> Floats:
    return np.sign(values) * np.sqrt(np.abs(values))


def _plain(values: Floats) -> Floats:
    return values


_SCALES: dict[str, Callable[[Floats], Floats]] = {"log": signed_log, "root": _root, "linear": _plain}


def _matrix(arrays: Sequence[npt.NDArray[np.generic]], rows: int) -> Floats:
    return np.column_stack(arrays).astype(np.float64) if len(arrays) else np.empty((rows, 0))
