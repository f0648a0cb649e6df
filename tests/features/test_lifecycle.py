"""Lifecycle stages, told again day by day in plain Python from the definition, over random order histories."""

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import count, pairwise
from statistics import mean, variance

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.dbt.project import dbt_executable

HORIZON = 20
FIRST, AS_OF = date(2024, 1, 1), date(2024, 6, 30)
DAYS = (AS_OF - FIRST).days + 1
History = dict[int, int]  # day -> cents spent
Stages = dict[tuple[int, int], str]  # (person, day) -> stage
PEOPLE = pa.schema([("customer_key", pa.int64()), ("known_since", pa.date32())])
BOUGHT = pa.schema(
    [
        ("customer_key", pa.int64()),
        ("day", pa.date32()),
        ("counted_revenue", pa.decimal128(18, 2)),
        ("gap_days", pa.int64()),
    ]
)
MODELS = ("purchase_rhythms", "lifecycle_states")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> dict[str, str]:
    """The SQL of the models as dbt compiles it for the as-of date."""
    folder = tmp_path_factory.mktemp("dbt")
    project = str(PROJECT / "dbt_project")
    given_vars = f"{{as_of_date: '{AS_OF}', churn_horizon_days: {HORIZON}}}"
    command = [str(dbt_executable()), "compile", "--select", *MODELS, "--vars", given_vars, "--quiet"]
    command += ["--target-path", str(folder), "--project-dir", project, "--profiles-dir", project]
    environment = {**os.environ, "CRM_WAREHOUSE": str(folder / "warehouse.duckdb"), "CRM_LAKE": str(folder)}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return {name: next((folder / "compiled").rglob(f"{name}.sql")).read_text() for name in MODELS}


@pytest.fixture(scope="module")
def by_sql(compiled) -> Callable[[list[tuple[int, History]], int], Stages]:
    """Give the stages that the models tell of people (day known, orders) as of the last of so many days."""
    con = duckdb.connect()
    con.execute("attach ':memory:' as warehouse; create schema warehouse.customer; create schema warehouse.features")

    def stages(people: list[tuple[int, History]], days: int) -> Stages:
        known = [(key, on(first)) for key, (first, _) in enumerate(people) if first < days]
        orders = [
            (key, on(day), Decimal(cents) / 100, gap)
            for key, (_, history) in enumerate(people)
            for day, cents, gap in with_gaps(history)
            if day < days
        ]
        for table, rows, schema in (
            ("customer.dim_customers", known, PEOPLE),
            ("features.customer_days", orders, BOUGHT),
        ):
            made = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
            con.register("made", made)
            con.execute(f"create or replace table warehouse.{table} as select *, true as has_order from made")
        for name in MODELS:
            sql = compiled[name].replace(str(AS_OF), str(on(days - 1)))
            con.execute(f"create or replace table warehouse.features.{name} as {sql}")
        rows = con.execute(
            "select customer_key, valid_from, valid_to, stage from warehouse.features.lifecycle_states"
        ).fetchall()
        found: Stages = {}
        for key, start, end, stage in rows:
            for day in range((start - FIRST).days, (end - FIRST).days if end else days):
                assert (key, day) not in found, "two stages on one day"
                found[key, day] = stage
        return found

    return stages


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def longer(days: int, gaps: list[int], deviations: int) -> bool:
    """Whether a silence is longer than mean + n x standard deviation of the gaps, without any rounding.

    Where there are no two gaps to judge by, the churn horizon stands for what is usual.
    """
    if len(gaps) < 2:
        return days > HORIZON
    beyond = days - mean(map(Fraction, gaps))
    return beyond > 0 and beyond**2 > deviations**2 * variance(map(Fraction, gaps))


def rises(values: list[int]) -> bool:
    """Whether the last three are above the mean of all by more than its standard error."""
    exact = [Fraction(value) for value in values]
    if len(exact) < 2:
        return False
    above = mean(exact[-3:]) - mean(exact)
    return above > 0 and 3 * above**2 > variance(exact)


def by_hand(people: list[tuple[int, History]], days: int) -> Stages:
    """Walk through the days, looking only at what had happened by each."""
    shop = {day: [b - a for _, orders in people for a, b in pairs(orders) if b <= day] for day in range(days)}
    return {
        (key, day): stage
        for key, (known, orders) in enumerate(people)
        for day, stage in enumerate(life(known, days, orders, shop), known)
    }


def life(known: int, days: int, orders: History, shop: dict[int, list[int]]) -> Iterator[str]:
    bought: list[int] = []
    was_churned, usual_until = False, -1
    for day in range(known, days):
        if day in orders:
            bought.append(day)
        if not bought:
            yield "prospect"
            continue
        gaps = [b - a for a, b in pairwise(bought)] if len(bought) >= 3 else shop[bought[-1]]
        silence = day - bought[-1]
        late, lost = longer(silence, gaps, 1), silence > HORIZON and longer(silence, gaps, 2)
        if day in orders and was_churned:
            usual_until = next(end for end in count(day) if longer(end + 1 - day, gaps, 1))
        was_churned = lost
        silent = "churned" if lost else "decline" if late else None
        yield silent or ("reactivated" if day <= usual_until else active(bought, orders))


def active(bought: list[int], orders: History) -> str:
    if len(bought) == 1:
        return "introduction"
    sooner = rises([a - b for a, b in pairwise(bought)])
    return "growth" if len(bought) == 2 or sooner or rises([orders[day] for day in bought]) else "maturity"


def pairs(orders: History) -> list[tuple[int, int]]:
    return list(pairwise(sorted(orders)))


def with_gaps(orders: History) -> list[tuple[int, int, int | None]]:
    gaps = {day: day - last for last, day in pairs(orders)}
    return [(day, orders[day], gaps.get(day)) for day in sorted(orders)]


@st.composite
def customers(draw: st.DrawFn) -> tuple[int, History]:
    """Somebody known from a day on, who orders after mostly short gaps, for some amounts again and again."""
    known = draw(st.integers(0, 60))
    day = known + draw(st.sampled_from([0, 0, 1, 7, 500]))
    orders: History = {}
    for gap in draw(st.lists(st.one_of(st.integers(1, 12), st.sampled_from([5, 10, 30, 45])), max_size=14)):
        if day < DAYS:
            orders[day] = draw(st.one_of(st.sampled_from([1000, 1999, 2500]), st.integers(0, 9999)))
        day += gap
    return known, orders


SHOPS = st.lists(customers(), min_size=1, max_size=5)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SHOPS)
def test_each_day_has_the_stage_that_the_definition_gives_it(by_sql, people):
    assert by_sql(people, DAYS) == by_hand(people, DAYS)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SHOPS, st.integers(61, DAYS))
def test_a_run_as_of_a_past_day_says_of_each_day_what_a_later_run_says_of_it(by_sql, people, days):
    later = {(key, day): stage for (key, day), stage in by_sql(people, DAYS).items() if day < days}
    assert by_sql(people, days) == later


def test_all_stages_are_reached(by_sql):
    buys = dict.fromkeys((0, 5, 10, 15, 20, 100, 104), 1000) | {104: 9000}
    reached = list(dict.fromkeys(by_sql([(0, {}), (0, buys)], DAYS).values()))
    assert set(reached) == {"prospect", "introduction", "growth", "maturity", "decline", "churned", "reactivated"}
