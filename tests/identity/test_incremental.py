"""A day's new records are compared with the old ones only; what comes out is what comparing all with all would give."""

import random
from dataclasses import replace
from datetime import date, datetime

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.resolve import Previous
from tests.identity.conftest import groups_of, invented, person_of, previous_of, resolved

BORN = date(1971, 3, 14)
# There is nothing to shrink in a seed.
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
SMALL_BLOCKS = MatchSettings(records_per_block=4)
#: Two records that only the key of birth date and last name brings together, and others that crowd it.
PAIR = frozenset({"web|customer|pair", "till|customer|pair"})
_PAIR = [
    {"record_id": "web|customer|pair", "first_name": "Ruth", "last_name": "Gondira", "gender": "female"},
    {"record_id": "till|customer|pair", "last_name": "Gondire", "gender": "female", "city": "York", "street": "5 A Rd"},
]
_CROWD = [
    {"record_id": f"till|customer|crowd{name}", "first_name": name, "last_name": f"Gon{name}"}
    for name in ("Tasomi", "Bulike", "Fedora")
]


def _days(seed):
    """Four days of records: the block of the pair is small, then crowded, then small again as birth dates change."""
    rng = random.Random(seed)
    rows, customers = invented(18, seed=seed)
    fixed = [{**who, "birth_date": BORN} for who in _PAIR]
    crowd = [{**who, "birth_date": BORN} for who in _CROWD]
    moved = [{**who, "birth_date": date(1950 + n, 1, 1)} for n, who in enumerate(_CROWD)]
    arrives = {customer["record_id"]: rng.randrange(1, 4) for customer in customers}
    known: dict[str, dict] = {}
    for day, others in enumerate(([], crowd, moved, moved[1:]), start=1):
        for customer in customers:
            if arrives[customer["record_id"]] == day:
                known[customer["record_id"]] = dict(customer)
        for record in rng.sample(sorted(known), min(3, len(known))):
            known[record] |= rng.choice([{"city": "Ely"}, {"last_name": "Holt"}, {"postal_code": None}])
        here = [*known.values(), *fixed, *others]
        names = {customer["record_id"] for customer in here}
        ids = [row for row in rows if row[0] in names]
        ids += [(c["record_id"], "source_id", c["record_id"], 1, datetime(2020, 1, 1)) for c in [*fixed, *others]]
        yield day, ids, here


@settings(max_examples=2, deadline=None, phases=UNSHRUNK)
@given(seed=st.integers(2, 1_000))
def test_day_by_day_gives_the_tables_of_all_at_once(model, seed):
    previous = Previous(model=model)
    together = []
    for day, rows, customers in _days(seed):
        result = resolved(rows, SMALL_BLOCKS, previous, customers=customers)
        together.append(PAIR in groups_of(result))
        if day > 1:
            whole = resolved(rows, SMALL_BLOCKS, replace(previous, memory=None), customers=customers)
            for name, table in whole.tables().items():
                assert result.tables()[name].equals(table), (day, name)
            assert result.memory == whole.memory
        previous = previous_of(result)
    assert together == [True, False, True, True], "the block was crowded on the second day, and not before or after"


@settings(max_examples=2, deadline=None, phases=UNSHRUNK)
@given(seed=st.integers(2, 1_000))
def test_new_profiles_leave_the_ids_of_untouched_people(model, seed):
    rows, customers = invented(15, seed)
    more_rows, more = invented(15, seed + 1)
    more_rows = [(*row[:3], 9, row[4]) for row in more_rows]
    before = resolved(rows, customers=customers, model=model)
    after = resolved(rows + more_rows, customers=customers + more, model=model)
    untouched = groups_of(before) & groups_of(after)
    assert untouched
    for group in untouched:
        assert {person_of(before)[record] for record in group} == {person_of(after)[record] for record in group}


def test_a_rebuild_with_the_model_that_there_is_gives_the_same_tables(model):
    rows, customers = invented(25, seed=5)
    first = resolved(rows, customers=customers, model=model)
    mixed = random.Random(1).sample(customers, len(customers))
    rebuilt = resolved(reversed(rows), customers=mixed, model=model, threads=2)
    for name in ("person_map", "edges", "conflicts", "review"):
        assert rebuilt.tables()[name].equals(first.tables()[name]), name


def test_what_is_remembered_of_another_model_or_other_settings_is_not_used(model):
    rows, customers = invented(10, seed=6)
    first = resolved(rows, customers=customers, model=model)
    # What was carried over is gone where it is believed, and made anew where it is not.
    believed = replace(previous_of(first), tables={name: table[:0] for name, table in first.tables().items()})
    assert len(resolved(rows, None, believed, customers=customers).person_map) == 0
    other = replace(model, profiles=model.profiles + 1)
    for again in (
        resolved(rows, SMALL_BLOCKS, believed, customers=customers),
        resolved(rows, None, replace(believed, model=other), customers=customers),
        resolved(rows, None, believed, customers=customers, region="FR"),
    ):
        assert again.looked_at == len(again.person_map) == len(first.person_map)


def test_nothing_is_carried_over_once_there_are_enough_profiles_for_a_model():
    rows, customers = invented(10, seed=6)
    first = resolved(rows, customers=customers)
    assert resolved(rows, None, first, customers=customers).looked_at == 0
    few = MatchSettings(fewest_profiles=10)
    learning = resolved(rows, few, resolved(rows, few, customers=customers), customers=customers)
    assert learning.looked_at == len(first.person_map)
