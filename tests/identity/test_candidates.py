"""Which pairs of profiles are worth scoring."""

import pyarrow as pa
import pytest

from crm_pipeline.identity.candidates import KEYS, load_blocks, load_pairs
from crm_pipeline.identity.profiles import COMPARED
from tests.identity.conftest import staged

_TEXTS = [(column, pa.string()) for column in COMPARED]
_PROFILES = pa.schema([("record_key", pa.int64()), ("content", pa.string()), *_TEXTS])
_NO_BLOCKS = pa.schema([("record_key", pa.int64()), ("block", pa.uint64())]).empty_table()


def _found(profiles, most=40, before=(), scores=()):
    """Return the pairs to score, the scores that are lost, and the blocks of all profiles.

    `before` are the profiles of the run before; those of the same number and content are not fresh.
    """
    with staged() as con:
        for name, given in (("known_profiles", before), ("profiles", profiles)):
            rows = [
                {"content": repr(profile), **profile, "record_key": n} for n, profile in enumerate(given) if profile
            ]
            con.register("given", pa.Table.from_pylist(rows, schema=_PROFILES))
            con.execute(f"create temp table {name} as from given")
        for name, of, others in (("fresh", "profiles", "known_profiles"), ("stale", "known_profiles", "profiles")):
            con.execute(f"create temp table {name} as from {of} anti join {others} using (record_key, content)")
        con.register("known_blocks", _found(before, most)[2] if before else _NO_BLOCKS)
        con.execute("create temp table known_scores (a bigint, b bigint, weight double)")
        for a, b in scores:
            con.execute("insert into known_scores values (?, ?, 3)", [a, b])
        load_blocks(con, most)
        count = load_pairs(con, most)
        pairs, lost = (set(con.execute(f"select a, b from {name}").fetchall()) for name in ("pairs", "lost"))
        assert count == len(pairs)
        return pairs, lost, con.sql("select record_key, block from blocks").to_arrow_table()


def _pairs(*profiles, **options):
    return _found(profiles, **options)[0]


BORN = "1980-02-01"
#: For each key two profiles that have it in common, and no other.
ALIKE = [
    ({"birth_date": BORN, "last_name": "holt"}, {"birth_date": BORN, "last_name": "holden", "first_name": "ann"}),
    ({"birth_date": BORN, "first_name": "anna"}, {"birth_date": BORN, "first_name": "annika", "last_name": "lee"}),
    (
        {"birth_date": BORN, "postal_code": "LS11AA", "last_name": "holt"},
        {"birth_date": BORN, "postal_code": "LS11AA", "last_name": "lee"},
    ),
    ({"birth_date": BORN, "street": "1 mill lane"}, {"birth_date": BORN, "street": "1 mill lane", "last_name": "lee"}),
    (
        {"birth_date": BORN, "city": "leeds", "last_name": "holt"},
        {"birth_date": BORN, "city": "leeds", "last_name": "lee"},
    ),
    (
        {"birth_date": "1980-02-01", "postal_code": "LS11AA"},
        {"birth_date": "1980-03-09", "postal_code": "LS11AA", "last_name": "lee"},
    ),
    (
        {"birth_date": "1980-02-01", "first_name": "annabel", "last_name": "holt"},
        {"birth_date": "1980-03-09", "first_name": "holtz", "last_name": "annika"},
    ),
    (
        {"birth_date": "1980-02-01", "first_name": "ann", "last_name": "holt"},
        {"birth_date": "1981-02-01", "first_name": "holt", "last_name": "ann"},
    ),
    (
        {"first_name": "annabel", "last_name": "holt", "city": "leeds"},
        {"first_name": "holtz", "last_name": "annika", "city": "leeds"},
    ),
    (
        {"first_name": "annabel", "last_name": "holt", "postal_code": "LS11AA"},
        {"first_name": "holtz", "last_name": "annika", "postal_code": "LS29BB"},
    ),
    (
        {"first_name": "ann", "last_name": "holt", "city": "leeds"},
        {"first_name": "joan", "last_name": "holt", "city": "leeds"},
    ),
    (
        {"first_name": "anna", "last_name": "holt", "postal_code": "LS11AA"},
        {"first_name": "annika", "last_name": "lee", "postal_code": "LS11AA"},
    ),
    (
        {"first_name": "ann", "last_name": "holt", "postal_code": "LS11AA"},
        {"first_name": "joan", "last_name": "holden", "postal_code": "LS11AA"},
    ),
    (
        {"street": "mill lane", "postal_code": "LS11AA", "last_name": "holt"},
        {"street": "mill lane", "postal_code": "LS11AA", "last_name": "lee"},
    ),
    (
        {"street": "1 mill lane", "postal_code": "LS11AA", "last_name": "holt"},
        {"street": "1 mil lane", "postal_code": "LS11AA", "last_name": "lee"},
    ),
    (
        {"first_name": "ann", "street": "1 mill lane"},
        {"first_name": "ann", "street": "1 mill lane", "last_name": "lee"},
    ),
    (
        {"last_name": "holt", "street": "1 mill lane"},
        {"last_name": "holt", "street": "1 mill lane", "first_name": "jo"},
    ),
    (
        {"last_name": "holt", "email": "ann.h@mail.example"},
        {"last_name": "hold", "email": "ann.h@post.example", "first_name": "ann"},
    ),
]


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_each_key_finds_its_pair(monkeypatch, number):
    monkeypatch.setattr("crm_pipeline.identity.candidates.KEYS", (KEYS[number],))
    assert _pairs(*ALIKE[number]) == {(0, 1)}


