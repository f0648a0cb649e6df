"""The questions name only columns that the marts have."""

import json

import duckdb
import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.project import manifest
from crm_pipeline.publish.queries import Example, read_questions


@pytest.fixture(scope="module")
def marts():
    """The public marts, without rows."""
    parsed = json.loads(manifest(Settings()).read_text())
    with duckdb.connect() as con:
        con.execute("create schema marts")
        for node in parsed["nodes"].values():
            if node["schema"] == "marts" and node.get("access") == "public":
                columns = ", ".join(f'"{c["name"]}" {c["data_type"]}' for c in node["columns"].values())
                con.execute(f'create table marts."{node["name"]}" ({columns})')
        yield con


@pytest.mark.parametrize("question", read_questions(), ids=lambda question: question.question)
def test_each_column_of_a_question_is_one_of_the_marts(marts, question: Example):
    marts.execute(question.sql)
