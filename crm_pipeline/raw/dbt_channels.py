"""Renders what loops over the channels, from the contracts: the macro `channels` of dbt, and the table in `docs/`.

dbt cannot read the contracts where it parses models; the macro is their list in its language.
"""

import json
from typing import Any

from crm_pipeline.config.contract import Contract, contracts
from crm_pipeline.config.flow import Value
from crm_pipeline.config.settings import PROJECT

TARGET = PROJECT / "dbt_project" / "macros" / "channels.sql"
PAGE = PROJECT / "docs" / "your-data.md"
BEGIN, END = "<!-- channels: written by `make contracts` -->", "<!-- channels: end -->"
_HEADER = """{#- Generated from the contracts by `make contracts`; not edited by hand. -#}

{# The channels, and what the flow has to know of each: crm_pipeline/config/flow.py describes it. #}
"""


def channels() -> list[dict[str, Any]]:
    """Return what dbt knows of each channel, in the order in which people read them."""
    ordered = sorted(contracts().values(), key=lambda contract: (contract.flow.position, contract.name))
    return [_channel(contract) for contract in ordered]


def render() -> str:
    """Return the text of the macro."""
    listed = "".join(f"        {{\n{_entries(channel)}        }},\n" for channel in channels())
    return f"{_HEADER}{{% macro channels() -%}}\n    {{{{ return([\n{listed}    ]) }}}}\n{{%- endmacro %}}\n"


def render_table() -> str:
    """Return the table of the channels for the page on one's own data."""
    rows = ["| channel | one row per | without it |", "|---|---|---|"]
    for channel in channels():
        grain = contracts()[channel["name"]].description.removeprefix("One row per ").partition(";")[0].rstrip(".")
        rows.append(f"| `{channel['name']}` | {grain} | {channel['without_it']} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """Return the text of that page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{render_table()}\n{END}{rest.partition(END)[2]}"


def write() -> None:
    """Write the macro and the table."""
    TARGET.write_text(render(), encoding="utf-8")
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def _channel(contract: Contract) -> dict[str, Any]:
    flow = contract.flow
    moment = contract.column(flow.moment) if flow.moment else None
    return {
        "name": contract.name,
        "moment": flow.moment,
        "is_dated_by_day": moment is not None and moment.physical_type == "DATE",
        "people": [
            {"prefix": person.prefix, "identifiers": person.identifiers, "known_at": person.known_at}
            for person in flow.people
        ],
        "fact": flow.fact,
        "row_key": flow.row_key,
        "sums": list(flow.sums),
        "touches": [
            {
                **touch.model_dump(include={"kind", "direction", "moment", "reference"}),
                "prefix": f"{touch.role}_" if touch.role else "",
                "over": f"'{touch.over.value}'" if isinstance(touch.over, Value) else touch.over,
                "where": touch.where or "true",
            }
            for touch in flow.touches
        ],
        "features": flow.features and flow.features.model_dump(mode="json"),
        "empty_marts": list(flow.empty_marts),
        "without_it": flow.without_it,
    }


def _entries(channel: dict[str, Any]) -> str:
    """Return the entries of one channel, a line each; a list of several objects has a line for each of them."""
    lines = []
    for name, value in channel.items():
        if isinstance(value, list) and len(value) > 1 and isinstance(value[0], dict):
            inner = "".join(f"                {_literal(one)},\n" for one in value)
            lines.append(f'            "{name}": [\n{inner}            ],\n')
        else:
            lines.append(f'            "{name}": {_literal(value)},\n')
    return "".join(lines)


def _literal(value: Any) -> str:
    """Write a value in the language of Jinja."""
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {_literal(one)}' for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return "none" if value is None else json.dumps(value, ensure_ascii=False)