@pytest.mark.parametrize("number", range(len(KEYS)))
def test_each_key_finds_what_no_other_does(monkeypatch, number):
    rest = tuple(key for n, key in enumerate(KEYS) if n != number)
    monkeypatch.setattr("crm_pipeline.identity.candidates.KEYS", rest)
    # A birth date with a postal code makes a smaller block than the year with it, and counts where that is crowded.
    wider = {(0, 1)} if KEYS[number] == ("birth_date", "postal_code") else set()
    assert _pairs(*ALIKE[number]) == wider


def test_there_is_an_example_of_each_key():
    assert len(ALIKE) == len(KEYS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"birth_date": BORN}, {"birth_date": BORN}),
        ({"postal_code": "LS11AA"}, {"postal_code": "LS11AA"}),
        ({"first_name": "ann", "last_name": "holt"}, {"first_name": "ann", "last_name": "holt"}),
        ({"email": "ann@mail.example"}, {"email": "ann@mail.example"}),
        ({"first_name": "ann", "city": "leeds"}, {"first_name": "ann", "city": "leeds"}),
        # The first part of one key and the second of another.
        ({"birth_date": BORN, "last_name": "lee"}, {"birth_date": BORN, "first_name": "lee"}),
    ],
)
def test_one_thing_in_common_is_not_enough(one, other):
    assert _pairs(one, other) == set()


BLOCK = [{"birth_date": BORN, "last_name": "holt", "first_name": name} for name in ("ann", "bob", "cyd", "dan")]
ALL = {(a, b) for a in range(4) for b in range(a + 1, 4)}


def test_a_block_within_the_limit_is_compared_and_a_crowded_one_is_not():
    assert _pairs(*BLOCK, most=4) == ALL
    assert _pairs(*BLOCK, most=3) == set()


def test_a_pair_is_found_by_another_key_than_the_crowded_one():
    profiles = [{**profile, "street": "1 mill lane"} if n < 2 else profile for n, profile in enumerate(BLOCK)]
    assert _pairs(*profiles, most=3) == {(0, 1)}


def test_only_pairs_with_a_fresh_profile_are_scored():
    assert _pairs(*BLOCK, before=BLOCK) == set()
    assert _pairs(*BLOCK, before=BLOCK[:3]) == {(0, 3), (1, 3), (2, 3)}
    changed = [BLOCK[0], {**BLOCK[1], "city": "leeds"}, *BLOCK[2:]]
    assert _pairs(*changed, before=BLOCK) == {(0, 1), (1, 2), (1, 3)}


def test_the_blocks_are_those_that_all_profiles_at_once_give():
    changed = [BLOCK[0], None, {**BLOCK[2], "street": "1 mill lane"}, BLOCK[3]]
    step_by_step, at_once = (_found(changed, before=before)[2] for before in (BLOCK, ()))
    assert sorted(step_by_step.to_pylist(), key=repr) == sorted(at_once.to_pylist(), key=repr)


def test_a_block_that_is_no_longer_crowded_is_compared_in_full():
    assert _pairs(*BLOCK[:3], most=3, before=BLOCK) == {(0, 1), (0, 2), (1, 2)}
    assert _pairs(*BLOCK[:3], most=3, before=BLOCK[:3]) == set()


def test_scores_are_lost_where_a_block_becomes_crowded_and_no_other_is_shared():
    assert _found(BLOCK, most=3, before=BLOCK[:3], scores=[(0, 1), (1, 2)])[1] == {(0, 1), (1, 2)}
    assert _found(BLOCK, most=4, before=BLOCK[:3], scores=[(0, 1), (1, 2)])[1] == set()
    at_home = [{**profile, "street": "1 mill lane"} if n < 2 else profile for n, profile in enumerate(BLOCK)]
    assert _found(at_home, most=3, before=at_home[:3], scores=[(0, 1), (1, 2)])[1] == {(1, 2)}
    crowded_too = [{**profile, "street": "1 mill lane"} for profile in BLOCK]
    assert _found(crowded_too, most=3, before=crowded_too[:3], scores=[(0, 1)])[1] == {(0, 1)}
