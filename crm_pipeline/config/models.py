"""What models learn from, whom they speak of and how: the part `models` of pipeline.yml."""

from pydantic import Field, model_validator

from crm_pipeline.config.strict import Strict


class ModelSettings(Strict):
    """The windows and limits that the models share; the horizons of churn and lifetime value stand in `business`."""

    feature_months: int = Field(
        default=24, ge=1, le=120, description="Months before the as-of date whose ends models learn from."
    )
    sampled_rows: int = Field(
        default=1_000_000, ge=1, description="About so many rows of people at dates, of whom models learn."
    )
    eligibility_days: int = Field(
        default=365, ge=1, le=3_650, description="Days in which one has ordered whom churn and loyalty are asked about."
    )
    propensity_horizon_days: int = Field(
        default=30, ge=1, le=3_650, description="Days ahead in which somebody likely to buy is to order."
    )
    medium_risk: float = Field(default=1 / 3, gt=0, lt=1, description="Churn from which on a risk is medium.")
    high_risk: float = Field(default=2 / 3, gt=0, lt=1, description="Churn from which on a risk is high.")

    @model_validator(mode="after")
    def _medium_below_high(self) -> "ModelSettings":
        if self.medium_risk >= self.high_risk:
            raise ValueError(f"medium_risk ({self.medium_risk}) is not below high_risk ({self.high_risk}). Lower it")
        return self
