"""Runs the expressions of pipeline.yml apart from the load: within limits of time and memory, without access to files.

Their values come back as a view beside `source_rows`, so that the load itself never runs a text that a user wrote.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from crm_pipeline.config.expressions import columns_read, renamed
from crm_pipeline.config.preset import LINE
from crm_pipeline.raw import expression_worker as worker
from crm_pipeline.raw.source_rows import PROBLEM, SOURCE_ROWS, FileRows
from crm_pipeline.raw.textfile import Refused
from crm_pipeline.storage.sql import literal, quoted

EXPRESSION_VALUES = "expression_values"
#: Time for an expression over a file's rows, and rows for each second beyond that.
SECONDS, ROWS_PER_SECOND = 5.0, 20_000
#: Memory of the process, and what DuckDB takes of it before it spills.
_MEMORY, _DUCKDB_MEMORY = 2_000_000_000, "500MB"
_START_SECONDS = 60.0


def value_column(key: str) -> str:
    """Return the column of `expression_values` that holds what the expression at a key of a source makes."""
    return quoted(f" expression of {key}")


@dataclass(frozen=True)
class _Task:
    """Expressions over the rows of a file: by key of the source, each with the type of its value."""

    expressions: Mapping[str, tuple[str, str]]
    rows: int
    known: tuple[str, ...]
    given: Path
    made: Path
    threads: int

    @property
    def read(self) -> list[str]:
        """The columns that the expressions read, as they are called in the table."""
        names = {name.casefold() for sql, _ in self.expressions.values() for name in columns_read(sql)}
        return [name for name in self.known if name.casefold() in names]

    @property
    def seconds(self) -> float:
        """The time that the expressions may take."""
        return SECONDS + self.rows / ROWS_PER_SECOND

    def request(self) -> dict[str, Any]:
        """Return what the process is asked."""
        return {
            "source": str(self.given),
            "target": str(self.made),
            "line": quoted(LINE),
            "columns": [quoted(name) for name in self.read if name != LINE],
            "expressions": {value_column(key): expression for key, expression in self.expressions.items()},
            "memory_limit": _DUCKDB_MEMORY,
            "threads": self.threads,
        }


class Sandbox:
    """A process for expressions; it starts with the first one and starts again when it had to be ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def evaluate(
        self,
        con: duckdb.DuckDBPyConnection,
        expressions: Mapping[str, tuple[str, str]],
        source: str,
        work: Path,
        may_lack: Sequence[str] = (),
        rows: FileRows | None = None,
    ) -> None:
        """Make the view `expression_values`: for each row of `source_rows` without a problem, what expressions make.

        Args:
            con: holds `source_rows`, and gets the view.
            expressions: by key of the source (`columns.status`, `where`), the expression and the type of its value.
            source: name of the source, for the sentence.
            work: folder for temporary files; the values stay there as long as the view is needed.
            may_lack: columns that are empty where the file has none of the name.
            rows: the columns of the file; an expression means the one that is spelt as it writes it.

        Raises:
            Refused: if an expression does not fit the file, fails, or takes more time or memory than it may.
        """
        given, made = work / "expressions_in.parquet", work / "expressions_out.parquet"
        count, there = _described(con)
        rows = rows or FileRows([])
        expressions = {key: (_spelt(key, sql, rows, source), kind) for key, (sql, kind) in expressions.items()}
        if rows.sparse:
            may_lack = [*may_lack, *(name for sql, _ in expressions.values() for name in columns_read(sql))]
        taken = {name.casefold() for name in there}
        lacking = tuple(name for name in may_lack if name.casefold() not in taken)
        task = _Task(expressions, count, there + lacking, given, made, _threads(con))
        columns = ", ".join(
            f"null::varchar as {quoted(name)}" if name in lacking else quoted(name)
            for name in dict.fromkeys([LINE, *task.read])
        )
        asked = f"select {columns} from {SOURCE_ROWS} where {quoted(PROBLEM)} is null"
        con.execute(f"copy ({asked}) to {literal(str(given))} (format parquet)")
        try:
            if found := self._run(task):
                raise self._refusal(task, found, source)
        finally:
            given.unlink(missing_ok=True)
        con.execute(f"create or replace view {EXPRESSION_VALUES} as from read_parquet({literal(str(made))})")

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe:
                    with suppress(OSError):
                        pipe.close()
            self._process = None

    def _refusal(self, task: _Task, found: dict[str, str], source: str) -> Refused:
        """Find the expression that fails by running each alone."""
        for key, expression in task.expressions.items():
            alone = replace(task, expressions={key: expression})
            if len(task.expressions) == 1 or (found := self._run(alone)):
                remedy = f"Correct {key} of the source {source} in pipeline.yml; try_cast avoids errors on odd values."
                return Refused(_sentence(key, alone, found), remedy, task.rows)
        problem = f"The expressions {', '.join(task.expressions)} together take more time or memory than they may."
        return Refused(problem, f"Simplify the expressions of the source {source} in pipeline.yml.", task.rows)

    def _run(self, task: _Task) -> dict[str, str]:
        """Run expressions in the process; empty where all is well, otherwise the kind of error and its message."""
        task.made.unlink(missing_ok=True)
        try:
            return self._ask(task.request(), task.seconds)
        except TimeoutError:
            self.close()
            return {"error": "TimeoutError"}
        except (EOFError, OSError):
            self.close()
            return {"error": "MemoryError"}

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, str]:
        process = self._started()
        assert process.stdin is not None  # noqa: S101 - it has pipes
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        answer: dict[str, str] = json.loads(_line(process, seconds))
        return answer

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            command = [sys.executable, "-m", worker.__name__, str(_MEMORY)]
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            _line(self._process, _START_SECONDS)
        return self._process


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """Yield a sandbox, and end its process on leaving."""
    box = Sandbox()
    try:
        yield box
    finally:
        box.close()


