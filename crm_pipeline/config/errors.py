"""Sentences on what is wrong in a file that people write: file, line, key, problem and remedy."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from crm_pipeline.config.yaml_places import Document

#: What pydantic adds to a place where a value may be of several kinds.
_KINDS_IN_PLACES = ("date", "literal['latest']", "str", "int")
#: How pydantic names the place of a key of a mapping that is wrong itself.
_KEY = "[key]"
_NUMBER_ERRORS = re.compile("int_.*|float_.*|finite_number|greater_than.*|less_than.*|decimal_.*")
_EXPECTED = {
    "model_type": "keys with values (key: value) are expected",
    "dict_type": "keys with values (key: value) are expected",
    "tuple_type": "a list is expected, such as [a, b]",
    "list_type": "a list is expected, such as [a, b]",
    "string_type": "text is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "date_type": "a date is expected, such as 2024-06-30",
    "date_parsing": "a date is expected, such as 2024-06-30",
    "date_from_datetime_parsing": "a date is expected, such as 2024-06-30",
    "date_from_datetime_inexact": "a date without a time is expected, such as 2024-06-30",
}
_TOLD: Mapping[str, Callable[[Any], str]] = {
    "missing": lambda item: f"the key '{item['loc'][-1]}' is missing. Add it",
    "string_too_long": lambda item: (
        f"it has {len(item['input']):,} characters, and {item['ctx']['max_length']} are allowed. Shorten it"
    ),
    "too_short": lambda item: (
        f"at least {item['ctx']['min_length']} are expected, and there are {item['ctx']['actual_length']}"
    ),
}
#: What was called otherwise in earlier releases: a key of pipeline.yml, or a column of a contract -> its name.
RENAMED = {
    "changes": "programmes",
    "ad_spend.channel": "medium",
    "ad_spend.spend_date": "spend_on",
    "campaigns.channel": "medium",
    "consents.channel": "contact_channel",
    "customers.acquisition_channel": "acquisition_medium",
}
_BOUNDS = ((Ge, "ge", "at least"), (Gt, "gt", "more than"), (Le, "le", "at most"), (Lt, "lt", "less than"))


def explain(document: Document, model: type[BaseModel], error: ValidationError) -> str:
    """Return the sentences on all errors, one a line.

    Args:
        document: the file.
        model: what the file was held against.
        error: what came of it.
    """
    items = error.errors()
    # Sources that hold a mistake are not counted, and the mistake is named itself.
    if len(items) > 1:
        items = [item for item in items if item["type"] != "too_short" or item["loc"] != ("sources",)]
    return "\n".join(dict.fromkeys(_sentence(document, model, item) for item in items))


def suggest(name: str, known: Iterable[str], *, listing: bool = True) -> str:
    """Return the hint on what may have been meant by a name; without `listing`, empty where nothing is close."""
    known = list(known)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close:
        return f"Did you mean '{close[0]}'?"
    return f"Use one of: {', '.join(known)}" if listing else ""


def called_otherwise(name: str, known: Iterable[str], *, within: str = "") -> str:
    """Return the hint on a name that is not known: the one that took its place, or else what may have been meant.

    Args:
        name: what was written.
        known: what can be written.
        within: the key or the contract that it stands in.
    """
    renamed = RENAMED.get(f"{within}.{name}" if within else name)
    return f"It is called '{renamed}': rename it" if renamed else suggest(name, known)


def _sentence(document: Document, model: type[BaseModel], item: Any) -> str:
    loc = tuple(part for part in item["loc"] if part not in _KINDS_IN_PLACES)
    message = _message(document, model, loc, item)
    loc, message = _nearer(document, tuple(part for part in loc if part != _KEY), message)
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")
    place = f"{document.path}, line {document.line(loc)}" + (f", {key}" if key else "")
    return f"{place}: {message.rstrip('.')}{'' if message.endswith('?') else '.'}"


def _nearer(document: Document, loc: tuple[Any, ...], message: str) -> tuple[tuple[Any, ...], str]:
    """Move a message that begins with a key below the place, such as `columns.total: ...`, to that key."""
    key, colon, rest = message.partition(": ")
    inner = (*loc, *key.split("."))
    return (inner, rest) if colon and document.has(inner) else (loc, message)


def _message(document: Document, model: type[BaseModel], loc: tuple[Any, ...], item: Any) -> str:
    kind = item["type"]
    if kind == "extra_forbidden":
        return _unknown_key(model, loc)
    if kind == "literal_error":
        return _one_of_is_expected(loc, item)
    if loc and loc[-1] == "as_of":
        return "as_of is neither a date nor `latest`. Write a date such as 2024-06-30, or latest"
    if loc == ("sources",) and kind == "too_short":
        return "there is no source. Give at least one"
    if kind in _TOLD:
        return _TOLD[kind](item)
    if kind == "string_type" or (kind == "model_type" and "columns" in loc[:-1]):
        return _text_is_expected(document, loc)
    if _NUMBER_ERRORS.fullmatch(kind):
        return _number_is_expected(model, loc, is_finite=kind != "finite_number")
    if kind == "string_pattern_mismatch":
        return _pattern_is_expected(model, loc, item)
    return _EXPECTED.get(kind) or re.sub("^Value error, ", "", item["msg"])


def _pattern_is_expected(model: type[BaseModel], loc: tuple[Any, ...], item: Any) -> str:
    field = _field_at(model, loc)
    examples = f", such as {field.examples[0]}" if field and field.examples else ""
    return f"'{item['input']}' does not match {item['ctx']['pattern']}. Write what does{examples}"


def _unknown_key(model: type[BaseModel], loc: tuple[Any, ...]) -> str:
    name, within = str(loc[-1]), ".".join(str(part) for part in loc[:-1])
    return f"unknown key '{name}'. {called_otherwise(name, _keys_at(model, loc[:-1]), within=within)}"


def _text_is_expected(document: Document, loc: tuple[Any, ...]) -> str:
    if loc[-2:-1] == ("columns",):
        return _column_is_expected(document, loc)
    found = document.not_text(loc)
    if found is None:
        return "text is expected"
    written, kind = found
    if "extract" in loc or not written:
        return f"text is expected, and this is read as {kind}. Put it in quotes"
    return f'text is expected, and {written} is read as {kind}. Put it in quotes: "{written}"'


def _column_is_expected(document: Document, loc: tuple[Any, ...]) -> str:
    """Say how a mapping is written where there is neither the name of a column nor keys: often a value is meant."""
    written, kind = document.not_text(loc) or ("", "")
    name = loc[-1]
    if not written or kind == "no value":
        either = f"Write `{name}: Column of the file`, or `{name}: {{value: ...}}` for the same in each row"
        return f"a column of the file is expected, and there is nothing. {either}, or remove the line"
    return (
        f"a column of the file is expected, and {written} is read as {kind}. "
        f"For the same value in each row write `{name}: {{value: {written}}}`; "
        f'if a column is called so, put it in quotes: "{written}"'
    )


def _one_of_is_expected(loc: tuple[Any, ...], item: Any) -> str:
    known = re.findall("'([^']*)'", item["ctx"]["expected"])
    if loc[-1] == _KEY:
        return f"unknown key '{loc[-2]}'. {suggest(str(loc[-2]), known)}"
    told = f"'{item['input']}' is none of the words that it takes. " if isinstance(item["input"], str) else ""
    return told + suggest(str(item["input"]), known)


def _number_is_expected(model: type[BaseModel], loc: tuple[Any, ...], *, is_finite: bool) -> str:
    kind, limits = _number_at(model, loc)
    number = "a whole number" if "int" in kind else "a number" if is_finite else "a finite number"
    bounds = [
        f"{word} {getattr(one, name):,}" for limit, name, word in _BOUNDS for one in limits if isinstance(one, limit)
    ]
    return f"{number} is expected" + (f": {' and '.join(bounds)}" if bounds else "")


def _keys_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the keys that may stand at a place."""
    found = _model_at(model, loc)
    return [field.alias or name for name, field in found.model_fields.items() if name != "folder"] if found else []


