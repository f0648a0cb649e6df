"""What may link two records, and how far: the matching settings and the identifier kinds in order of trust."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# From the strongest evidence to the weakest: the position is the priority of a rule.
KINDS: tuple[str, ...] = ("source_id", "loyalty_id", "email", "phone")
ALONE = "alone"

_RECORDS_PER_VALUE = MappingProxyType({"source_id": 1_000, "loyalty_id": 100, "email": 25, "phone": 10})


class IdentityError(ValueError):
    """The identifiers cannot be resolved; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class MatchSettings:
    """The limits and exceptions of the matching rules.

    Attributes:
        default_region: ISO country of phone numbers that are written without a country code.
        records_per_value: Per kind, the most distinct records that one value may link. A value on more records is
            a shared one (a shop's own number, a test account): it links nothing and is listed.
        unique_per_person: Kinds of which a person holds one value only; links that would join two values are cut.
        blocked: Further values that link nothing, of any kind, such as the shop's own e-mail addresses and numbers.
        largest_person: The most records one person may have before the result is refused.
        least_people_share: The fewest people per record before the result counts as merged up.
        largest_person_share: The greatest share of all records that one person may hold (from 1,000 records on).
        linked_share_jump: The greatest change of the share of linked records from one run to the next.
    """

    default_region: str = "GB"
    records_per_value: Mapping[str, int] = field(default_factory=lambda: _RECORDS_PER_VALUE)
    unique_per_person: tuple[str, ...] = ("loyalty_id",)
    blocked: tuple[str, ...] = ()
    largest_person: int = 200
    least_people_share: float = 0.15
    largest_person_share: float = 0.05
    linked_share_jump: float = 0.10

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist and limits that could never link anything."""
        unknown = sorted({*self.records_per_value, *self.unique_per_person} - set(KINDS))
        if unknown:
            raise IdentityError(f"Unknown identifier kind {', '.join(unknown)}; use one of {', '.join(KINDS)}.")
        missing = [kind for kind in KINDS if self.records_per_value.get(kind, 0) < 2]
        if missing:
            raise IdentityError(f"records_per_value needs a limit of at least 2 for {', '.join(missing)}.")
