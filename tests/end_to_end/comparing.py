"""What a run published, in a form that can be compared with what another one did."""

import duckdb

from .conftest import Deployment


def published_tables(deployment: Deployment) -> dict[str, list]:
    with duckdb.connect(str(deployment.settings.serving_file), read_only=True) as con:
        names = con.execute(
            "select table_schema, table_name from information_schema.tables where table_schema in ('marts', 'customer')"
        ).fetchall()
        return {
            f"{schema}.{name}": sorted(map(repr, con.execute(f'select * from {schema}."{name}"').fetchall()))
            for schema, name in names
        }


def people(deployment: Deployment) -> list:
    path = deployment.settings.lake / "identity" / "current" / "person_map.parquet"
    return duckdb.execute(f"select record_id, customer_id from '{path}' order by all").fetchall()


def differing(one: dict[str, list], other: dict[str, list]) -> list[str]:
    """The tables that differ, but for the one that tells of files and loads."""
    assert one.keys() == other.keys()
    return [name for name in one if one[name] != other[name] and name != "marts.data_quality"]
