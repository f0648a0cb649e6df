"""Who bought which product on how many days, as sparse matrices, up to a cutoff and never beyond it.

A purchase is a completed sale of a named product to a known person. The catalogue of a date holds what was sold in the
`SOLD_DAYS` before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import sparse

from crm_pipeline.scoring import sampling
from crm_pipeline.scoring.model import Floats

Keys = npt.NDArray[np.int64]

HISTORY_DAYS = 730
SOLD_DAYS = 180
LATELY_DAYS = 90
"""Who bought a product in so many days needs no recommendation for it; popularity is counted over the same time."""

PEOPLE_AT_ONCE = 2_000
_BATCH_ROWS = 200_000

_IS_PURCHASE = "kind = 'sale' and status = 'completed' and customer_key is not null and product_key is not null"
_SALES = f"""
    select customer_key, product_key, ordered_on
    from customer.fct_order_lines
    where {_IS_PURCHASE} and ordered_on <= $cutoff and ordered_on > $cutoff::date - {HISTORY_DAYS}
"""
# One row per person and product: several lines on one day are one purchase.
_PURCHASES = """
    select customer_key, product_key, count(*) as days, ($cutoff::date - max(ordered_on))::bigint as age
    from (select distinct customer_key, product_key, ordered_on from sales)
    group by customer_key, product_key
"""


@dataclass(frozen=True)
class Catalogue:
    """The products of a date in ascending order, and how many of the people looked at bought each in `LATELY_DAYS`."""

    products: Keys
    buyers_lately: Floats

    def __len__(self) -> int:
        """Return the number of products."""
        return len(self.products)

    def buyers_of(self, products: Keys) -> Floats:
        """Return the buyers of other products; 0 for what is not in the catalogue."""
        place, found = _places(self.products, products)
        return np.where(found, self.buyers_lately[place], 0.0) if len(self) else np.zeros(len(products))


@dataclass(frozen=True)
class Purchases:
    """People x products of a catalogue: days of purchase, and (in the order of `days.data`) days since the last."""

    people: Keys
    catalogue: Catalogue
    days: sparse.csr_matrix
    age: Floats

    def lately(self) -> sparse.csr_matrix:
        """Return ones where a product was bought in the `LATELY_DAYS` before the cutoff."""
        ones = sparse.csr_matrix(((self.age < LATELY_DAYS) * 1.0, self.days.indices, self.days.indptr), self.days.shape)
        ones = ones.copy()
        ones.eliminate_zeros()
        return ones

    def of(self, rows: Keys) -> "Purchases":
        """Return some of the people."""
        age = sparse.csr_matrix((self.age + 1, self.days.indices, self.days.indptr), self.days.shape)[rows].data - 1
        return Purchases(self.people[rows], self.catalogue, self.days[rows], age)

    def align(self, people: Keys, products: Keys) -> sparse.csr_matrix:
        """Return ones where these people bought these products, as far as both are known here."""
        (row, person), (column, product) = (
            _places(self.people, people),
            _places(self.catalogue.products, products),
        )
        known = person & product
        entries = (np.ones(int(known.sum())), (row[known], column[known]))
        return sparse.csr_matrix(entries, self.days.shape)


def catalogue(connection: duckdb.DuckDBPyConnection, cutoff: date, max_people: int) -> Catalogue:
    """Return the catalogue of a date, by what at most about `max_people` people bought, a fixed share of all."""
    return _catalogue(connection, cutoff, _parts(connection, cutoff, max_people))


def _parts(connection: duckdb.DuckDBPyConnection, cutoff: date, max_people: int) -> int:
    people = connection.sql(
        f"with sales as ({_SALES}) select approx_count_distinct(customer_key) from sales", params={"cutoff": cutoff}
    ).fetchall()[0][0]
    return sampling.parts(max_people, people)


def _catalogue(connection: duckdb.DuckDBPyConnection, cutoff: date, parts: int) -> Catalogue:
    table = connection.sql(
        f"""
        with sales as ({_SALES} and {sampling.IS_SAMPLED}),
        sold as (
            select product_key,
                count(distinct customer_key) filter (where ordered_on > $cutoff::date - {LATELY_DAYS}) as buyers_lately
            from sales
            group by product_key
            having max(ordered_on) > $cutoff::date - {SOLD_DAYS}
        )
        select product_key, buyers_lately::double as buyers_lately from sold order by product_key
        """,
        params={"cutoff": cutoff, "parts": parts},
    ).to_arrow_table()
    return Catalogue(table["product_key"].to_numpy(), table["buyers_lately"].to_numpy())


def known(connection: duckdb.DuckDBPyConnection, cutoff: date, max_people: int) -> Purchases:
    """Return the purchases of the catalogue's products by at most about `max_people` people, a fixed share of all."""
    parts = _parts(connection, cutoff, max_people)
    sold = _catalogue(connection, cutoff, parts)
    table = connection.sql(
        f"""
        with sales as ({_SALES} and {sampling.IS_SAMPLED})
        select * from ({_PURCHASES}) as purchases
        where product_key in (select unnest($products::bigint[]))
        order by customer_key, product_key
        """,
        params={
            "cutoff": cutoff,
            "parts": parts,
            "products": sold.products.tolist(),
        },
    ).to_arrow_table()
    keys, rows = np.unique(table["customer_key"].to_numpy(), return_inverse=True)
    return _matrix(keys, rows, sold, table)


