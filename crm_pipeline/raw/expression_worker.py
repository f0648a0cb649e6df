"""The process that runs the expressions of pipeline.yml: it reads one file, writes one file, and can be ended.

DuckDB has no access to anything else here, and a configuration that cannot be changed. What an expression takes beyond
the limits ends this process, never the load. It imports next to nothing, for it starts with each load that needs it.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

import duckdb

#: Longest text that an expression may make of a row: so long, or so many times the texts that it reads.
MOST_CHARACTERS, MOST_TIMES = 100_000, 10
TOO_LONG = "longer than its row allows"


def main() -> None:
    """Answer each request on standard input with one line on standard output."""
    memory = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), flush=True)


def _answer(request: dict[str, Any]) -> dict[str, str]:
    try:
        _evaluate(request)
    except (duckdb.Error, MemoryError) as error:
        return {"error": type(error).__name__, "message": str(error).splitlines()[0] if str(error) else ""}
    return {}


def _evaluate(request: dict[str, Any]) -> None:
    source, target = request["source"], request["target"]
    config: dict[str, Any] = {
        "memory_limit": request["memory_limit"],
        "threads": request["threads"],
        "temp_directory": str(Path(target).parent / "spill"),
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as con:
        con.execute("set timezone = 'UTC'")
        con.execute("set allowed_paths = ?", [[source, target]])
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        con.execute(_statement(request))


def _statement(request: dict[str, Any]) -> str:
    """Return the statement that writes the line and the value of each expression."""
    line, read = request["line"], request["columns"]
    lengths = " + ".join(f"coalesce(strlen({name}), 0)" for name in read) or "0"
    made = "".join(f", ({sql}\n)::{kind} as {name}" for name, (sql, kind) in request["expressions"].items())
    names = "".join(
        f", case when strlen({name}) > greatest({MOST_CHARACTERS}, {MOST_TIMES} * ({lengths}))"
        f" then error('{TOO_LONG}') else {name} end as {name}"
        if kind == "varchar"
        else f", {name}"
        for name, (_, kind) in request["expressions"].items()
    )
    rows = f"(select *{made} from read_parquet('{request['source']}', hive_partitioning = false))"
    return f"copy (select {line}{names} from {rows}) to '{request['target']}' (format parquet)"


if __name__ == "__main__":
    main()
