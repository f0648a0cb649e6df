"""Decisions by hand: obeyed, taken back without a trace, and refused where they cannot be meant."""

import pytest
import yaml

from crm_pipeline.config.identity import MatchSettings
from crm_pipeline.identity.overrides import (
    OVERRIDES_FILE,
    OverrideError,
    Overrides,
    read_overrides,
    with_link,
    with_unlink,
    write_overrides,
)

ANN, ANNE, TILL, BOB = "web|customer|1", "web|customer|2", "till|customer|1", "web|customer|9"
ROWS = [
    (ANN, "email", "ann@mail.example", 1),
    (ANNE, "email", "ann@mail.example", 1),
    (TILL, "email", "ann@mail.example", 2),
    (BOB, "email", "bob@mail.example", 1),
]


def _overrides(**entries):
    return Overrides.model_validate(entries)


def _same(one, other, names=("person_map", "edges", "conflicts", "review")):
    return all(one.tables()[name].equals(other.tables()[name]) for name in names)


def test_a_link_joins_and_is_the_evidence(resolve_rows, groups):
    result = resolve_rows(ROWS, overrides=_overrides(link=[{"records": [ANN, BOB]}]))
    assert groups(result) == {frozenset({ANN, ANNE, TILL, BOB})}
    assert {row["kind"] for row in result.edges.to_pylist() if BOB in (row["record_a"], row["record_b"])} == {
        "override"
    }
    assert {row["linked_by"] for row in result.person_map.to_pylist() if row["record_id"] == BOB} == {"override"}


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ([[ANN], [ANNE]], {frozenset({ANN, TILL}), frozenset({ANNE})}),
        ([[ANN], [ANNE], [TILL]], {frozenset({ANN}), frozenset({ANNE}), frozenset({TILL})}),
        ([[ANNE], [ANN, TILL]], {frozenset({ANN, TILL}), frozenset({ANNE})}),
        ([[TILL], [ANN, ANNE]], {frozenset({ANN, ANNE}), frozenset({TILL})}),
        # The shared value is a star around the oldest record: without its middle the others stay together.
        ([[ANN], [ANNE, TILL]], {frozenset({ANN}), frozenset({ANNE, TILL})}),
    ],
)
def test_an_unlink_parts_the_groups_and_nothing_else(resolve_rows, groups, apart, expected):
    result = resolve_rows(ROWS, overrides=_overrides(unlink=[{"groups": apart}]))
    assert groups(result) == expected | {frozenset({BOB})}
    assert len(result.conflicts) == 0, "what is kept apart by hand is no conflict"


@pytest.mark.parametrize(
    "entries",
    [
        {"link": [{"records": [ANN, BOB]}]},
        {"unlink": [{"groups": [[ANN], [ANNE]]}]},
        {"link": [{"records": [TILL, BOB]}], "unlink": [{"groups": [[ANN], [TILL]]}]},
    ],
)
def test_taking_an_entry_out_gives_back_the_earlier_tables(resolve_rows, entries):
    before = resolve_rows(ROWS)
    obeyed = resolve_rows(ROWS, previous=before, overrides=_overrides(**entries))
    assert not _same(obeyed, before, ["person_map"])
    assert _same(resolve_rows(ROWS, previous=obeyed), before)


def test_saying_a_thing_twice_is_saying_it_once(resolve_rows):
    once = resolve_rows(ROWS, overrides=_overrides(link=[{"records": [ANN, BOB]}]))
    twice = _overrides(link=[{"records": [ANN, BOB, BOB]}, {"records": [BOB, ANN]}, {"records": [ANN, ANN]}])
    assert _same(resolve_rows(ROWS, overrides=twice), once)


def test_a_link_by_hand_stays_though_the_person_is_too_large(resolve_rows):
    by_hand = _overrides(link=[{"records": [ANN, ANNE, TILL, BOB]}])
    assert resolve_rows(ROWS, MatchSettings(largest_person=2), overrides=by_hand).figures.people == 1


def test_a_record_that_is_not_there_is_listed_and_the_rest_is_obeyed(resolve_rows, groups):
    result = resolve_rows(ROWS, overrides=_overrides(link=[{"records": ["web|customer|404", ANN, BOB]}]))
    assert frozenset({ANN, ANNE, TILL, BOB}) in groups(result)
    (conflict,) = result.conflicts.to_pylist()
    assert conflict["kind"] == "override"
    assert "'web|customer|404', which is not there" in conflict["problem"]
    assert "Correct the name" in conflict["problem"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("link: [", "not valid YAML"),
        ("links: []", "line 1, links: unknown key 'links'. Did you mean 'link'?"),
        ("link: [{records: [a]}]", "link[0].records: at least 2 are expected, and there are 1"),
        ("link: [{records: [a, b], why: x}]", "link[0].why"),
        ("unlink: [{groups: [[a]]}]", "unlink[0].groups: at least 2 are expected"),
        ("unlink: [{groups: [[a], [b, a]]}]", "'a' stands in two groups of one entry. Name it in one of them"),
        ("link: [{records: [a, b]}]\nunlink: [{groups: [[a], [b]]}]", "records a, b are to be one by `link`"),
        (
            "link: [{records: [a, b]}, {records: [x, y]}, {records: [b, c]}]\nunlink: [{groups: [[d], [a], [c]]}]",
            "records a, b, c are to be one by `link` and different by `unlink`. Take one of the entries",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_with_its_place(tmp_path, text, words):
    (tmp_path / OVERRIDES_FILE).write_text(text)
    with pytest.raises(OverrideError) as raised:
        read_overrides(tmp_path)
    assert str(tmp_path / OVERRIDES_FILE) in str(raised.value)
    assert words in str(raised.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "link: []\n"])
def test_an_empty_file_says_nothing(tmp_path, text):
    assert read_overrides(tmp_path) == Overrides()
    (tmp_path / OVERRIDES_FILE).write_text(text)
    assert read_overrides(tmp_path) == Overrides()


def test_what_is_written_is_read_again(tmp_path):
    said = with_unlink(with_link(Overrides(), ["a", "ü|1"], "seen at the till"), [["c"], ["d", "e"]], "")
    path = write_overrides(tmp_path, said)
    assert read_overrides(tmp_path) == said
    assert set(yaml.safe_load(path.read_text())) == {"link", "unlink"}
    write_overrides(tmp_path, Overrides())
    assert read_overrides(tmp_path) == Overrides()


def test_the_later_decision_replaces_the_earlier_one_or_is_refused():
    linked = with_link(with_link(Overrides(), ["a", "b"], ""), ["c", "d"], "")
    parted = with_unlink(linked, [["a"], ["b"]], "")
    assert [link.records for link in parted.link] == [("c", "d")]
    with pytest.raises(OverrideError, match="Take one of the entries out"):
        with_link(parted, ["a", "b"], "")
    with pytest.raises(OverrideError, match="stands in two groups"):
        with_unlink(Overrides(), [["a"], ["a"]], "")
