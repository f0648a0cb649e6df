"""The override files: which records are one person and which products are one, or are not, whatever all else says.

`identity_overrides.yml` and `product_overrides.yml` lie beside pipeline.yml and are obeyed on the next run. Taking an
entry out takes it back. Both are written alike; `records` of products are `system|product_id`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from crm_pipeline.config.errors import explain
from crm_pipeline.config.strict import Strict
from crm_pipeline.config.yaml_places import YamlError, read_yaml
from crm_pipeline.storage.lake import atomic_file

OVERRIDES_FILE = "identity_overrides.yml"
PRODUCT_OVERRIDES_FILE = "product_overrides.yml"
_HEADER = """\
# Decisions by hand on who is one person; records are named as in identity.person_map (system|customer|id).
# link: these records are one person. unlink: no record of one group is one person with a record of another group.
"""


class OverrideError(ValueError):
    """The override file cannot be used; the message says what is wrong and what to do."""


class Link(Strict):
    """Records that are one person, or products that are one."""

    records: tuple[str, ...] = Field(min_length=2)
    note: str = ""


class Unlink(Strict):
    """Groups of records: those of different groups are different people, or different products."""

    groups: tuple[tuple[str, ...], ...] = Field(min_length=2)
    note: str = ""

    @field_validator("groups")
    @classmethod
    def _groups_are_disjoint(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for one, other in combinations(groups, 2):
            for record in sorted(set(one) & set(other)):
                raise ValueError(f"'{record}' stands in two groups of one entry. Name it in one of them")
        return groups


class Overrides(Strict):
    """All decisions by hand."""

    link: tuple[Link, ...] = ()
    unlink: tuple[Unlink, ...] = ()

    @model_validator(mode="after")
    def _say_one_thing(self) -> "Overrides":
        for joined in self._joined():
            for unlink in self.unlink:
                groups = {n for n, group in enumerate(unlink.groups) if joined & set(group)}
                if len(groups) > 1:
                    raise ValueError(
                        f"the records {', '.join(sorted(joined))} are to be one by `link` and different by `unlink`. "
                        "Take one of the entries out"
                    )
        return self

    def _joined(self) -> list[set[str]]:
        """Return the sets of records that are one by hand, be it by way of others."""
        found: list[set[str]] = []
        for link in self.link:
            touching = [records for records in found if records & set(link.records)]
            found = [records for records in found if records not in touching]
            found.append(set(link.records).union(*touching))
        return found

    def records(self) -> set[str]:
        """Return all records that are named."""
        named = {record for link in self.link for record in link.records}
        return named | {record for unlink in self.unlink for group in unlink.groups for record in group}

    def said_of_records(self) -> dict[str, str]:
        """Return for each record that is named all that is decided about it, as text."""
        said = defaultdict(list)
        for link in self.link:
            for record in link.records:
                said[record].append(link.model_dump_json(exclude={"note"}))
        for unlink in self.unlink:
            for record in (record for group in unlink.groups for record in group):
                said[record].append(unlink.model_dump_json(exclude={"note"}))
        return {record: "\n".join(sorted(entries)) for record, entries in said.items()}


def read_overrides(folder: Path, name: str = OVERRIDES_FILE) -> Overrides:
    """Return the decisions in one of the files of a dataset folder; none where there is no file.

    Raises:
        OverrideError: if the file says something that cannot be meant.
    """
    path = folder / name
    if not path.exists():
        return Overrides()
    try:
        document = read_yaml(path)
    except YamlError as error:
        raise OverrideError(str(error)) from None
    try:
        return Overrides.model_validate(document.values or {})
    except ValidationError as error:
        sentences = explain(document, Overrides, error)
    raise OverrideError(sentences)


def write_overrides(folder: Path, overrides: Overrides) -> Path:
    """Write the decisions, and return the file."""
    path = folder / OVERRIDES_FILE
    document = overrides.model_dump(mode="json", exclude_defaults=True)
    with atomic_file(path) as building:
        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120) if document else ""
        building.write_text(_HEADER + text, encoding="utf-8")
    return path


def with_link(overrides: Overrides, records: Sequence[str], note: str) -> Overrides:
    """Add that records are one person.

    Raises:
        OverrideError: if they are different people by another entry.
    """
    return _checked(link=(*overrides.link, Link(records=tuple(records), note=note)), unlink=overrides.unlink)


def with_unlink(overrides: Overrides, groups: Iterable[Iterable[str]], note: str) -> Overrides:
    """Add that the records of different groups are different people; a link between them is taken out.

    Raises:
        OverrideError: if the entry cannot be meant.
    """
    divided = tuple(tuple(group) for group in groups)
    place = {record: number for number, group in enumerate(divided) for record in group}
    kept = tuple(
        link for link in overrides.link if len({place[record] for record in link.records if record in place}) <= 1
    )
    return _checked(link=kept, unlink=(*overrides.unlink, {"groups": divided, "note": note}))


def _checked(**entries: Any) -> Overrides:
    try:
        return Overrides.model_validate(entries)
    except ValidationError as error:
        sentence = error.errors()[0]["msg"].removeprefix("Value error, ")
    raise OverrideError(f"{sentence}.")
