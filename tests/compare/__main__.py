"""`python -m tests.compare OLD NEW`: does a release say the same as an earlier one, but for what is listed?

Compares two serving files table by table: tables, columns, types and rows, after renaming old names as
`docs/renames.csv` lists them. Ends with exit code 1 where anything differs that is not listed, or where what is
listed is not there.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tests.compare.renames import RENAMES, Change, Shape, read_changes
from tests.compare.rows import NEW, OLD, Rows, compared_rows
from tests.compare.shape import Shapes, compared

EXAMPLE = "Example:  python -m tests.compare old/serving/crm.duckdb data/local/sample/serving/crm.duckdb"


def shape_of(con: duckdb.DuckDBPyConnection, database: str) -> Shape:
    shape: dict[str, dict[str, str]] = {}
    for table, column, kind in con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and not internal order by schema_name, table_name, column_index",
        [database],
    ).fetchall():
        shape.setdefault(table, {})[column] = kind
    return shape


@contextmanager
def opened(old: Path, new: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"memory_limit": "2GB", "threads": 2}) as con:
        for path, name in ((old, OLD), (new, NEW)):
            con.execute(f"attach '{path}' as {name} (read_only)")
        yield con


def compare(
    con: duckdb.DuckDBPyConnection, changes: Iterable[Change], shown: int = 0
) -> tuple[Shapes, dict[str, Rows]]:
    """Return what differs in shape, and the rows of each table (by its old name) that both releases have."""
    shapes = compared(shape_of(con, OLD), shape_of(con, NEW), changes)
    return shapes, {pair.old: compared_rows(con, pair, shown) for pair in shapes.pairs}


def is_equal(shapes: Shapes, rows: dict[str, Rows]) -> bool:
    return not shapes.unexplained and not any(table.differ for table in rows.values())


def rendered(shapes: Shapes, rows: dict[str, Rows]) -> str:
    """Return the comparison as text: one line a table, below it what differs (`!`) and what the list explains (`=`)."""
    notes: dict[str, list[str]] = defaultdict(list)
    for table, found in rows.items():
        if found.differ:
            in_columns = ", ".join(found.columns) or "none alone"
            notes[table].append(f"! rows only in old {found.only_old:,}, only in new {found.only_new:,}: {in_columns}")
            notes[table] += [f"  {example}" for example in found.examples]
    for mark, sentences in (("!", shapes.unexplained), ("=", shapes.explained)):
        for table, sentence in sentences:
            notes[table].append(f"{mark} {sentence}")
    lines = []
    for table in sorted({*rows, *notes}):
        size = f"{rows[table].count:,} rows" if table in rows else ""
        lines += [f"{table}  {size}".rstrip(), *(f"  {note}" for note in notes[table])]
    differing = sum(table.differ for table in rows.values())
    verdict = "equal but for what is listed" if is_equal(shapes, rows) else "DIFFERENT"
    lines.append(
        f"{verdict}: {len(rows)} tables compared, {differing} with other rows; "
        f"{len(shapes.explained)} differences listed, {len(shapes.unexplained)} not"
    )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.compare",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("old", type=Path, help="serving file of the earlier release")
    parser.add_argument("new", type=Path, help="serving file of the later release")
    parser.add_argument("--renames", type=Path, default=RENAMES, help="list of old and new names (docs/renames.csv)")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="show N differing rows of each side")
    given = parser.parse_args(arguments)
    for path in (given.old, given.new):
        if not path.is_file():
            parser.error(f"there is no file {path}")
    with opened(given.old, given.new) as con:
        shapes, rows = compare(con, read_changes(given.renames), given.show)
    print(rendered(shapes, rows))
    return 0 if is_equal(shapes, rows) else 1


if __name__ == "__main__":
    sys.exit(main())
