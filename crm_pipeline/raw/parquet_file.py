"""Reads Parquet: DuckDB does it, with the number of the row for its line."""

from pathlib import Path

import duckdb

from crm_pipeline.raw.source_rows import LINE, PROBLEM, RAW, REMEDY, SOURCE_ROWS, FileRows, literal, quoted
from crm_pipeline.raw.textfile import Refused


def read_parquet(con: duckdb.DuckDBPyConnection, path: Path) -> FileRows:
    """Fill `source_rows` with the rows of a Parquet file.

    Raises:
        Refused: if it is no Parquet file, or a damaged one.
    """
    origin = f"read_parquet({literal(str(path))}, hive_partitioning = false"
    try:
        described = con.execute(f"describe select * from {origin})").fetchall()
        columns = [row[0] for row in described]
        casts = "".join(f", {quoted(name)}::varchar as {quoted(name)}" for name in columns)
        con.execute(
            f"""
            create table {SOURCE_ROWS} as
            select file_row_number + 1 as "{LINE}", null::varchar as "{PROBLEM}", null::varchar as "{REMEDY}",
                null::varchar as "{RAW}"{casts}
            from {origin}, file_row_number = true)
            """
        )
    except duckdb.Error as error:
        problem = f"The file cannot be read as Parquet ({type(error).__name__})."
        raise Refused(problem, "Deliver the file again, or set read.format to what it is.") from None
    return FileRows(columns)