def everybody(connection: duckdb.DuckDBPyConnection, cutoff: date, products: Keys) -> Iterator[tuple[Keys, Purchases]]:
    """Return everybody known at a date of the features with their purchases of some products, in batches by key."""
    reader = connection.sql(
        f"""
        with sales as ({_SALES})
        select people.customer_key, purchases.product_key, purchases.days, purchases.age
        from (select customer_key from features.customer_features where as_of_date = $cutoff) as people
        left join (
            select * from ({_PURCHASES}) as each where product_key in (select unnest($products::bigint[]))
        ) as purchases on purchases.customer_key = people.customer_key
        order by people.customer_key, purchases.product_key
        """,
        params={"cutoff": cutoff, "products": products.tolist()},
    ).to_arrow_reader(_BATCH_ROWS)
    shelf = Catalogue(products, np.zeros(len(products)))
    for table in _whole_people(reader):
        keys, rows = np.unique(table["customer_key"].to_numpy(), return_inverse=True)
        bought = table["product_key"].is_valid().to_numpy()
        known = _matrix(keys, rows[bought], shelf, table.filter(pa.array(bought)))
        for start in range(0, len(keys), PEOPLE_AT_ONCE):
            part = np.arange(start, min(start + PEOPLE_AT_ONCE, len(keys)))
            yield keys[part], known.of(part)


def bought_after(connection: duckdb.DuckDBPyConnection, cutoff: date, days: int) -> tuple[Keys, Keys]:
    """Return the people and products of the distinct purchases in the days after a cutoff."""
    table = connection.sql(
        f"select distinct customer_key, product_key from customer.fct_order_lines where {_IS_PURCHASE} "
        "and ordered_on > $cutoff and ordered_on <= $cutoff::date + $days::int order by customer_key, product_key",
        params={"cutoff": cutoff, "days": days},
    ).to_arrow_table()
    return table["customer_key"].to_numpy(), table["product_key"].to_numpy()


def product_names(connection: duckdb.DuckDBPyConnection, products: Keys) -> npt.NDArray[np.object_]:
    """Return the names of products, in their order; where one has no name, its id."""
    rows = connection.sql(
        "select product_key, coalesce(product_name, product_id) from customer.dim_products "
        "where product_key in (select unnest($products::bigint[]))",
        params={"products": products.tolist()},
    ).fetchall()
    names = dict(rows)
    return np.array([names.get(key, str(key)) for key in products.tolist()], dtype=object)


def _whole_people(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Regroup batches ordered by person so that none of them ends within a person."""
    held = reader.schema.empty_table()
    for batch in reader:
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        people = held["customer_key"].to_numpy()
        end = int(np.searchsorted(people, people[-1])) if len(people) else 0
        if end:
            yield held.slice(0, end)
            held = held.slice(end)
    if len(held):
        yield held


def _matrix(people: Keys, rows: Keys, sold: Catalogue, table: pa.Table) -> Purchases:
    """Return purchases ordered by person and product as a matrix."""
    columns = np.searchsorted(sold.products, table["product_key"].to_numpy())
    starts = np.searchsorted(rows, np.arange(len(people) + 1))
    days = sparse.csr_matrix(
        (table["days"].to_numpy().astype(np.float64), columns, starts), (len(people), len(sold.products))
    )
    return Purchases(people, sold, days, table["age"].to_numpy().astype(np.float64))


def _places(known: Keys, sought: Keys) -> tuple[Keys, npt.NDArray[np.bool_]]:
    """Return where each sought key stands among the known, ascending ones, and whether it is there."""
    if not len(known):
        return np.zeros(len(sought), dtype=np.int64), np.zeros(len(sought), dtype=bool)
    place = np.minimum(np.searchsorted(known, sought), len(known) - 1)
    return place, known[place] == sought
