"""The part `questions` of pipeline.yml: yes/no questions of the user's own, answered as churn is."""

from pydantic import Field, field_validator

from crm_pipeline.config.expressions import check_expression
from crm_pipeline.config.strict import Strict


class Answer(Strict):
    """What means yes: a row of a fact whose day lies within the horizon after the as-of date."""

    fact: str = Field(
        pattern="^[a-z][a-z0-9_]*$",
        examples=["support_tickets"],
        description="The channel whose fact tells it, such as `support_tickets`; `customers` for a column of theirs.",
    )
    day: str = Field(
        pattern="^[a-z][a-z0-9_]*$",
        examples=["opened_on"],
        description="The column with the day, such as `opened_on`; an empty day is no answer.",
    )
    where: str = Field(default="true", min_length=1, description="SQL condition on the row, over columns of the fact.")

    @field_validator("where")
    @classmethod
    def _one_row_only(cls, sql: str) -> str:
        check_expression(sql)
        return sql


class OwnQuestion(Strict):
    """A question about each person: will what `yes_if` describes happen within the horizon?"""

    name: str = Field(
        pattern="^[a-z][a-z0-9_]{0,39}$", description="Name of the question, unique in the dataset: a-z, 0-9 and _."
    )
    yes_if: Answer = Field(description="What means yes.")
    horizon_days: int = Field(default=90, ge=1, le=3_650, description="Days after the as-of date that it looks ahead.")
    asked_of: str = Field(
        default="true",
        min_length=1,
        examples=["orders_12m > 0"],
        description="SQL condition on whom it is asked of, over the features that models may see.",
    )
    once: bool = Field(default=False, description="Whether it is asked no more of those whose answer was yes before.")

    @field_validator("asked_of")
    @classmethod
    def _one_person_only(cls, sql: str) -> str:
        check_expression(sql)
        return sql
