"""What all stages must know of the business: the part `business` of pipeline.yml."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, field_validator

from crm_pipeline.config.strict import Strict
from crm_pipeline.config.zones import known_zone


class Business(Strict):
    """Settings of the business that all stages share."""

    currency: str = Field(
        default="GBP", pattern="^[A-Z]{3}$", examples=["EUR"], description="ISO 4217 code of the reporting currency."
    )
    timezone: str = Field(default="UTC", description="IANA time zone in which days begin and end.")
    default_region: str = Field(
        default="GB",
        pattern="^[A-Z]{2}$",
        examples=["DE"],
        description="ISO country of local phone numbers, where the record's own country is not known.",
    )
    as_of: date | Literal["latest"] = Field(default="latest", description="Date of the view; `latest` = last full day.")
    churn_horizon_days: int = Field(
        default=90, ge=1, le=3_650, description="Days without an order after which one has churned."
    )
    clv_horizon_months: int = Field(default=12, ge=1, le=600, description="Months that lifetime value looks ahead.")
    monthly_discount_rate: float = Field(default=0.01, ge=0, lt=1, description="Discount of future margin per month.")
    gross_margin: float = Field(default=0.35, ge=0, le=1, description="Margin of revenue where no cost is known.")
    service_costs: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict,
        description="Contact channel -> cost of one ticket; without any, service has no known cost.",
    )
    loyalty_point_value: float | None = Field(
        default=None, ge=0, description="Worth of one loyalty point; without it points have no value in money."
    )
    source_trust: tuple[str, ...] = Field(default=(), description="Systems, the most trusted first.")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return known_zone(value)
