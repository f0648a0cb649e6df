"""What may link two customer records, and how far: the part `identity` of pipeline.yml."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from crm_pipeline.config.strict import Strict

Kind = Literal["source_id", "loyalty_id", "email", "phone"]
#: Kinds of identifiers, from the strongest evidence to the weakest: the position is the priority of a rule.
KINDS: tuple[Kind, ...] = get_args(Kind)

#: What systems write where there is no value, matched in full and in lower case: it identifies nobody.
STAND_INS: tuple[str, ...] = (
    r"[0-]*(\.0+)?",
    r"-1(\.0+)?",
    r"null|\(null\)|<null>|\\n|none|nil|nan|#?n/a|na|<na>|n\.a\.|-+|\?+|x+",
    r"anonymous|unknown|undefined|guest|default|test|dummy|missing|not provided|no email|no phone",
    r"(no-?_?reply|do-?_?not-?_?reply|none|null|nobody|no-?_?e?mail|unknown|anonymous|n/?a)@.*",
)
STAND_IN = "|".join(f"({pattern})" for pattern in STAND_INS)

_AtLeastTwo = Annotated[int, Field(ge=2)]
_Share = Annotated[float, Field(gt=0, le=1)]
_Probability = Annotated[float, Field(gt=0, lt=1)]
_LIMITS: Mapping[str, dict[Kind, int]] = MappingProxyType(
    {
        "people_per_value": {"source_id": 1_000, "loyalty_id": 100, "email": 25, "phone": 10},
        "values_per_person": {"source_id": 100, "loyalty_id": 10, "email": 25, "phone": 25},
    }
)


class MatchSettings(Strict):
    """The limits and exceptions of the matching rules, and from which probability on two records are one person."""

    blocked: tuple[str, ...] = Field(
        default=(), description="Values of any kind that link nothing, such as the shop's own address and number."
    )
    unique_per_person: tuple[Kind, ...] = Field(
        default=(), description="Kinds of which a person has one value only: links that would join two are cut."
    )
    people_per_value: dict[Kind, _AtLeastTwo] = Field(
        default_factory=lambda: dict(_LIMITS["people_per_value"]),
        description="Per kind, how many people (by stronger kinds) may share a value before it links nothing.",
    )
    values_per_person: dict[Kind, _AtLeastTwo] = Field(
        default_factory=lambda: dict(_LIMITS["values_per_person"]),
        description="Per kind, how many values a person may have before their weakest links are held back.",
    )
    emails_per_customer_id: _AtLeastTwo = Field(
        default=10,
        description="E-mail addresses on the orders of one customer id from which on, if most orders bring a new one, "
        "the id is nobody's: its orders go by e-mail or phone.",
    )
    accept: _Probability = Field(default=0.9, description="Probability from which on two records are linked.")
    review: _Probability = Field(default=0.5, description="Probability from which on they are listed for review.")
    records_per_block: int = Field(
        default=40,
        ge=2,
        description="Records that may share a blocking key; the pairs of a larger block are not scored.",
    )
    fewest_profiles: int = Field(
        default=500, ge=10, description="Records with a name that training a model of probability needs."
    )
    largest_person: int = Field(
        default=200, ge=2, description="Records that a person may have before their weakest links are held back."
    )
    least_people_share: _Share = Field(
        default=0.15, description="Fewest people per record before the result counts as merged up."
    )
    largest_person_share: _Share = Field(
        default=0.05, description="Greatest share of all records that one person may hold (from 1,000 records on)."
    )
    linked_share_jump: _Share = Field(
        default=0.10, description="Greatest change of the share of linked records from one run to the next."
    )

    @field_validator("people_per_value", "values_per_person", mode="before")
    @classmethod
    def _others_stay(cls, value: Any, info: ValidationInfo) -> Any:
        """Let a user name the limits that differ only."""
        return {**_LIMITS[str(info.field_name)], **value} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _review_below_accept(self) -> "MatchSettings":
        if self.review > self.accept:
            raise ValueError(f"review ({self.review}) is above accept ({self.accept}). Lower review")
        return self
