"""The eight stages, in flow order: the one place where their names are written.

A stage's name is its folder, its DuckDB schema, its Dagster asset group and the first part of its asset keys.
"""

from enum import StrEnum


class Stage(StrEnum):
    """A stage of the flow; members are ordered from raw files to the published warehouse."""

    RAW = "raw"
    STAGING = "staging"
    IDENTITY = "identity"
    CUSTOMER = "customer"
    FEATURES = "features"
    SCORING = "scoring"
    MARTS = "marts"
    PUBLISH = "publish"


STAGES: tuple[Stage, ...] = tuple(Stage)


def is_upstream(earlier: str, later: str) -> bool:
    """Tell whether `earlier` comes strictly before `later` in the flow.

    Raises:
        ValueError: if either is not the name of a stage.
    """
    return STAGES.index(Stage(earlier)) < STAGES.index(Stage(later))
