"""Which pairs of profiles are worth scoring."""

import pyarrow as pa
import pytest

from crm_pipeline.identity.candidates import KEYS, load_blocks, load_pairs
from crm_pipeline.identity.profiles import COMPARED
from tests.identity.conftest import staged

_TEXTS = [(column, pa.string()) for column in COMPARED]
_PROFILES = pa.schema([("record_key", pa.int64()), ("content", pa.string()), *_TEXTS])


def _found(profiles, most=40, known=(), crowded=None, scores=()):
    """Return the pairs to score, the scores that stay, and the blocks that are too crowded."""
    with staged() as con:
        rows = [{"content": f"v{n}", **profile, "record_key": n} for n, profile in enumerate(profiles)]
        con.register("given", pa.Table.from_pylist(rows, schema=_PROFILES))
XX        pairs = set(con.execute("select a, b from pairs").fetchall())
        assert count == len(pairs)
        kept = con.execute("select a, b, weight from known_scores").fetchall()
        assert len(kept) == len(set(kept))
        return pairs, set(kept), con.sql("select block from crowded order by block").to_arrow_table()


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
        {"birth_date": "1980-02-01", "postal_code": "LS11AA"},
        {"birth_date": "1980-03-09", "postal_code": "LS11AA", "last_name": "lee"},
    ),
    (
        {"birth_date": "1980-02-01", "first_name": "ann", "last_name": "holt"},
        {"birth_date": "1980-03-09", "first_name": "holt", "last_name": "ann"},
    ),
    (
        {"birth_date": "1980-02-01", "first_name": "ann", "last_name": "holt"},
        {"birth_date": "1981-02-01", "first_name": "holt", "last_name": "ann"},
    ),
    (
        {"first_name": "ann", "last_name": "holt", "city": "leeds"},
        {"first_name": "holt", "last_name": "ann", "city": "leeds"},
    ),
    (
        {"first_name": "ann", "last_name": "holt", "postal_code": "LS11AA"},
        {"first_name": "ann", "last_name": "lee", "postal_code": "LS11AA"},
    ),
    (
        {"first_name": "ann", "last_name": "holt", "postal_code": "LS11AA"},
        {"first_name": "joan", "last_name": "holt", "postal_code": "LS11AA"},
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
    assert _found(BLOCK, most=4)[0] == ALL
    pairs, _, crowded = _found(BLOCK, most=3)
    assert (pairs, len(crowded)) == (set(), 1)


def test_a_pair_is_found_by_another_key_than_the_crowded_one():
    profiles = [{**profile, "street": "1 mill lane"} if n < 2 else profile for n, profile in enumerate(BLOCK)]
    assert _found(profiles, most=3)[0] == {(0, 1)}


def test_only_pairs_with_a_new_profile_are_scored():
    assert _found(BLOCK, known=[0, 1, 2, 3])[0] == set()
    assert _found(BLOCK, known=[0, 1, 2])[0] == {(0, 3), (1, 3), (2, 3)}


def test_a_profile_with_another_content_is_new_and_its_scores_go():
    changed = [BLOCK[0], {**BLOCK[1], "content": "changed"}]
    pairs, kept, _ = _found(changed, known=[0, 1], scores=[(0, 1, 3.0)])
    assert (pairs, kept) == ({(0, 1)}, set())


def test_scores_of_known_profiles_stay_once_each_while_they_share_a_block():
    twice = [{**profile, "street": "1 mill lane"} for profile in BLOCK]
    pairs, kept, _ = _found(twice, known=range(4), scores=[(0, 1, 3.0), (2, 3, 4.0)])
    assert (pairs, kept) == (set(), {(0, 1, 3.0), (2, 3, 4.0)})
    apart = [{**profile, "birth_date": f"19{n}0-01-01"} for n, profile in enumerate(BLOCK)]
    assert _found(apart, known=range(4), scores=[(0, 1, 3.0)])[1] == set()
    assert _found(BLOCK, most=3, known=range(4), scores=[(0, 1, 3.0)])[1] == set()


def test_a_block_that_was_crowded_is_compared_in_full_once_it_is_not():
    crowded = _found(BLOCK, most=3)[2]
    fewer = BLOCK[:3]
    assert _found(fewer, most=3, known=range(3), crowded=crowded)[0] == {(0, 1), (0, 2), (1, 2)}
    assert _found(fewer, most=3, known=range(3))[0] == set()


def test_a_pair_that_is_scored_again_does_not_keep_its_old_score_beside():
    crowded = _found(BLOCK, most=3)[2]
    also = [{**profile, "street": "1 mill lane"} for profile in BLOCK[:2]] + BLOCK[2:3]
    pairs, kept, _ = _found(also, most=3, known=range(3), crowded=crowded, scores=[(0, 1, 3.0)])
    assert (0, 1) in pairs
    assert kept == set()
