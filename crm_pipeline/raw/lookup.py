"""Joins the rows of a file with those of lookup files: the part `join` of a source.

A row finds at most one row of a lookup, so that no join makes rows, or amounts, more.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from crm_pipeline.config.combining import Join
from crm_pipeline.config.preset import LINE
from crm_pipeline.config.sources import SourceConfig
from crm_pipeline.raw.folding import fold, plainly, reading_of
from crm_pipeline.raw.header import require_columns
from crm_pipeline.raw.landed import refuse_unreadable, shown_name
from crm_pipeline.raw.landing import matching_files
from crm_pipeline.raw.readers import read_file
from crm_pipeline.raw.source_rows import PROBLEM, SOURCE_ROWS, FileRows, trimmed
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.storage.sql import quoted

_FOUND, _JOINED = "found_rows", "joined_rows"


class _LookupFile(SourceConfig):
    """A lookup file, read as a file of its source that must have what the join names."""

    of: Join

    @property
    def asked(self) -> list[tuple[str, tuple[str, ...]]]:
        """What the file must have."""
        made = self.of.aggregate.made if self.of.aggregate else {}
        columns = {name: made[name][1] if name in made else name for name in self.of.columns.values()}
        return [
            *(("join.on", (name,)) for name in self.of.on.values()),
            *(("join.columns", (origin,)) for origin in columns.values()),
        ]

    @property
    def names_read(self) -> tuple[str, ...]:
        """The columns of the file that are read."""
        return tuple(dict.fromkeys(name for _, names in self.asked for name in names))


@dataclass
class Lookups:
    """The lookup tables of one source at a time; each is read once, however many files are joined with it.

    Args:
        con: a private database for the working tables.
        folder: the dataset's folder.
        within: folders that files may really lie in.
        work: folder for temporary files.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    within: tuple[Path, ...]
    work: Path
    _source: SourceConfig | None = None
    _refused: Refused | None = None
    _problem: str | None = None
    _tables: list[str] = field(default_factory=list)

    def prepare(self, source: SourceConfig, zone: str, currency: str) -> None:
        """Read the lookup files of a source, unless they are those that were read last.

        Raises:
            Refused: if there are none, one cannot be read, or a key stands for several rows.
        """
        if source != self._source:
            for table in self._tables:
                self.con.execute(f"drop table if exists {table}")
            self._source, self._refused, self._problem, self._tables = source, None, None, []
            try:
                for join in source.join:
                    self._tables.append(self._read(source, join, f"lookup_{len(self._tables)}", zone, currency))
            except Refused as refused:
                self._refused = refused
        if self._refused:
            raise self._refused

    def join(self, rows: FileRows, source: SourceConfig) -> SourceConfig:
        """Give the rows of `source_rows` the columns of the lookups.

        Args:
            rows: the columns of the table; takes in those that are joined.
            source: the source, whose lookups are prepared.

        Returns:
            The source, as its mapping reads what the lookups made.

        Raises:
            Refused: if the file has a column of the same name.
        """
        for join, table in zip(source.join, self._tables, strict=True):
            self._join(rows, join, table)
            if join.folded:
                source = plainly(source, join.folded, join.columns)
        rows.problem = rows.problem or self._problem
        return source

    def _join(self, rows: FileRows, join: Join, table: str) -> None:
        taken = next((name for name in join.columns if name in rows.named), None)
        if taken is not None:
            problem = f"The file has a column '{taken}' of its own, and so has the lookup file ({join.files})."
            raise Refused(problem, f"Write `columns: {{other name: {join.columns[taken]}}}` in that join.")
        keys = [trimmed(f"rows.{quoted(rows.column(name) or name)}") for name in join.on]
        same = " and ".join(f"{key} = lookup.key_{number}" for number, key in enumerate(keys))
        filled = " and ".join(f"{key} is not null" for key in keys)
        origin = f"{SOURCE_ROWS} as rows left join {table} as lookup on {same}"
        asked, found = self.con.execute(
            f"select count(*) filter (where {filled}), count(lookup.key_0) from {origin}"
        ).fetchall()[0]
        if asked and not found:
            rows.problem = rows.problem or (
                f"None of its {asked:,} rows with {' and '.join(join.on)} is found in the lookup file ({join.files}). "
                "Correct join.on, if that is not meant."
            )
        made = "".join(
            f", lookup.value_{number} as {quoted(rows.add(name))}" for number, name in enumerate(join.columns)
        )
        self.con.execute(f"create or replace table {_JOINED} as select rows.*{made} from {origin}")
        self.con.execute(f"drop table {SOURCE_ROWS}")
        self.con.execute(f"alter table {_JOINED} rename to {SOURCE_ROWS}")

    def _read(self, source: SourceConfig, join: Join, table: str, zone: str, currency: str) -> str:
        """Make the table of a lookup: each key once, with the columns that are asked for."""
        paths = matching_files(self.folder, join.files)
        if not paths:
            problem = f"No lookup file matches '{join.files}' (join of the source {source.name})."
            raise Refused(problem, "Deliver it, or correct join.files in pipeline.yml.")
        keys = [f"key_{number}" for number, _ in enumerate(join.on)]
        values = [f"value_{number}" for number, _ in enumerate(join.columns)]
        texts = "".join(f", {name} varchar" for name in (*keys, *values))
        self.con.execute(f"create or replace table {_FOUND} (number bigint, line bigint{texts})")
        for number, path in enumerate(paths):
            try:
                self._read_file(source, join, path, number, zone, currency)
            except Refused as refused:
                name = shown_name(self.folder, path)
                raise Refused(f"Its lookup file {name}: {refused.problem}", refused.remedy) from None
        self.con.execute(
            f"""
            create or replace table {table} as
            select {", ".join((*keys, *values))} from {_FOUND}
            qualify row_number() over (partition by {", ".join(keys)} order by number desc, line) = 1
            """
        )
        self.con.execute(f"drop table {_FOUND}")
        return table

    def _read_file(self, source: SourceConfig, join: Join, path: Path, number: int, zone: str, currency: str) -> None:
        refuse_unreadable(path, self.within)
        lookup = _LookupFile.model_construct(
            name=source.name,
            system=source.system,
            channel=source.channel,
            files=join.files,
            read=join.read,
            columns={},
            of=join,
        )
        rows = read_file(self.con, path, lookup, self.work)
        require_columns(rows, lookup, 0)
        if join.folded:
            reading = replace(reading_of(source, zone, currency, join.columns), read=join.read)
            rows, _ = fold(self.con, join.folded, reading, rows)
        self._note_problems(shown_name(self.folder, path))
        origins = [trimmed(quoted(rows.column(name) or name)) for name in (*join.on.values(), *join.columns.values())]
        filled = " and ".join(f"{origin} is not null" for origin in origins[: len(join.on)])
        self.con.execute(
            f"""
            insert into {_FOUND} select {number}, {quoted(LINE)}, {", ".join(origins)}
            from {SOURCE_ROWS} where "{PROBLEM}" is null and {filled}
            """
        )
        self._require_one_row_per_key(join, number)

    def _note_problems(self, name: str) -> None:
        query = f'select count(*), min({quoted(LINE)}), arg_min("{PROBLEM}", {quoted(LINE)}) from {SOURCE_ROWS}'
        count, line, problem = self.con.execute(f'{query} where "{PROBLEM}" is not null').fetchall()[0]
        if count and not self._problem:
            self._problem = (
                f"{count:,} rows of its lookup file {name} cannot be used (line {line}: {problem}). Correct them."
            )

    def _require_one_row_per_key(self, join: Join, number: int) -> None:
        """Stop where a key has several rows that differ in what is asked for; equal ones are one."""
        keys = ", ".join(f"key_{number}" for number, _ in enumerate(join.on))
        values = ", ".join(f"value_{number}" for number, _ in enumerate(join.columns))
        query = f"""
            select min(line), max(line), count(*) over () from {_FOUND} where number = {number}
            group by {keys} having count(distinct row({values})) > 1 order by 1 limit 1
            """
        for first, last, count in self.con.execute(query).fetchall():
            key, column = " and ".join(f"'{name}'" for name in join.on.values()), next(iter(join.columns.values()))
            problem = f"{count:,} keys ({key}) have several rows that differ (one in the lines {first} and {last})."
            remedy = f"Correct them, or say which counts: `aggregate: {{columns: {{{column}: first}}}}` in that join."
            raise Refused(problem, remedy)
