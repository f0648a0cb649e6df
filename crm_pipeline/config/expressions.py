"""What a SQL expression of pipeline.yml may say: it makes one value from the values of its own row, and no more.

The check reads the syntax tree, so it needs neither a file nor a run. It goes by what is allowed: kinds of syntax, and
functions that DuckDB itself lists as scalar and always the same for the same arguments. What a later version of DuckDB
adds is refused until it is known to be as harmless.
"""

import atexit
import difflib
import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

from crm_pipeline.config.preset import preset_expressions

_ALLOWED_SYNTAX = frozenset(
    {
        *("CASE", "COLUMN_REF", "CONSTANT", "FUNCTION", "LAMBDA", "OPERATOR"),
        *("BETWEEN", "CAST", "COLLATE", "COMPARISON", "CONJUNCTION", "TYPE"),
    }
)
_OTHER_SYNTAX = {
    "SUBQUERY": "holds a query of its own",
    "WINDOW": "looks at other rows (over)",
    "STAR": "asks for several columns (*)",
    "POSITIONAL_REFERENCE": "names a column by its number (#)",
    "PARAMETER": "holds a placeholder ($ or ?)",
    "DEFAULT": "asks for a default",
}
#: Written without brackets they are functions, unless the row has a column of that name.
_CLOCK_WORDS = frozenset(["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"])
_CLOCK_FUNCTIONS = _CLOCK_WORDS.union(
    ["now", "today", "ago", "transaction_timestamp", "get_current_time", "get_current_timestamp"],
    ["current_localtime", "current_localtimestamp"],
)
_CHANCE_FUNCTIONS = frozenset(["random", "setseed", "uuid", "uuidv4", "uuidv7", "gen_random_uuid"])
#: Always the same for the same arguments, says the catalogue, and yet none of a row's business.
_NOT_OF_THE_ROW = frozenset(["current_localtime", "current_localtimestamp", "json_serialize_plan"])
_CONSISTENT = """
    select lower(function_name) from duckdb_functions()
    where function_type = 'scalar' and not starts_with(function_name, '__')
    group by all having bool_and(stability = 'CONSISTENT')
    """
_MACROS = """
    select lower(function_name), list(macro_definition) from duckdb_functions()
    where function_type = 'macro' group by all
    """
_SEVERAL = "more than one SQL statement; give one expression"
_ROW_ONLY = "An expression is made from the values of its own row only"


class ExpressionError(ValueError):
    """An expression cannot be used; the message says why, without the place, which the caller knows."""


def check_expression(sql: str) -> None:
    """Check that a text is one SQL expression over the values of one row.

    The mappings that come with the project may look at other rows of the file too.

    Raises:
        ExpressionError: says what the expression must not do.
    """
    tree = _tree(sql)
    if " ".join(sql.split()) in preset_expressions():
        return
    for node in _nodes(tree):
        _check_node(node, sql)


def columns_read(sql: str) -> tuple[str, ...]:
    """Return the names of the columns that a checked expression reads, each once, as they are written."""
    nodes = list(_nodes(_tree(sql)))
    parameters = {name for node in nodes if node["class"] == "LAMBDA" for name in _names(node["lhs"])}
    # In "name.upper()" the parser takes the column for the place of the function.
    paths = (node["column_names"] if node["class"] == "COLUMN_REF" else _place(node) for node in nodes)
    named = (path[0] for path in paths if path)
    return tuple(dict.fromkeys(name for name in named if name not in parameters))


def renamed(sql: str, names: Mapping[str, str]) -> str:
    """Return a checked expression that reads other columns: by name as it is written, the one in its place."""
    (text,) = _catalogue().execute("select json_serialize_sql(?)", [f"select ({sql}\n)"]).fetchall()[0]
    query = json.loads(text)
    for node in _nodes(query["statements"][0]["node"]["select_list"]):
        if node["class"] == "COLUMN_REF":
            node["column_names"][0] = names.get(node["column_names"][0], node["column_names"][0])
        elif place := _place(node):
            node["qualified_name"]["path"][0] = names.get(place[0], place[0])
    (made,) = _catalogue().execute("select json_deserialize_sql(?::json)", [json.dumps(query)]).fetchall()[0]
    return str(made).removeprefix("SELECT ")


@functools.lru_cache(maxsize=1_000)
def _tree(sql: str) -> Any:
    if "\0" in sql:
        raise ExpressionError("not a SQL expression: it holds a NUL character")
    # In brackets it must be one value, and without them one item: "1), (2" and "1, 2" each pass one of the two only.
    tree = _select(f"select ({sql}\n)")
    _select(f"select {sql}\n")
    return tree


