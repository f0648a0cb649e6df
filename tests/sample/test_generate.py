"""A company on disk: the same bytes for the same seed, whatever the number of parts made at once."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crm_pipeline.sample import generate as generation
from crm_pipeline.sample.company import make_company
from crm_pipeline.sample.generate import generate, parts_of
from crm_pipeline.sample.people import Part, make_people

PEOPLE, SEED = 240, 5


def hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory):
    """The same company in two parts, by one process and by two."""
    folder = tmp_path_factory.mktemp("parts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "PEOPLE_PER_PART", PEOPLE // 2)
        for processes in (1, 2):
            generate(PEOPLE, SEED, folder / str(processes), processes, say=lambda _: None)
    return folder


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_processes(in_parts):
    assert hashes(in_parts / "1") == hashes(in_parts / "2")


def test_the_same_seed_gives_the_same_company_in_memory_and_on_disk(landing, company, tmp_path):
    people = len(company.world.people)
    generate(people, landing.seed, tmp_path, say=lambda _: None)
    assert hashes(tmp_path) == hashes(landing.folder)


def test_another_seed_gives_other_people():
    one, other = (make_people(150, np.random.default_rng(seed), Part())["email"] for seed in (1, 2))
    assert (one != other).mean() > 0.9


@pytest.fixture(scope="module")
def worlds():
    return [make_company(count, SEED, part).world for part, count in split_in_two()]


def test_parts_share_no_record_no_person_and_no_identifier(in_parts, worlds):
    records = pd.read_csv(in_parts / "1" / "truth" / "records.csv", dtype=str)
    # A family shares an address: a row that names nobody else is either's.
    by_id = records[records["kind"] != "email"]
    assert not by_id.duplicated(["system", "kind", "source_id"]).any()
    assert records.groupby(["system", "kind"]).size().min() > 5
    people = pd.read_csv(in_parts / "1" / "truth" / "people.csv")
    assert people["person"].tolist() == list(range(PEOPLE))
    for column in ("email", "second_email", "phone"):
        assert set(worlds[0].people[column]).isdisjoint(worlds[1].people[column]), column
    for name, column in (("members", "card_no"), ("accounts", "source_id"), ("service", "case")):
        assert set(getattr(worlds[0], name)[column]).isdisjoint(getattr(worlds[1], name)[column]), column
    assert set(worlds[0].purchases.orders["order_id"]).isdisjoint(worlds[1].purchases.orders["order_id"])


def split_in_two():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "PEOPLE_PER_PART", PEOPLE // 2)
        return parts_of(PEOPLE)


def test_files_of_the_company_as_a_whole_come_once(in_parts):
    names = [path.name for path in (in_parts / "1" / "landing").rglob("*.*")]
    for whole in ("articles", "catalogue", "campaigns", "rates_2024"):
        assert len([name for name in names if name.startswith(whole)]) == 1, whole
    for of_people in ("members_2024", "lines_2024", "events_2024"):
        assert len([name for name in names if name.startswith(of_people)]) == 2, of_people


def test_effects_of_parts_add_up(in_parts, worlds):
    told = pd.read_csv(in_parts / "1" / "truth" / "effects.csv")
    contacts = pd.concat([world.contacts for world in worlds])
    treated = contacts[contacts["variant"] == "treatment"].groupby("campaign")["extra_orders"].agg(["size", "mean"])
    assert told["treated"].tolist() == treated["size"].tolist()
    assert told["extra_orders"].tolist() == pytest.approx(treated["mean"].tolist(), abs=1e-6)


def test_a_million_people_are_twenty_parts_without_gaps():
    parts = parts_of(1_000_000)
    assert [part.number for part, _ in parts] == list(range(20))
    assert [part.first for part, _ in parts] == list(range(0, 1_000_000, 50_000))
    assert sum(count for _, count in parts_of(123_457)) == 123_457


def test_files_of_an_earlier_company_are_not_mixed_with_new_ones(tmp_path):
    (tmp_path / "landing" / "till").mkdir(parents=True)
    (tmp_path / "landing" / "till" / "old.csv.gz").write_bytes(b"")
    with pytest.raises(FileExistsError, match="Remove them"):
        generate(150, SEED, tmp_path)
    assert not (tmp_path / "truth").exists()


def test_too_few_people_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="at least 100 people"):
        generate(99, SEED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_committed_sample_is_what_the_generator_makes_and_small(tmp_path, landing):
    committed = Path(__file__).resolve().parents[2] / "data" / "sample"
    generate(2000, 7, tmp_path, processes=1)
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    for path in made:
        other = committed / path.relative_to(tmp_path)
        if path.suffix == ".parquet":
            assert pq.read_table(other).equals(pq.read_table(path)), path.name
        elif path.suffix == ".xlsx":
            assert sheets(other) == sheets(path), path.name
        else:
            # Another zlib may pack the same rows into other bytes.
            assert landing.text(other) == landing.text(path), path.name
    kept = {path.relative_to(committed) for path in committed.rglob("*") if path.is_file()}
    assert kept - {path.relative_to(tmp_path) for path in made} == {Path("README.md")}
    assert sum(path.stat().st_size for path in committed.rglob("*") if path.is_file()) < 7 * 2**20


def sheets(path):
    with zipfile.ZipFile(path) as book:
        return {name: book.read(name) for name in book.namelist()}