def _model_at(model: type[BaseModel], loc: tuple[Any, ...]) -> type[BaseModel] | None:
    """Follow a place down the models."""
    place: Any = model
    for part in loc:
        if isinstance(place, type) and issubclass(place, BaseModel):
            field = _field(place, part)
            place = field.annotation if field else None
            if (inner := _model_in(place)) and not _is_mapping_or_list(place):
                place = inner
        else:
            place = _model_in(place)
    return place if isinstance(place, type) and issubclass(place, BaseModel) else None


def _number_at(model: type[BaseModel], loc: tuple[Any, ...]) -> tuple[str, Iterable[Any]]:
    """Return the kind of a number and its limits: those of a key, or of the values of a mapping."""
    if field := _field_at(model, loc):
        return str(field.annotation), field.metadata
    mapping = _field_at(model, loc[:-1])
    value = get_args(mapping.annotation)[-1] if mapping else float
    return str(value), [limit for one in getattr(value, "__metadata__", ()) for limit in one.metadata]


def _field_at(model: type[BaseModel], loc: tuple[Any, ...]) -> FieldInfo | None:
    parent = _model_at(model, loc[:-1])
    return _field(parent, loc[-1]) if parent and loc else None


def _field(model: type[BaseModel], part: Any) -> FieldInfo | None:
    return next((field for name, field in model.model_fields.items() if part in (name, field.alias)), None)


def _is_mapping_or_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (dict, tuple, list)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for one in get_args(annotation) if (model := _model_in(one))), None)