def _select(query: str) -> Any:
    """Return the syntax tree of the one expression of a query without tables."""
    try:
        (text,) = _catalogue().execute("select json_serialize_sql(?)", [query]).fetchall()[0]
    except (duckdb.Error, UnicodeError):
        raise ExpressionError("not a SQL expression: it holds characters that are no text") from None
    parsed = json.loads(text)
    if parsed["error"] and "expression depth" in parsed["error_message"]:
        raise ExpressionError("it is nested too deeply. Write it with fewer brackets and operators")
    if parsed["error"] and parsed["error_message"].startswith("Only SELECT"):
        raise ExpressionError(_SEVERAL)
    if parsed["error"]:
        raise ExpressionError(f"not a SQL expression: {parsed['error_message'].splitlines()[0]}")
    statements = parsed["statements"]
    if len(statements) != 1:
        raise ExpressionError(_SEVERAL)
    node = statements[0]["node"]
    clauses = ("modifiers", "where_clause", "group_expressions", "having", "sample", "qualify")
    with_tables = node["type"] != "SELECT_NODE" or node["from_table"]["type"] != "EMPTY" or node["cte_map"]["map"]
    if with_tables or any(node[clause] for clause in clauses):
        raise ExpressionError(f"a whole query is no expression. {_ROW_ONLY}")
    if len(node["select_list"]) != 1:
        raise ExpressionError("more than one value; give one expression")
    return node["select_list"][0]


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Walk all expressions of a tree, the outer ones first; deep trees need no deep stack."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if "class" in item:
                yield item
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list):
            waiting.extend(reversed(item))


def _place(node: dict[str, Any]) -> list[str]:
    return list(node["qualified_name"]["path"][:-1]) if node["class"] == "FUNCTION" else []


def _names(tree: Any) -> set[str]:
    return {node["column_names"][0] for node in _nodes(tree) if node["class"] == "COLUMN_REF"}


def _check_node(node: dict[str, Any], sql: str) -> None:
    kind = node["class"]
    if kind not in _ALLOWED_SYNTAX:
        raise ExpressionError(f"it {_OTHER_SYNTAX.get(kind, f'holds what is no value of a row ({kind})')}. {_ROW_ONLY}")
    if node["type"] == "GROUPING_FUNCTION":
        raise ExpressionError(f"grouping() goes over several rows. {_ROW_ONLY}")
    if kind == "FUNCTION":
        _check_function(node)
    elif kind == "COLUMN_REF":
        _check_column(node, sql)


def _check_column(node: dict[str, Any], sql: str) -> None:
    name = node["column_names"][0]
    # Places count bytes of "select (" and the expression.
    start = node["query_location"] - len("select (")
    if name.lower() in _CLOCK_WORDS and sql.encode()[start : start + 1] != b'"':
        raise ExpressionError(
            f"{name} is the time of the run, and a result must not depend on it. "
            f'If it is a column of the file, write "{name}" in double quotes'
        )


def _check_function(node: dict[str, Any]) -> None:
    name = node["function_name"].lower()
    if name in _CLOCK_FUNCTIONS or (name == "age" and len(node["arguments"]) == 1):
        raise ExpressionError(f"{name}() asks for the time of the run, and a result must not depend on it. Remove it")
    if name in _CHANCE_FUNCTIONS:
        raise ExpressionError(f"{name}() is random, and a result must not depend on chance. Remove it")
    if name in _allowed_functions():
        if node["filter"] or node["distinct"] or node["order_bys"]["orders"]:
            raise ExpressionError(f"{name}() takes no filter, distinct or order by: it sees one row. Remove that")
        return
    kinds = _catalogued().get(name)
    if kinds is None:
        close = difflib.get_close_matches(name, _allowed_functions(), n=1, cutoff=0.8)
        hint = f"Did you mean {close[0]}()?" if close else "Use a function of DuckDB over the values of the row"
        raise ExpressionError(f"there is no function {name}(). {hint}")
    if kinds & {"aggregate", "window"}:
        raise ExpressionError(f"{name}() goes over several rows. {_ROW_ONLY}")
    raise ExpressionError(f"{name}() reaches beyond the row. {_ROW_ONLY}")


@functools.cache
def _catalogue() -> duckdb.DuckDBPyConnection:
    """Return an empty database that reads nothing: it parses, and lists the functions that there are."""
    catalogue = duckdb.connect(config={"enable_external_access": False, "lock_configuration": True, "threads": 1})
    atexit.register(catalogue.close)
    atexit.register(_catalogue.cache_clear)
    return catalogue


@functools.cache
def _catalogued() -> dict[str, set[str]]:
    rows = _catalogue().execute("select distinct lower(function_name), function_type from duckdb_functions()")
    kinds: dict[str, set[str]] = {}
    for name, kind in rows.fetchall():
        kinds.setdefault(name, set()).add(kind)
    return kinds


@functools.cache
def _allowed_functions() -> frozenset[str]:
    """Return the scalar functions that depend on their arguments alone, and the macros made of them."""
    allowed = {name for (name,) in _catalogue().execute(_CONSISTENT).fetchall()} - _NOT_OF_THE_ROW
    waiting = {name: _called(definitions) for name, definitions in _catalogue().execute(_MACROS).fetchall()}
    while ready := {name for name, called in waiting.items() if called is not None and called <= allowed}:
        allowed |= ready
        waiting = {name: called for name, called in waiting.items() if name not in ready}
    return frozenset(allowed)


def _called(definitions: list[str]) -> set[str] | None:
    """Return the functions that a macro calls; None where it does more than calling functions on its arguments."""
    nodes = [node for definition in definitions for node in _nodes(_select(f"select {definition}"))]
    columns = {node["column_names"][0].lower() for node in nodes if node["class"] == "COLUMN_REF"}
    if any(node["class"] not in _ALLOWED_SYNTAX for node in nodes) or columns & _CLOCK_WORDS:
        return None
    return {node["function_name"].lower() for node in nodes if node["class"] == "FUNCTION"}
