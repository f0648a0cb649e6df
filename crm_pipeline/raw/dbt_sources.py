"""Renders the dbt source `raw` from the contracts, so that dbt's documentation cannot drift from what is loaded.

Run `make contracts` after a contract has changed.
"""

from typing import Any

import yaml

from crm_pipeline.config.contract import PROVENANCE, Contract, contracts
from crm_pipeline.config.settings import PROJECT
from crm_pipeline.raw import dbt_channels
from crm_pipeline.raw.ledger import LEDGER_COLUMNS, QUARANTINE_COLUMNS
from crm_pipeline.stages import Stage

TARGET = PROJECT / "dbt_project" / "models" / "staging" / "_raw_sources.yml"
_HEADER = "# Generated from the contracts by `make contracts`; not edited by hand.\n"


def render() -> str:
    """Return the text of the source file."""
    tables = [_channel(contract) for contract in contracts().values()]
    tables.append(_table("ledger", "One row per delivered file, with what became of its rows.", LEDGER_COLUMNS))
    tables.append(
        _table("quarantine", "One row per value that could not be loaded, with its reason.", QUARANTINE_COLUMNS)
    )
    tables[-1]["columns"][-1]["config"] = {"meta": {"classification": "pii"}}
    source = {
        "name": str(Stage.RAW),
        "description": "Typed rows of all delivered files, the files' ledger, and what was quarantined.",
        "tables": tables,
    }
    document = {"version": 2, "sources": [source]}
    return _HEADER + yaml.safe_dump(document, sort_keys=False, width=1000, allow_unicode=True)


def _channel(contract: Contract) -> dict[str, Any]:
    columns: list[dict[str, Any]] = []
    for column in contract.columns:
        entry: dict[str, Any] = {"name": column.name, "description": column.description}
        entry["data_type"] = column.physical_type.lower()
        if column.pii:
            entry["config"] = {"meta": {"classification": "pii"}}
        columns.append(entry)
    columns += _columns(PROVENANCE)
    return _source_table(contract.name, contract.description, f"{contract.name}/*.parquet", columns)


def _table(name: str, description: str, columns: dict[str, tuple[str, str]]) -> dict[str, Any]:
    files = f"{name}.parquet" if name == "ledger" else f"{name}/*.parquet"
    return _source_table(name, description, files, _columns(columns))


def _columns(columns: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"name": name, "description": text, "data_type": kind.lower()} for name, (kind, text) in columns.items()]


def _source_table(name: str, description: str, files: str, columns: list[dict[str, Any]]) -> dict[str, Any]:
    # From which a macro makes a view: see dbt_project/macros/lake.sql.
    return {
        "name": name,
        "description": description,
        "config": {"meta": {"files": f"{Stage.RAW}/current/{files}"}},
        "columns": columns,
    }


def main() -> None:
    """Write all that is made from the contracts: the sources and the macro of dbt, and the table in `docs/`."""
    TARGET.write_text(render(), encoding="utf-8")
    dbt_channels.write()


if __name__ == "__main__":
    main()
