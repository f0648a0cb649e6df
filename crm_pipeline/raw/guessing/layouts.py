"""Which ready-made mapping fits a table: the export of a known system is told by its columns."""

from crm_pipeline.config.contract import contracts
from crm_pipeline.config.preset import presets, source_columns
from crm_pipeline.raw.guessing.columns import Table
from crm_pipeline.raw.guessing.values import ENOUGH


def fitting_presets(table: Table) -> list[str]:
    """Return the presets of one vendor whose export has this layout; none where no preset fits."""
    fitting = {name: len(source_columns(name)) for name in presets() if _has_layout(table, name)}
    if not fitting:
        return []
    vendor = max(fitting, key=lambda name: fitting[name]).split("_")[0]
    return [name for name in fitting if name.split("_")[0] == vendor]


def _has_layout(table: Table, preset: str) -> bool:
    """Tell whether a table has the columns of a preset: all of them, or most where they may be missing."""
    needed = source_columns(preset)
    names = set().union(*needed.values())
    if not table.optional:
        return names <= set(table.columns)
    required = [column.name for column in contracts()[presets()[preset]["channel"]].columns if column.required]
    tops, here = ({column.split(".")[0] for column in columns} for columns in (names, table.columns))
    keys = set().union(*(needed[name] for name in required))
    return keys <= set(table.columns) and len(tops & here) >= ENOUGH * len(tops)
