"""Is the resolution plausible? Pure verdicts on its figures, for the gate behind the stage."""

from dataclasses import dataclass
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.figures import Figures

# In a smaller set one person is easily a percent of all records.
_ENOUGH_RECORDS = 1_000
_EXAMPLES = 5


@dataclass(frozen=True)
class Verdict:
    """Whether a check passed, and one sentence that says what was found (and the remedy, if it failed)."""

    passed: bool
    sentence: str


def largest_person(figures: Figures, settings: MatchSettings) -> Verdict:
    """No person has more records than the limit."""
    found = f"The person with the most records has {figures.largest_person:,} of them"
    if figures.largest_person <= settings.largest_person:
        return Verdict(True, f"{found} (limit {settings.largest_person:,}).")
    return Verdict(
        False,
        f"{found}, more than the limit of {settings.largest_person:,}. Look in identity.edges for the value that ties "
        "most of them together, and block it or lower its limit people_per_value.",
    )


def not_merged_up(figures: Figures, settings: MatchSettings) -> Verdict:
    """The records have not collapsed into too few people, nor into one giant person."""
    if figures.records == 0:
        return Verdict(True, "There are no records.")
    share = figures.people / figures.records
    found = f"{figures.records:,} records became {figures.people:,} people ({share:.1%})"
    remedy = "Unrelated people were probably merged by a shared value: find it in identity.edges and block it."
    if share < settings.least_people_share:
        return Verdict(False, f"{found}, below the least share of {settings.least_people_share:.1%}. {remedy}")
    giant = figures.largest_person / figures.records
    if figures.records >= _ENOUGH_RECORDS and giant > settings.largest_person_share:
        return Verdict(
            False,
            f"One person holds {giant:.1%} of all records, more than {settings.largest_person_share:.1%}. {remedy}",
        )
    return Verdict(True, f"{found}; the largest person holds {giant:.2%} of the records.")


def steady(figures: Figures, previous: Figures | None, settings: MatchSettings) -> Verdict:
    """The share of linked records has not jumped since the last run."""
    if previous is None or previous.records == 0 or figures.records == 0:
        return Verdict(True, f"{figures.linked_share:.1%} of the records are linked; there is no run to compare with.")
    jump = figures.linked_share - previous.linked_share
    found = f"{figures.linked_share:.1%} of the records are linked, {previous.linked_share:.1%} in the last run"
    if abs(jump) <= settings.linked_share_jump:
        return Verdict(True, f"{found}.")
    return Verdict(
        False,
        f"{found}: a jump of {jump * 100:+.1f} percentage points, more than {settings.linked_share_jump * 100:.1f}. "
        "Check whether a source changed or lost an identifier column; if the change is right, raise linked_share_jump "
        "for one run.",
    )


def largest_people(person_map: pa.Table) -> str:
    """Name up to five people with the most records by their ids, which say nothing of who they are."""
    order = [("count_all", "descending"), ("customer_id", "ascending")]
    counted = person_map.group_by("customer_id").aggregate([([], "count_all")]).sort_by(order)
    largest = counted.slice(0, _EXAMPLES).to_pylist()
    told = "; ".join(f"{person['customer_id']} with {person['count_all']:,} records" for person in largest)
    shown = f"crm identity explain {largest[0]['customer_id']}" if largest else ""
    return f"For example: {told}. What ties one together: {shown}" if told else ""


def each_record_once(person_map: pa.Table, records: int) -> Verdict:
    """Each of the `records` records of staging stands in the person map exactly once."""
    rows, distinct = len(person_map), pc.count_distinct(person_map["record_id"]).as_py()
    if rows == distinct == records:
        return Verdict(True, f"Each of the {records:,} records has exactly one person.")
    return Verdict(
        False,
        f"Staging has {records:,} records, the person map {rows:,} rows of {distinct:,} records. "
        "Build the identity stage again from the current staging tables.",
    )


def one_person_per_key(person_map: pa.Table) -> Verdict:
    """No two people share a customer_key."""
    pairs = person_map.select(["customer_key", "customer_id"]).group_by(["customer_key", "customer_id"]).aggregate([])
    keys = pc.count_distinct(pairs["customer_key"]).as_py()
    if keys == len(pairs):
        return Verdict(True, f"{keys:,} people have {keys:,} keys.")
    return Verdict(
        False, f"{len(pairs):,} people have only {keys:,} keys. Build the identity stage again; its output was changed."
    )


@dataclass(frozen=True)
class OrderTotals:
    """Number of orders whose buyer is known by a record, and their revenue in the business currency."""

    orders: int
    revenue: Decimal


def order_totals(con: duckdb.DuckDBPyConnection, person_map: pa.Table | None) -> OrderTotals:
    """Sum the orders of `staging.stg_orders` that name a record, joined to the person map if one is given."""
    joined = "join person_map using (record_id)" if person_map is not None else ""
    if person_map is not None:
        con.register("person_map", person_map)
    query = f"select count(*), coalesce(sum(revenue), 0) from staging.stg_orders {joined} where record_id is not null"
    orders, revenue = con.execute(query).fetchall()[0]
    return OrderTotals(int(orders), Decimal(revenue))


def orders_stay(before: OrderTotals, after: OrderTotals) -> Verdict:
    """No order is lost or doubled by the join to its person, to the cent."""
    found = f"{after.orders:,} orders of known buyers with a revenue of {after.revenue:,}"
    if before == after:
        return Verdict(True, f"{found}, before and after they are joined to their people.")
    return Verdict(
        False,
        f"{found} after the join to their people, {before.orders:,} with {before.revenue:,} before it. "
        "Build the identity stage again from the current staging tables.",
    )
