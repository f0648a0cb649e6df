"""What becomes of the rows of a source before they are mapped: the parts `join` and `aggregate` of a source."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from crm_pipeline.config.paths import inside_the_folder
from crm_pipeline.config.reading import ReadOptions
from crm_pipeline.config.strict import Strict

#: What can be made of the values of several rows. Empty ones do not count.
FUNCTIONS: dict[str, str] = {
    "sum": "exact, as decimals",
    "min": "of numbers or times",
    "max": "of numbers or times",
    "first": "in the order of the file",
    "last": "in the order of the file",
    "count": "how many are filled",
    "list": "each text once, in the order of the file, divided by commas",
}


class Aggregate(Strict):
    """Makes one row of all rows of a file that agree in some columns."""

    by: tuple[str, ...] = Field(
        default=(), description="Columns in which the rows that are folded into one agree; a row without any stays."
    )
    columns: dict[str, dict[str, str]] = Field(
        min_length=1,
        description="Column -> what is made of its values: sum, min, max, first, last, count or list; or new name -> "
        "{function: column}.",
    )

    @field_validator("by", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return _as_names(value, "by: [order_id]")

    @field_validator("columns", mode="before")
    @classmethod
    def _function_of_column(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or not value:
            raise ValueError("columns and functions are expected, such as {payment_value: sum}")
        return {str(name): _made(str(name), how) for name, how in value.items()}

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "Aggregate":
        both = [name for name in self.by if name in self.columns]
        if both:
            raise ValueError(
                f"'{both[0]}' stands under by and under columns. Give the one under columns a name of its own"
            )
        return self

    @property
    def made(self) -> dict[str, tuple[str, str]]:
        """The function and the column of the file by the name of what is made."""
        return {name: next(iter(how.items())) for name, how in self.columns.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that a folded row has."""
        return (*self.by, *self.columns)


class Join(Strict):
    """A further file of the source, of which each row finds at most one row by a key."""

    files: str = Field(
        min_length=1,
        max_length=1_000,
        description="Glob of the lookup files, relative to the dataset folder; a key in a later file replaces that of "
        "an earlier one.",
    )
    read: ReadOptions = Field(default=ReadOptions(), description="How the lookup files are read.")
    on: dict[str, str] = Field(min_length=1, description="Column of the source -> column of the lookup file.")
    columns: dict[str, str] = Field(
        min_length=1, description="Columns of the lookup file that rows get; or new name -> column of the lookup file."
    )
    aggregate: Aggregate | None = Field(
        default=None, description="Makes one row of all rows of a lookup file that have the same key."
    )

    @field_validator("on", "columns", mode="before")
    @classmethod
    def _same_names(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            if not value:
                raise ValueError("names of columns are expected, such as {category: category}")
            wrong = next((key for key, name in value.items() if not isinstance(name, str) or not name), None)
            if wrong is not None:
                raise ValueError(f"{wrong}: the name of a column is expected, such as {{category: category}}")
            return value
        return {name: name for name in _as_names(value, "[category]")}

    @field_validator("files")
    @classmethod
    def _inside(cls, value: str) -> str:
        return inside_the_folder(value)

    @model_validator(mode="after")
    def _folds_by_its_key(self) -> "Join":
        if self.aggregate is None:
            return self
        keys = tuple(self.on.values())
        if self.aggregate.by and set(self.aggregate.by) != set(keys):
            raise ValueError(f"aggregate.by is the key of the lookup file: leave it out, or write [{', '.join(keys)}]")
        missing = [name for name in self.columns.values() if name not in self.aggregate.columns]
        if missing:
            raise ValueError(
                f"aggregate.columns does not make '{missing[0]}'. Add it there, such as {missing[0]}: first"
            )
        return self

    @property
    def folded(self) -> Aggregate | None:
        """What is made of the rows with the same key, where that is told."""
        return self.aggregate and self.aggregate.model_copy(update={"by": tuple(self.on.values())})


def _as_names(value: Any, example: str) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"names of columns are expected, such as {example}")
    return tuple(dict.fromkeys(names))


def _made(name: str, how: Any) -> dict[str, str]:
    """Return the function and its column as one pair."""
    made = {how: name} if isinstance(how, str) else how
    if not isinstance(made, Mapping) or len(made) != 1:
        raise ValueError(f"{name}: one function is expected, such as {name}: sum, or {name}: {{sum: column}}")
    ((function, column),) = made.items()
    place = name if isinstance(how, str) else f"{name}.{function}"
    if not isinstance(column, str):
        raise ValueError(f"{place}: the name of a column is expected, such as {name}: {{sum: column}}")  # noqa: TRY004
    if function not in FUNCTIONS:
        raise ValueError(f"{place}: there is no function '{function}'. Use one of: {', '.join(FUNCTIONS)}")
    return {function: column}
