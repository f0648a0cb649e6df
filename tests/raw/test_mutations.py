"""Whatever happens to a file on its way, a load ends in rows or in a sentence, and the other files are loaded.

To repeat a seed: `pytest -n 0 "tests/raw/test_mutations.py::test_a_mutated_file_harms_nobody_else[17]"`.
"""

import faulthandler
import random
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crm_pipeline.cli.app import app
from crm_pipeline.raw.ledger import REFUSED, LedgerEntry
from crm_pipeline.raw.load import LoadReport
from tests.raw.conftest import Shop
from tests.raw.mutated import RUN_TIME, Mutant, mutate
from tests.raw.valid_dataset import DATASET, MARK, Origin

FAST, ALL = 40, 300
#: A hang is meant, not a slow machine: nothing here takes more than a few seconds.
HANGS_AFTER = 300


#: What is said where a reader raises what it does not know: the others are read all the same, but it is a defect.
UNFORESEEN = re.compile(r"It cannot be read \(\w+\)\.")


class Hang(BaseException):
    """No exception that code under test would take for a fault of a file."""


@pytest.mark.parametrize(
    "seed", [*range(FAST), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(FAST, ALL))]
)
def test_a_mutated_file_harms_nobody_else(seed, tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_DEBUG", "1")
    chance = random.Random(seed)
    shop = valid_dataset(tmp_path)
    is_second = chance.random() < 0.4
    if is_second:
        shop.load(RUN_TIME)
    origin = chance.choice(DATASET)
    mutant = mutate(chance, origin, shop.settings.dataset_folder / "landing")
    told = f"seed {seed}, {'second delivery' if is_second else 'first delivery'}, {mutant.what}"
    try:
        with watched():
            judge(shop, origin, mutant, is_second=is_second)
            ask(shop, monkeypatch)
    except BaseException as error:
        error.add_note(f"The mutation: {told}")
        raise


def valid_dataset(folder: Path) -> Shop:
    shop = Shop(folder)
    shop.configure(*(origin.source for origin in DATASET))
    for origin in DATASET:
        shop.deliver(origin.name, origin.write(origin.rows))
    return shop


def judge(shop: Shop, origin: Origin, mutant: Mutant, *, is_second: bool) -> None:
    """Load, and compare the ledger with what is known of the files. `Shop.load` compares it with the stored rows."""
    report = shop.load(mutant.run_time)
    ledger = shop.ledger()
    sources = {one.source["name"]: one for one in DATASET}
    for entry in ledger:
        assert 0 <= entry.rows_loaded <= entry.rows_read
        is_touched = entry.source == origin.source["name"] and not (is_second and entry.delivery <= len(DATASET))
        if not is_touched:
            assert entry.rows_read == len(sources[entry.source].rows), entry
        if not is_touched and mutant.run_time == RUN_TIME:
            assert_whole(entry)
    assert {entry.source for entry in ledger} >= sources.keys() - {origin.source["name"]}
    assert_counted(origin, mutant, ledger)
    assert_well_told(shop, report)
    again = shop.load(mutant.run_time)
    assert (again.changed, again.version) == (False, report.version)
    if mutant.run_time < RUN_TIME:
        shop.load(RUN_TIME)
        for entry in shop.ledger():
            assert_whole(entry)


def assert_whole(entry: LedgerEntry) -> None:
    """Nothing of an untouched file is left out, but what a touched file of the same source replaced."""
    assert (entry.outcome, entry.problem, entry.rows_quarantined, entry.rows_duplicate) == ("loaded", None, 0, 0), entry
    assert entry.rows_loaded + entry.rows_superseded == entry.rows_read


def assert_counted(origin: Origin, mutant: Mutant, ledger: list[LedgerEntry]) -> None:
    """A file whose rows can be counted has as many in the ledger, unless it is refused."""
    entries = [entry for entry in ledger if entry.source == origin.source["name"]]
    if mutant.rows is not None and entries and entries[-1].outcome != REFUSED:
        assert entries[-1].rows_read == mutant.rows, entries[-1]


def assert_well_told(shop: Shop, report: LoadReport) -> None:
    """What is said of a file was meant for it and holds no value of it; the rows stand in the quarantine alone."""
    told = [*report.problems, *(entry.problem or "" for entry in report.files)]
    told += [text for row in shop.query("select problem, remedy from {quarantine}") for text in row]
    assert [text for text in told if MARK in text or UNFORESEEN.search(text)] == []


def ask(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the folder as `crm check-sources` and `crm init` do: each ends, with 0 or 1."""
    monkeypatch.setenv("CRM_DATA_ROOT", str(shop.settings.data_root))
    monkeypatch.setenv("CRM_STATE_ROOT", str(shop.settings.state_root))
    folder = str(shop.settings.dataset_folder)
    for command in (["check-sources", "--dataset", "shop"], ["init", folder, "--force"]):
        result = CliRunner().invoke(app, command)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code in (0, 1), result.output
        assert "Traceback" not in result.output
        assert not UNFORESEEN.search(result.output), result.output


@contextmanager
def watched() -> Iterator[None]:
    """End what hangs: Python code by an exception, and what it cannot reach with the whole process."""

    def stop(*_: object) -> None:
        raise Hang(f"More than {HANGS_AFTER} seconds.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANGS_AFTER)
    faulthandler.dump_traceback_later(3 * HANGS_AFTER, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
