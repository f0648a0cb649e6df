"""The bands in which ages are told: to dbt as a variable, to scoring as they stand here."""

from typing import NamedTuple


class AgeBand(NamedTuple):
    """The ages from the end of the band before it to `below`; the last band has no end."""

    name: str
    below: int | None


AGE_BANDS = (
    AgeBand("under 18", 18),
    AgeBand("18-24", 25),
    AgeBand("25-34", 35),
    AgeBand("35-44", 45),
    AgeBand("45-54", 55),
    AgeBand("55-64", 65),
    AgeBand("65-74", 75),
    AgeBand("75+", None),
)
