"""Where the header of a file is, if it is not where its source says: a further line, or another sheet of a workbook."""

from collections.abc import Iterable, Sequence

import yaml

from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.textfile import Refused

#: Lines among which a header is looked for.
LOOKED_AT = 60
_INVISIBLE = " \t\r\n\u00a0\u200b\ufeff"


def wanted_names(source: SourceConfig) -> list[frozenset[str]]:
    """Return for each column that a source requires of its files the names that it may have there."""
    mappings = source.columns.values()
    return [frozenset(mapping.origins) for mapping in mappings if mapping.origins and not mapping.optional]


def fit(names: Iterable[str | None], wanted: list[frozenset[str]]) -> int:
    """Count the required columns that a line names."""
    found = {(name or "").strip(_INVISIBLE) for name in names}
    return sum(not found.isdisjoint(names) for names in wanted)


def best_line(lines: Iterable[tuple[int, Sequence[str | None]]], wanted: list[frozenset[str]]) -> tuple[int, int]:
    """Return how many of the required columns the line names that names most of them, and its number."""
    best = (0, 0)
    for number, names in lines:
        if number > LOOKED_AT:
            break
        found = fit(names, wanted)
        if found > best[0]:
            best = (found, number)
    return best


def is_better(found: int, here: int, wanted: list[frozenset[str]]) -> bool:
    """Tell whether a line is so much more of a header than the present one that it is to be proposed."""
    return found > here and (found == len(wanted) or (found >= 2 and found > 2 * here))


def elsewhere(
    lines: Iterable[tuple[int, Sequence[str | None]]], header: Iterable[str | None], source: SourceConfig
) -> Refused | None:
    """Return the refusal of a text file whose columns are named in a further line; None where they are not."""
    wanted = wanted_names(source)
    found, line = best_line(lines, wanted)
    if not is_better(found, fit(header, wanted), wanted):
        return None
    problem = f"The columns are not in line {source.read.header_row}, but in line {line}."
    return Refused(problem, line_to_write(source, {"header_row": line}))


def line_to_write(source: SourceConfig, options: dict[str, str | int]) -> str:
    """Return the remedy that names the line of pipeline.yml with which a source finds its header."""
    read = source.read.model_dump(mode="json", exclude_defaults=True) | options
    read = {key: value for key, value in read.items() if (key, value) != ("header_row", 1)}
    flow = yaml.safe_dump({"read": read}, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False)
    return f"Write `{flow.strip()[1:-1]}` in the source {source.name}."
