import pytest

from crm_pipeline.publish.gates import Gate, Outcome, verdict_on


def test_publishing_goes_on_when_every_gate_has_passed():
    verdict = verdict_on([Gate("raw.accounting", Outcome.PASSED), Gate("identity.steady", Outcome.PASSED)])
    assert (verdict.allowed, verdict.passed, verdict.obstacles) == (True, 2, ())


@pytest.mark.parametrize(
    ("outcome", "words"), [(Outcome.FAILED, "failed"), (Outcome.MISSING, "never run"), (Outcome.STALE, "older data")]
)
def test_one_gate_that_has_not_passed_stops_publishing(outcome, words):
    verdict = verdict_on([Gate("a", Outcome.PASSED), Gate("staging.keys", outcome, "3 keys repeat.")])
    assert (verdict.allowed, verdict.passed) == (False, 1)
    (obstacle,) = verdict.obstacles
    assert "staging.keys" in obstacle
    assert words in obstacle
    assert "3 keys repeat" in obstacle


def test_each_obstacle_is_named_in_a_fixed_order():
    verdict = verdict_on([Gate("b", Outcome.MISSING), Gate("a", Outcome.FAILED)])
    assert [obstacle.split()[1] for obstacle in verdict.obstacles] == ["a", "b"]


def test_without_gates_nothing_is_published():
    assert not verdict_on([]).allowed
