"""What the dbt project says of its tables: which others may read, what a column holds, what is personal, what joins.

All of it is read from dbt's manifest. Personal data begins where a contract classifies a column (the sources carry that
in their `meta`) and goes on under that name in every model behind it; only a model that gives a personal value another
name says so itself. What stands for one row is told by `unique` and `unique_combination` tests; what joins, by
`relationships` tests and by names: a column called like the key of a dimension or fact holds keys of it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from crm_pipeline.stages import Stage

#: What contracts, sources and models write into `meta` of a column that holds personal data.
CLASSIFICATION, PERSONAL = "classification", "pii"
_KEY = "_key"
_REFERENCE = re.compile(r"ref\('(\w+)'\)")


@dataclass(frozen=True)
class Join:
    """A column whose values are found in a column of another table, which is named with its stage."""

    column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class Table:
    """A model or seed that others may rely on; each of `keys` are columns that together stand for one row."""

    stage: str
    name: str
    description: str
    columns: Mapping[str, str]
    personal: frozenset[str] = frozenset()
    keys: tuple[tuple[str, ...], ...] = ()
    joins: tuple[Join, ...] = ()

    @property
    def label(self) -> str:
        """The name with its stage, as in `customer.fct_orders`."""
        return f"{self.stage}.{self.name}"


class Catalogue:
    """What a manifest says of tables."""

    def __init__(self, manifest: Path) -> None:
        """Read a manifest that dbt has written."""
        parsed = json.loads(manifest.read_text(encoding="utf-8"))
        nodes: dict[str, Any] = {**parsed["nodes"], **parsed["sources"]}
        self._nodes = {name: node for name, node in nodes.items() if "columns" in node}
        self._tests = [node for node in nodes.values() if node["resource_type"] == "test" and node.get("attached_node")]
        self._personal: dict[str, frozenset[str]] = {}
        self._sources_say: dict[str, frozenset[str]] = {}

    @cached_property
    def published(self) -> tuple[Table, ...]:
        """The tables that others may rely on: public models, and seeds."""
        public = {name: node for name, node in self._nodes.items() if _is_public(node)}
        return tuple(self._table(name, public) for name in sorted(public, key=lambda name: _label(public[name])))

    def personal(self, unique_id: str | None) -> frozenset[str]:
        """Return the names of a table's personal columns; of what is no table, those of all tables.

        They are those that a source before it classifies, those that it marks, and those that its parents mark and it
        takes over.
        """
        if unique_id not in self._nodes:
            return frozenset(column for name in self._nodes for column in self.personal(name))
        if unique_id not in self._personal:
            node = self._nodes[unique_id]
            before = [self.personal(parent) for parent in self._parents(unique_id)]
            taken_over = {column for columns in before for column in columns} & set(node["columns"])
            self._personal[unique_id] = frozenset({*_marked(node), *taken_over, *self._classified(unique_id)})
        return self._personal[unique_id]

    def _classified(self, unique_id: str) -> frozenset[str]:
        """Return what the sources before a table classify, also where tables between them list no columns."""
        if unique_id not in self._sources_say:
            node = self._nodes[unique_id]
            told = set(_marked(node)) if node["resource_type"] == "source" else set()
            told.update(*(self._classified(parent) for parent in self._parents(unique_id)))
            self._sources_say[unique_id] = frozenset(told)
        return self._sources_say[unique_id]

    def _parents(self, unique_id: str) -> list[str]:
        return [name for name in self._nodes[unique_id].get("depends_on", {}).get("nodes", []) if name in self._nodes]

    def _table(self, name: str, public: Mapping[str, Any]) -> Table:
        node = public[name]
        return Table(
            stage=node["schema"],
            name=node["name"],
            description=_one_line(node["description"]),
            columns={column: _one_line(of["description"]) for column, of in node["columns"].items()},
            personal=self.personal(name) & set(node["columns"]),
            keys=tuple(self._keys(name)),
            joins=tuple(self._joins(name, public)),
        )

    def _keys(self, name: str) -> Iterator[tuple[str, ...]]:
        for test in self._tests_of(name, "unique", "unique_combination"):
            given = test["test_metadata"]["kwargs"]
            yield tuple(given.get("columns") or (given["column_name"],))

    def _joins(self, name: str, public: Mapping[str, Any]) -> Iterator[Join]:
        told = {join.column: join for join in self._tested_joins(name, public)}
        for column in public[name]["columns"]:
            homes = [key for key in self._homes if column == key or column.endswith(f"_{key}")]
            if column in told:
                yield told[column]
            elif homes and (key := max(homes, key=len), self._homes[key]) != (column, name):
                yield Join(column, _label(public[self._homes[key]]), key)

    def _tested_joins(self, name: str, public: Mapping[str, Any]) -> Iterator[Join]:
        for test in self._tests_of(name, "relationships"):
            given = test["test_metadata"]["kwargs"]
            other = _REFERENCE.fullmatch(given["to"])
            for node in public.values():
                if other and node["name"] == other[1]:
                    yield Join(given["column_name"], _label(node), given["field"])

    @cached_property
    def _homes(self) -> dict[str, str]:
        """The dimension or fact that each key is the key of."""
        return {
            columns[0]: name
            for name, node in self._nodes.items()
            if _is_public(node) and node["schema"] == Stage.CUSTOMER
            for columns in self._keys(name)
            if len(columns) == 1 and columns[0].endswith(_KEY)
        }

    def _tests_of(self, name: str, *kinds: str) -> Sequence[Any]:
        return [t for t in self._tests if t["attached_node"] == name and t["test_metadata"]["name"] in kinds]


def _is_public(node: Mapping[str, Any]) -> bool:
    return node["resource_type"] == "seed" or node.get("access") == "public"


def _marked(node: Mapping[str, Any]) -> list[str]:
    """Return the columns of a table that its own description classifies."""
    metas = {name: of.get("config", {}).get("meta") or of.get("meta") or {} for name, of in node["columns"].items()}
    return [name for name, meta in metas.items() if meta.get(CLASSIFICATION) == PERSONAL]


def _label(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['name']}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
