"""The part `programmes` of pipeline.yml: what some stores, countries or sales channels have and others do not."""

from datetime import date
from typing import Literal

from pydantic import Field, field_validator

from crm_pipeline.config.strict import Strict

Unit = Literal["store_id", "country", "sales_channel"]
Measure = Literal["revenue", "margin", "orders", "buyers"]


class Programme(Strict):
    """Something new, such as a loyalty club, that some units have from a month on; nobody drew them at random."""

    name: str = Field(min_length=1, description="Name of the programme, unique in the dataset.")
    unit: Unit = Field(default="store_id", description="What has it or not; a column of the orders.")
    treated: tuple[str, ...] = Field(min_length=1, description="The units that have it from then on.")
    starts_on: date = Field(description="First day with it: the first of a month.")
    measure: Measure = Field(default="revenue", description="What it is to change, per unit and month.")
    months: int = Field(default=12, ge=3, description="Months before, and months after, that are compared.")

    @field_validator("starts_on")
    @classmethod
    def _begins_a_month(cls, value: date) -> date:
        if value.day != 1:
            raise ValueError("months are compared, so it starts on the first of one. Name the first full month")
        return value