def _spelt(key: str, sql: str, rows: FileRows, source: str) -> str:
    """Return an expression that names columns as they are called in the table, which knows no upper and lower case.

    Raises:
        Refused: if it writes a name as none of several is spelt that differ in case only.
    """
    names = {name: rows.named[name] for name in columns_read(sql) if rows.named.get(name, name) != name}
    for name in columns_read(sql):
        alike = [known for known in rows.named if known.casefold() == name.casefold()]
        if name not in rows.named and len(alike) > 1:
            problem = f"The expression of {key} names '{name}', and the file has {' and '.join(map(repr, alike))}."
            raise Refused(problem, f"Spell it as one of them in {key} of the source {source} in pipeline.yml.")
    return renamed(sql, names) if names else sql


def _line(process: subprocess.Popen[str], seconds: float) -> str:
    """Return the next line that the process writes.

    Raises:
        TimeoutError: if none comes in time.
        EOFError: if the process has ended.
    """
    assert process.stdout is not None  # noqa: S101 - it has pipes
    data, descriptor, end = b"", process.stdout.fileno(), time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while not data.endswith(b"\n"):
            if not selector.select(max(end - time.monotonic(), 0)):
                raise TimeoutError
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                raise EOFError
            data += piece
    return data.decode()


def _described(con: duckdb.DuckDBPyConnection) -> tuple[int, tuple[str, ...]]:
    """Return how many rows there are, and the columns that an expression may read."""
    rows = con.execute(f"select count(*) from {SOURCE_ROWS}").fetchall()[0][0]
    names = [name for name, *_ in con.execute(f"describe {SOURCE_ROWS}").fetchall()]
    return int(rows), tuple(name for name in names if name == LINE or not name.startswith(" "))


def _threads(con: duckdb.DuckDBPyConnection) -> int:
    return int(con.execute("select current_setting('threads')").fetchall()[0][0])


def _sentence(key: str, task: _Task, found: dict[str, str]) -> str:
    """Say what is wrong with an expression, without values that the database's message may hold."""
    kind, message = found["error"], found.get("message", "")
    start = f"The expression of {key}"
    if kind == "TimeoutError":
        return f"{start} takes longer than the {task.seconds:.0f} seconds that it may for {task.rows:,} rows."
    if kind in ("OutOfMemoryException", "MemoryError"):
        return f"{start} takes more memory than the {_MEMORY / 1e9:.0f} GB that it may."
    if worker.TOO_LONG in message:
        return (
            f"{start} makes a text of more than {worker.MOST_CHARACTERS:,} characters, "
            f"and more than {worker.MOST_TIMES} times as long as what it reads."
        )
    if kind in ("BinderException", "CatalogException"):
        names = {name.casefold() for name in task.known}
        missing = [name for name in columns_read(task.expressions[key][0]) if name.casefold() not in names]
        what = f"it has no column '{missing[0]}'." if missing else message
        return f"{start} does not fit the file: {what}"
    return f"{start} fails on a row ({kind})."
