"""What all parts of pipeline.yml have in common: no unknown keys, and no value that is bent into another kind."""

from typing import Any, get_args, get_origin

from annotated_types import Le, Lt
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

_GREATEST = 2_000_000_000


class Strict(BaseModel):
    """A part of pipeline.yml: unknown keys and numbers that are not finite are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _is_what_it_seems(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what would be taken for something else: yes for 1, and a number of seconds for a date."""
        field = cls.model_fields[str(info.field_name)]
        wanted = _kinds(field.annotation)
        bounded = any(isinstance(one, Le | Lt) for one in field.metadata)
        for one in value.values() if isinstance(value, dict) and "dict" in wanted else [value]:
            if isinstance(one, bool) and wanted & {"int", "float"} and "bool" not in wanted:
                raise ValueError(f"a number is expected, not {'yes' if one else 'no'}")
            if isinstance(one, int) and abs(one) > _GREATEST and not bounded:
                raise ValueError(f"a number up to {_GREATEST:,} is expected")
            if isinstance(one, int | float) and "date" in wanted and not wanted & {"int", "float"}:
                raise ValueError("a date is expected, such as 2024-06-30")
        return value


def plain_text(value: Any) -> str:
    """Return a value as people write it, also where YAML sees yes or no."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kinds(annotation: Any) -> set[str]:
    """Return the names of the plain types in an annotation."""
    inner = get_args(annotation)
    if not inner:
        return {getattr(annotation, "__name__", "")}
    return {getattr(get_origin(annotation), "__name__", "")}.union(*(_kinds(one) for one in inner))
