"""The list of the stage's temporary tables says what its SQL does."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline import identity
from crm_pipeline.identity.memory import Memory
from crm_pipeline.identity.tables import TABLES

FOLDER = Path(identity.__file__).parent
#: They look at a finished stage with tables of their own, in a connection of their own.
ASIDE = {"accuracy", "closeup"}
MODULES = {path.stem: path.read_text() for path in FOLDER.glob("*.py") if path.stem not in ASIDE}
MADE = re.compile(r"create (?:or replace )?temp table (\w+?_?)(?:\{| as\b)")


def makers() -> Iterator[tuple[str, str]]:
    for module, text in MODULES.items():
        yield from ((name, module) for name in MADE.findall(text))
    yield from ((f"known_{name}", "memory") for name in Memory.names())


def readers(table: str) -> set[str]:
    reads = re.compile(rf"\b(?:from|join|insert into|delete from|register\(\")\s*{table}\b")
    return {module for module, text in MODULES.items() if reads.search(text)}


def test_each_temporary_table_is_listed_with_its_maker():
    assert {(name, listed.made_by) for name, listed in TABLES.items()} == set(makers())


@pytest.mark.parametrize("table", TABLES)
def test_the_other_modules_that_read_a_table_are_those_listed(table):
    listed = TABLES[table]
    assert set(listed.read_by) == readers(table) - {listed.made_by}
