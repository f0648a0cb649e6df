"""What the stage keeps in the lake, and that the same result again writes nothing."""

from dataclasses import replace

import pytest

from crm_pipeline.config.settings import Settings
from crm_pipeline.identity import store
from crm_pipeline.storage import lake
from tests.identity.conftest import AS_OF, invented, resolved

ROWS, CUSTOMERS = invented(12, seed=8)


@pytest.fixture
def settings(tmp_path):
    return Settings(dataset="shop", state_root=tmp_path)


@pytest.fixture(scope="module")
def first(model):
    return resolved(ROWS, customers=CUSTOMERS, model=model)


def _files(settings):
    folder = store.folder(settings)
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_what_is_saved_is_read_again(settings, first):
    assert store.save(settings, first)
    for name, table in first.tables().items():
        assert store.read(settings, name).equals(table), name
    previous = store.read_previous(settings)
    assert (previous.model, previous.memory) == (first.model, first.memory)
    assert previous.tables == first.tables()
    assert previous.memory.tables == first.memory.tables
    assert store.figures(settings) == first.figures


def test_the_same_resolution_again_writes_nothing(settings, first):
    store.save(settings, first)
    before, version = _files(settings), lake.current_version(store.folder(settings))
    assert not store.save(settings, first)
    again = resolved(reversed(ROWS), None, store.read_previous(settings), customers=CUSTOMERS)
    assert not store.save(settings, again)
    assert _files(settings) == before
    assert lake.current_version(store.folder(settings)) == version


def test_a_new_record_writes_a_new_version_and_keeps_the_model(settings, first):
    store.save(settings, first)
    model_file = store.folder(settings) / "model.json"
    written = model_file.stat()
    version = lake.current_version(store.folder(settings))
    more = [*ROWS, ("web|customer|new", "email", "new@mail.example", 5, None)]
    assert store.save(settings, resolved(more, None, store.read_previous(settings), customers=CUSTOMERS))
    assert lake.current_version(store.folder(settings)) != version
    assert (model_file.stat().st_ino, model_file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


@pytest.mark.parametrize("part", ["person_map", "edges", "conflicts", "review", "merge_ledger", "memory"])
def test_a_change_in_any_part_writes_a_new_version(settings, first, part):
    store.save(settings, first)
    if part == "memory":
        changed = replace(first.memory, version="another")
    else:
        table = getattr(first, part)
        changed = table[1:] if len(table) else _other_tables()[part]
    assert store.save(settings, replace(first, **{part: changed}))


def _other_tables():
    """A resolution with a row in each table that is otherwise empty."""
    rows = [(f"s|guest|{n}", "phone", "0000000", 1) for n in range(2)]
    rows += [("s|guest|0", "email", "a@mail.example", 1), ("t|guest|1", "phone", "020 7946 0018", 2)]
    before = resolved(rows)
    bridge = [("u|guest|2", "email", "a@mail.example", 3), ("u|guest|2", "phone", "020 7946 0018", 3)]
    tables = resolved(rows + bridge, previous=before, as_of=AS_OF).tables()
    row = [{"record_a": "a", "record_b": "b", "customer_id_a": "C", "customer_id_b": "D", "probability": 0.5}]
    tables["review"] = tables["review"].from_pylist(row, schema=tables["review"].schema)
    return tables


def test_a_ledger_that_covers_a_later_day_is_a_change_though_nothing_moved(settings, first):
    store.save(settings, first)
    later = resolved(ROWS, None, first, as_of=AS_OF.replace(year=2025), customers=CUSTOMERS)
    assert len(later.merge_ledger) == 0
    assert store.save(settings, later)


def test_a_forgotten_model_is_gone_once(settings, first):
    assert not store.forget_model(settings)
    store.save(settings, first)
    assert store.forget_model(settings)
    assert store.read_model(settings) is None
    assert not store.forget_model(settings)
    # What is remembered belongs to the old model, and is not used with another one.
    assert store.read_previous(settings).memory == first.memory


def test_rules_alone_leave_no_model(settings):
    store.save(settings, resolved([("a|customer|1", "email", "ann@mail.example", 1)]))
    previous = store.read_previous(settings)
    assert (previous.model, len(previous.tables["person_map"])) == (None, 1)


def test_before_the_first_run_there_is_nothing(settings):
    previous = store.read_previous(settings)
    assert (previous.model, previous.memory, previous.tables) == (None, None, {})
    with pytest.raises(FileNotFoundError, match="crm run"):
        store.figures(settings)
    assert store.accepted_figures(settings) is None


def test_accepted_figures_are_kept_as_they_are(settings, first):
    store.accept(settings, first.figures)
    assert store.accepted_figures(settings) == first.figures
    before = _files(settings)
    store.accept(settings, first.figures)
    assert _files(settings) == before
