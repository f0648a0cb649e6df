"""Rows of a database table, read in chunks by dlt over SQLAlchemy."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, exc
from sqlalchemy.engine import make_url

from crm_pipeline.config.extraction import SqlTable
from crm_pipeline.raw.extraction.secrets import ExtractionError, Secrets

if TYPE_CHECKING:
    from dlt.extract import DltResource

_URL_REMEDY = "Give {variable} a SQLAlchemy URL such as postgresql+psycopg://user:password@host:5432/database."


def table_rows(table: SqlTable, secrets: Secrets) -> "DltResource":
    """Return the rows that were changed since the cursor, or all rows where there is none, as dictionaries.

    Raises:
        ExtractionError: if the URL cannot be used, or the database or the table cannot be reached.
    """
    from dlt.sources import incremental
    from dlt.sources.sql_database import sql_table

    url = secrets.get(table.url_env)
    try:
        engine = create_engine(make_url(url), hide_parameters=True)
    except (exc.ArgumentError, ValueError) as error:
        remedy = _URL_REMEDY.format(variable=table.url_env)
        raise ExtractionError(f"the URL cannot be used: {secrets.clean(str(error))}. {remedy}") from None
    except ModuleNotFoundError as error:
        remedy = "Install it; for PostgreSQL: pip install 'crm_pipeline[postgres]'."
        raise ExtractionError(f"the driver of the URL, {error.name}, is not installed. {remedy}") from None
    cursor: Any = incremental(table.cursor, primary_key=_all_columns) if table.cursor else None
    return sql_table(
        credentials=engine,
        table=table.table,
        schema=table.schema_,
        incremental=cursor,
        chunk_size=table.chunk_rows,
        reflection_level="minimal",
        query_adapter_callback=_changed_rows,
    )


def explain_sql(error: BaseException, table: SqlTable, secrets: Secrets) -> str | None:
    """Return problem and remedy of an error of the database; None for errors of another kind."""
    if isinstance(error, exc.NoSuchTableError):
        return f"there is no table or view {_name(table)}. Correct extract.sql_table in pipeline.yml."
    if isinstance(error, KeyError) and table.cursor and f"`{table.cursor}`" in str(error):
        return f"the table {_name(table)} has no column '{table.cursor}'. Correct extract.sql_table.cursor."
    if isinstance(error, (exc.OperationalError, exc.InterfaceError)):
        remedy = f"See that the server runs and that {table.url_env} is right, and run again."
        return f"the database cannot be asked: {secrets.clean(str(error.orig))}. {remedy}"
    if isinstance(error, exc.ProgrammingError):
        return f"the database refused: {secrets.clean(str(error.orig))}. Grant the user select on {_name(table)}."
    if isinstance(error, exc.SQLAlchemyError):
        return (
            f"the table {_name(table)} cannot be read ({type(error).__name__}). Correct what it holds, or use a view."
        )
    return None


def sql_host(table: SqlTable, secrets: Secrets) -> str:
    """Return where the database is, without user and password."""
    url = make_url(secrets.get(table.url_env))
    return f"{url.host or 'local'}{f':{url.port}' if url.port else ''}/{url.database or ''}"


def _all_columns(row: dict[str, Any]) -> list[str]:
    """Rows at the cursor's last value are told apart by all they hold: a key alone would hide a second change."""
    return list(row)


def _changed_rows(query: Any, table: Any, cursor: Any = None, _engine: Any = None) -> Any:
    """Ask for rows without a cursor value too: they are an error, and would stay unseen otherwise."""
    if cursor is None or cursor.last_value is None:
        return query
    column = table.c[cursor.cursor_path]
    return table.select().where((column >= cursor.last_value) | column.is_(None))


def _name(table: SqlTable) -> str:
    return f"{table.schema_}.{table.table}" if table.schema_ else table.table
