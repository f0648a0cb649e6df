"""The questions name only columns that the marts have."""

import json

import duckdb
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import manifest
from crm_pipeline.publish.contents import published_name
from crm_pipeline.publish.queries import Example, read_questions


@pytest.fixture(scope="module")
def marts():
    """The public marts under their published names, without rows."""
    parsed = json.loads(manifest(Settings()).read_text())
    with duckdb.connect() as con:
        con.execute("create schema marts")
        for node in parsed["nodes"].values():
            if node["schema"] == "marts" and node.get("access") == "public":
                columns = {published_name(column["name"]): column["data_type"] for column in node["columns"].values()}
                listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
                con.execute(f'create table marts."{node["name"]}" ({listed})')
        yield con


@pytest.mark.parametrize("question", read_questions(), ids=lambda question: question.question)
def test_each_column_of_a_question_is_one_of_the_marts(marts, question: Example):
    marts.execute(question.sql)
