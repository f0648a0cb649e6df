import pyarrow as pa
import pytest

from crm_pipeline.config.identity import KINDS, MatchSettings
from crm_pipeline.identity import verdicts
from crm_pipeline.identity.figures import Figures

LIMITS = MatchSettings()


def _figures(records=10_000, people=5_000, linked_share=0.6, largest_person=12):
    return Figures(records, people, linked_share, largest_person, 0)


def test_plausible_figures_pass():
    good = _figures()
    assert verdicts.largest_person(good, LIMITS).passed
    assert verdicts.not_merged_up(good, LIMITS).passed
    assert verdicts.steady(good, _figures(linked_share=0.55), LIMITS).passed
    assert verdicts.steady(good, None, LIMITS).passed
    assert verdicts.not_merged_up(_figures(0, 0, 0.0, 0), LIMITS).passed


@pytest.mark.parametrize(
    "verdict",
    [
        verdicts.largest_person(_figures(largest_person=201), LIMITS),
        verdicts.not_merged_up(_figures(people=1_000), LIMITS),
        verdicts.not_merged_up(_figures(largest_person=501), LIMITS),
        verdicts.steady(_figures(linked_share=0.75), _figures(), LIMITS),
        verdicts.steady(_figures(linked_share=0.45), _figures(), LIMITS),
    ],
)
def test_implausible_figures_fail_with_a_remedy(verdict):
    assert not verdict.passed
    assert any(word in verdict.sentence for word in ("block", "Check whether"))


def test_people_merged_up_by_a_shared_value_are_caught(resolve_rows):
    rows = [(f"s|customer|{i}", "email", f"clerk{i // 500}@mail.example", 1) for i in range(2_000)]
    careless = MatchSettings(people_per_value=dict.fromkeys(KINDS, 9_999), largest_person=9_999)
    merged = resolve_rows(rows, careless).figures
    assert not verdicts.not_merged_up(merged, LIMITS).passed
    assert not verdicts.largest_person(merged, LIMITS).passed
    assert verdicts.not_merged_up(resolve_rows(rows).figures, LIMITS).passed


def _map(records, ids, keys):
    return pa.table({"record_id": records, "customer_id": ids, "customer_key": pa.array(keys, pa.int64())})


def test_each_record_must_stand_in_the_map_once():
    once = _map(["a", "b"], ["C1", "C1"], [1, 1])
    twice = _map(["a", "a"], ["C1", "C2"], [1, 2])
    assert verdicts.each_record_once(once, 2).passed
    assert not verdicts.each_record_once(twice, 2).passed
    assert not verdicts.each_record_once(once, 3).passed


def test_two_people_with_one_key_are_caught():
    assert verdicts.one_person_per_key(_map(["a", "b"], ["C1", "C2"], [1, 2])).passed
    assert not verdicts.one_person_per_key(_map(["a", "b"], ["C1", "C2"], [1, 1])).passed


def test_the_largest_people_are_named_by_their_ids():
    ids = [f"C{number}" for number in range(1, 8) for _ in range(number)]
    assert verdicts.largest_people(pa.table({"customer_id": ids})) == (
        "For example: C7 with 7 records; C6 with 6 records; C5 with 5 records; C4 with 4 records; C3 with 3 records. "
        "What ties one together: crm identity explain C7"
    )
    assert verdicts.largest_people(pa.table({"customer_id": pa.array([], pa.string())})) == ""
