"""A wrong line in any key of pipeline.yml gets a sentence: file, line, key, what is wrong, what to write.

The keys come from the JSON schema, so that a new one is tried without being named here.
"""

import itertools
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from crm_pipeline.config.dataset import DatasetError, load_dataset
from crm_pipeline.config.schema import pipeline_schema

Place = tuple[str | int, ...]

GOOD: dict[str, Any] = {
    "programmes": [{"name": "p", "unit": "country", "treated": ["GB"], "starts_on": "2024-01-01"}],
    "sources": [
        {
            "name": "shop",
            "channel": "orders",
            "files": "landing/shop/*.jsonl",
            "columns": {"order_id": {"from": "id"}, "ordered_at": {"from": "at"}},
        }
    ],
}
REQUIRED: dict[str, dict[str, Any]] = {
    "sql_table": {"url_env": "SHOP_URL", "table": "orders"},
    "rest": {"base_url": "https://shop.example", "path": "orders"},
    "cursor": {"param": "since", "field": "at"},
    "auth": {"type": "bearer", "token_env": "SHOP_TOKEN"},
}
"""What a key needs below it, beside the one that is wrong."""
REMEDY = re.compile(
    r"\b(expected|write|use|give|put|set|map|add|remove|rename|shorten|lower|raise|correct|did you mean|called)\b", re.I
)
STOCK = re.compile("input should|value error|validation error|unable to parse|^(e|i)nput ", re.I)
SCHEMA = pipeline_schema()


def resolved(node: Any) -> dict[str, Any]:
    while isinstance(node, dict) and "$ref" in node:
        node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]
    return node if isinstance(node, dict) else {}


def wrong_values(node: dict[str, Any]) -> Iterator[Any]:
    """Values that are wrong by the schema alone: of another kind, beyond a bound, not on a list."""
    kind, listed = node.get("type"), node.get("enum")
    if listed:
        yield "nonsense"
    if kind in ("string", "integer", "number", "boolean", "array", None):
        yield {"odd": {"deep": 1}}
    if kind in ("integer", "number"):
        yield "plenty"
        yield from (node[bound] + by for bound, by in (("maximum", 1), ("minimum", -1)) if bound in node)
    if kind in ("object", "array"):
        yield 5
    if kind == "object" and "properties" in node:
        yield {"odd_key": 1}


def keys(node: Any, place: Place = ()) -> Iterator[tuple[Place, list[Any]]]:
    """Each key with values that none of its kinds takes."""
    kinds = [resolved(one) for one in resolved(node).get("anyOf", [node])]
    if place:
        wrong = [list(wrong_values(kind)) for kind in kinds if kind.get("type") != "null"]
        yield place, [value for value in wrong[0] if all(value in others for others in wrong[1:])]
    for kind in kinds:
        for name, inner in kind.get("properties", {}).items():
            yield from keys(inner, (*place, name))
        if isinstance(inner := kind.get("additionalProperties"), dict):
            yield from keys(inner, (*place, "order_id" if place[-1] == "columns" else "any"))
        if isinstance(inner := kind.get("items"), dict):
            yield from keys(inner, (*place, 0))


def planted(place: Place, value: Any) -> dict[str, Any]:
    """A good file but for the value in that place."""
    document = deepcopy(GOOD)
    at: Any = document
    for part, following in itertools.pairwise(place):
        empty: Any = [] if isinstance(following, int) else deepcopy(REQUIRED.get(str(part), {}))
        if isinstance(at, dict):
            at[part] = at[part] if isinstance(at.get(part), type(empty)) else empty
            at = at[part]
        else:
            if not at:
                at.append(empty)
            at = at[0]
    if isinstance(at, list):
        at[:] = [value]
    else:
        at[place[-1]] = value
    return document


def line_of(text: str, place: Place) -> int:
    """The line of a key, or of an element of a list, as the parser of YAML tells it."""
    node = yaml.compose(text)
    line = 0
    for part in place:
        if isinstance(node, yaml.MappingNode):
            key, node = next((key, value) for key, value in node.value if key.value == part)
            line = key.start_mark.line + 1
        else:
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


CASES = {f"{'.'.join(map(str, place))}={value}": (place, value) for place, values in keys(SCHEMA) for value in values}


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_line_is_named_with_its_key_and_what_to_write(tmp_path, case):
    place, value = CASES[case]
    document = planted(place, value)
    place = (*place, "odd_key") if isinstance(value, dict) and "odd_key" in value else place
    text = yaml.safe_dump(document, sort_keys=False)
    (tmp_path / "pipeline.yml").write_text(text)
    with pytest.raises(DatasetError) as caught:
        load_dataset(tmp_path)
    # What is wrong with an element may be said of the list.
    lines = {line_of(text, place), *([line_of(text, place[:-1])] if place[-1] == 0 else [])}
    sentences = [line for line in str(caught.value).splitlines() if int(re.search(r"line (\d+), ", line)[1]) in lines]
    assert sentences, str(caught.value)
    for sentence in sentences:
        said = sentence.partition(", line ")[2].partition(": ")[2]
        assert sentence.startswith(str(tmp_path / "pipeline.yml"))
        assert REMEDY.search(said), sentence
        assert not STOCK.search(said), sentence


def test_every_key_is_tried():
    assert len({place for place, _ in CASES.values()}) > 100
