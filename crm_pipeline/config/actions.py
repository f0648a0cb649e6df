"""What contacting people costs, brings and may not exceed: the part `actions` of pipeline.yml."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from crm_pipeline.config.strict import Strict

Channel = Literal["email", "sms", "phone", "post", "push"]
Action = Literal["win_back", "reactivate", "service_recovery", "loyalty_reward", "cross_sell", "keep_in_touch"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
CONSENTS: Mapping[Channel, str] = MappingProxyType(
    {
        "email": "consent_email",
        "sms": "consent_phone",
        "phone": "consent_phone",
        "post": "consent_post",
        "push": "consent_push",
    }
)
"""The consent without which a contact channel must not be used."""

_Money = Annotated[float, Field(ge=0)]
_Share = Annotated[float, Field(ge=0, le=1)]
_OpenShare = Annotated[float, Field(gt=0, lt=1)]
_DEFAULTS: Mapping[str, dict[Any, float]] = MappingProxyType(
    {
        "costs": {"email": 0.01, "sms": 0.08, "phone": 3.0, "post": 0.9, "push": 0.0},
        "reach": {"email": 0.25, "sms": 0.6, "phone": 0.5, "post": 0.5, "push": 0.2},
        "response": {
            "win_back": 0.02,
            "reactivate": 0.03,
            "service_recovery": 0.1,
            "loyalty_reward": 0.02,
            "cross_sell": 0.05,
            "keep_in_touch": 0.05,
        },
    }
)


class ActionSettings(Strict):
    """Costs, assumed responses and limits of contacts; what past experiments measured stands above what is assumed."""

    costs: dict[Channel, _Money] = Field(
        default_factory=lambda: dict(_DEFAULTS["costs"]),
        description="Cost of one contact by contact channel, in the business currency.",
    )
    reach: dict[Channel, _Share] = Field(
        default_factory=lambda: dict(_DEFAULTS["reach"]),
        description="Share of the people contacted over a contact channel who take notice; 0 leaves it out.",
    )
    response: dict[Action, _Share] = Field(
        default_factory=lambda: dict(_DEFAULTS["response"]),
        description="Share of what is at stake that an action wins from who takes notice; 0 leaves an action out.",
    )
    budget: _Money | None = Field(default=None, description="Most that one plan may cost; empty: no limit.")
    contacts_per_30_days: int = Field(default=4, ge=0, description="Contacts that a person may have in 30 days.")
    response_days: int = Field(default=30, ge=1, description="Days from a contact on in which its effect is measured.")
    control_shares: dict[str, _OpenShare] = Field(
        default_factory=dict,
        description="Experiment -> planned share of held out; an experiment that differs from it teaches nothing.",
    )

    @field_validator("costs", "reach", "response", mode="before")
    @classmethod
    def _others_stay(cls, value: Any, info: ValidationInfo) -> Any:
        """Let a user name only what differs."""
        return {**_DEFAULTS[str(info.field_name)], **value} if isinstance(value, dict) else value
