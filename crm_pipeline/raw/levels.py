"""What a finding does to a run, in the order in which it is to be mended."""

from enum import StrEnum


class Level(StrEnum):
    """The word that a finding begins with; `meaning` is what it says of the finding."""

    STOPS = "stops"
    QUARANTINE = "quarantine"
    LOOK = "look"
    NOTE = "note"

    @property
    def meaning(self) -> str:
        """What findings of the level do."""
        return _MEANINGS[self]


_MEANINGS = {
    Level.STOPS: "stops a run",
    Level.QUARANTINE: "leaves rows out",
    Level.LOOK: "loads, and may be wrong",
    Level.NOTE: "is said in passing",
}
