"""May this run publish? The verdict on the gates of all stages before it.

Dagster stops what follows a failed check in the same run only; a later run of `publish` alone would happily go on.
Therefore the stage asks for each gate's latest outcome itself and decides here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The latest outcome of a blocking check.

    `stale` is an outcome that is older than the data it judged; `missing` means that the check has never run.
    """

    PASSED = "passed"
    FAILED = "failed"
    MISSING = "missing"
    STALE = "stale"


@dataclass(frozen=True)
class Gate:
    """A required blocking check: its name, its latest outcome, and the reason that it gave."""

    name: str
    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True)
class GateVerdict:
    """Whether publishing may go on, with one sentence per obstacle."""

    allowed: bool
    passed: int
    obstacles: tuple[str, ...]


_SENTENCES = {
    Outcome.FAILED: "Check {name} failed{reason}. Correct the data or the rule, and run its stage again.",
    Outcome.MISSING: "Check {name} has never run{reason}. Run its stage.",
    Outcome.STALE: "Check {name} judged older data than there is now{reason}. Run its stage again.",
}


def verdict_on(gates: Iterable[Gate]) -> GateVerdict:
    """Allow publishing only when there is at least one gate and every gate has passed."""
    required = sorted(gates, key=lambda gate: gate.name)
    if not required:
        return GateVerdict(False, 0, ("No check was required, so that nothing vouches for the data. Run all stages.",))
    obstacles = tuple(_sentence(gate) for gate in required if gate.outcome != Outcome.PASSED)
    return GateVerdict(not obstacles, len(required) - len(obstacles), obstacles)


def _sentence(gate: Gate) -> str:
    reason = f": {gate.reason.rstrip('. ')}" if gate.reason else ""
    return _SENTENCES[gate.outcome].format(name=gate.name, reason=reason)
