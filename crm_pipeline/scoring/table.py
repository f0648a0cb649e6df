"""What a score table is: one record says all that is known of it; store, checks, dbt and documentation follow from it.

The record stands in the module that computes the table, and is named by its step in `scoring/steps.py`.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import pyarrow as pa


@dataclass(frozen=True)
class Column:
    """A column of a score table.

    A `required` one is never empty. A probability lies between 0 and 1, where it is known. `values` are all that a
    text may be, where these are few; `refers_to` is the model of dbt whose column of the same name it names a row of.
    Of `money` the mart shows so many digits: two of an amount, four of what is of one contact, customer or order.
    """

    name: str
    type: pa.DataType
    description: str
    required: bool = False
    is_probability: bool = False
    values: tuple[str, ...] = ()
    refers_to: str = ""
    money: Literal[0, 2, 4] = 0

    @classmethod
    def text(cls, name: str, description: str, **more: Any) -> Self:
        """Return a column of texts."""
        return cls(name, pa.string(), description, **more)

    @classmethod
    def integer(cls, name: str, description: str, **more: Any) -> Self:
        """Return a column of whole numbers."""
        return cls(name, pa.int64(), description, **more)

    @classmethod
    def number(cls, name: str, description: str, **more: Any) -> Self:
        """Return a column of numbers of any size."""
        return cls(name, pa.float64(), description, **more)

    @classmethod
    def probability(cls, name: str, description: str, **more: Any) -> Self:
        """Return a column of numbers from 0 to 1."""
        return cls(name, pa.float64(), description, is_probability=True, **more)

    @classmethod
    def day(cls, name: str, description: str, **more: Any) -> Self:
        """Return a column of days."""
        return cls(name, pa.date32(), description, **more)

    @classmethod
    def flag(cls, name: str, description: str, **more: Any) -> Self:
        """Return a column of yes or no."""
        return cls(name, pa.bool_(), description, **more)


@dataclass(frozen=True)
class Mart:
    """A mart that hands on a score table as it is: its group, and its name where that is not the table's.

    It holds the rows of the run's date, or, with `until`, all rows whose date in that column is not later.
    """

    group: str
    name: str = ""
    until: str = ""


@dataclass(frozen=True)
class ScoreTable:
    """A score table: what a row of it is, its columns, and those that name a row among the rows of an as-of date.

    `models` are those of whose versions `model_version` speaks, by name or pattern. Without a `mart` other marts
    read it, or none.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    models: tuple[str, ...] = ()
    mart: Mart | None = None

    @property
    def schema(self) -> pa.Schema:
        """The names and types of its columns."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    def empty(self) -> pa.Table:
        """Return the table without rows."""
        return self.schema.empty_table()

    def typed(self, rows: pa.Table) -> pa.Table:
        """Return rows with the columns and types of the table.

        Raises:
            ArrowInvalid: if they do not fit.
        """
        return rows.select(self.schema.names).cast(self.schema)


PERSON = Column.integer("customer_key", "The person.", required=True, refers_to="customer_360")
AS_OF = Column.day("as_of_date", "The last day that counts.", required=True)
MODEL_VERSION = Column.text("model_version", "Version of the model that scored.")
REASONS = (
    Column.text("reason_1", "What speaks most for it."),
    Column.text("reason_2", "What speaks second most for it."),
    Column.text("reason_3", "What speaks third most for it."),
)
