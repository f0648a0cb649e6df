"""For each language a file is recognised with every amount, time and id right or marked; what is no channel is not one.

A line of `fixtures/recognised.yaml` adds a file.
"""

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import yaml

from crm_pipeline.raw.check_sources import check_sources
from crm_pipeline.raw.drafting.text import EDIT
from crm_pipeline.raw.init import write_draft

RUN_TIME = datetime(2024, 12, 1, tzinfo=UTC)

TABLE = yaml.safe_load((Path(__file__).parent / "fixtures" / "recognised.yaml").read_text(encoding="utf-8"))
FILES, OTHERS = TABLE["files"], TABLE["others"]


def lines(text: str) -> str:
    return text.replace(" / ", "\n") + "\n"


def held(shop, channel: str, columns: str, name: str) -> str:
    texts = ", ".join(
        f"coalesce(regexp_replace({column}::varchar, '^(-?\\d+\\.\\d\\d)00$', '\\1'), '')"
        for column in columns.split(", ")
    )
    files = shop.version() / channel / "*.parquet"
    query = f"select concat_ws('|', {texts}) from read_parquet('{files}') where _file = ? order by _line"
    return duckdb.execute(query, [f"landing/{name}"]).fetchall()[0][0]


@pytest.mark.parametrize("language", dict.fromkeys(row[0] for row in FILES))
def test_files_in_each_language_are_read_as_a_person_reads_them(shop, language):
    files = [row[1:] for row in FILES if row[0] == language]
    for name, text, *_ in files:
        shop.deliver(name, lines(text))
    write_draft(shop.settings.dataset_folder, force=True)
    assert check_sources(shop.dataset, RUN_TIME).is_fine
    assert {source.files: source.channel for source in shop.dataset.sources} == {
        f"landing/{name}": channel for name, _, channel, *_ in files
    }
    shop.load(RUN_TIME)
    assert shop.quarantine() == []
    found = {name: held(shop, channel, columns, name) for name, _, channel, columns, _ in files}
    assert found == {name: first for name, _, _, _, first in files}


def test_what_is_no_channel_or_could_mean_two_things_is_marked(shop):
    for name, text, _ in OTHERS:
        shop.deliver(name, lines(text))
    draft = write_draft(shop.settings.dataset_folder, force=True)
    marked = {name: block_of(draft.text, name) for name, *_ in OTHERS}
    assert {name: mark for name, _, mark in OTHERS if mark not in marked[name]} == {}


def block_of(text: str, name: str) -> str:
    """Return the marked lines of the source that takes a file."""
    blocks = re.split(r"\n\n", text)
    found = next(block for block in blocks if f"landing/{name}" in block)
    return "\n".join(line for line in found.splitlines() if EDIT in line)


def test_a_draft_is_written_where_nothing_is_recognised_and_says_what_to_edit(shop):
    shop.deliver("things.csv", "colour,shape,size\nred,round,5\n")
    draft = write_draft(shop.settings.dataset_folder, force=True)
    assert "# its columns: colour, shape, size" in draft.text
    assert any("landing/things.csv: no channel knows its columns" in note for note in draft.notes)
