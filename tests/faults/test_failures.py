"""No command ends in a traceback: one sentence, the place of the log, an exit code."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import typer

import crm_pipeline
from crm_pipeline.cli.terminal import or_explain
from crm_pipeline.faults.failures import ended


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_STATE_ROOT", str(tmp_path / "state"))
    monkeypatch.setenv("CRM_DATASET", "shop")
    monkeypatch.delenv("CRM_DEBUG", raising=False)
    return tmp_path / "state" / "shop"


def fail(error):
    def command():
        raise error

    return command


def crm(*arguments, **environment):
    command = [str(Path(sys.executable).parent / "crm"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, check=False)


def test_what_nobody_foresaw_is_a_sentence_with_the_place_of_its_log(state, capsys):
    assert ended(fail(KeyError("ann@example.com"))) == 1
    said = capsys.readouterr().err
    (log,) = (state / "logs").glob("error-*.log")
    assert said == f"This was not foreseen (KeyError). The details are in {log}; CRM_DEBUG=1 shows them.\n"
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0


def test_debugging_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("CRM_DEBUG", "1")
    with pytest.raises(KeyError):
        ended(fail(KeyError("x")))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/state/x"), "The disk is full: /state/x. Remedy: make room"),
        (PermissionError(errno.EACCES, "Permission denied", "/state/x"), "Permission denied: /state/x. Remedy: let"),
        (OSError(errno.EROFS, "Read-only file system", "/state/x"), "Read-only file system: /state/x. Remedy: let"),
        (ModuleNotFoundError("No module named 'dbt'", name="dbt"), "The package dbt is not installed"),
        (MemoryError(), "not enough memory"),
        (duckdb.IOException("IO Error: Could not set lock on file x"), "Another process has a database open"),
    ],
)
def test_a_known_cause_is_named_with_a_remedy(capsys, error, words):
    assert ended(fail(error)) == 1
    assert words in capsys.readouterr().err


def test_the_log_goes_elsewhere_where_the_state_cannot_be_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRM_STATE_ROOT", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert ended(fail(KeyError("x"))) == 1
    (log,) = tmp_path.glob("error-*.log")
    assert str(log) in capsys.readouterr().err


def test_an_interruption_from_the_keyboard_says_no_more(capsys):
    assert ended(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_the_error_of_a_library_is_not_taken_for_a_sentence():
    with pytest.raises(json.JSONDecodeError):
        or_explain(json.loads, "{")
    with pytest.raises(typer.Exit):
        or_explain(fail(ValueError("A sentence for the reader.")))


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("CRM_THREADS", "abc", "CRM_THREADS: 'abc' cannot be used"),
        ("CRM_MEMORY_LIMIT", "lots", "such as 2GB"),
        ("CRM_MEMORY_LIMIT", "1B", "at least 100MB"),
        ("CRM_AS_OF", "yesterday", "CRM_AS_OF: 'yesterday' cannot be used: give a date such as 2024-06-30"),
        ("CRM_AS_OF", "20240630", "give a date such as 2024-06-30"),
        ("CRM_DATASET", "", "CRM_DATASET: '' cannot be used"),
        ("CRM_DATASET", "../x", "the name of a folder under data/"),
        ("CRM_DATA_ROOT", "/nowhere", "Remedy: write one, or set CRM_DATA_ROOT"),
    ],
)
def test_a_variable_that_holds_nonsense_is_named(variable, value, words):
    done = crm("releases", **{"CRM_DATASET": "sample", variable: value})
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert words in done.stderr


@pytest.mark.parametrize("name", ["", "a/b", "..", "/etc", "a\nb", "x" * 300])
def test_a_dataset_that_is_no_folder_name_is_refused(name):
    done = crm("run", "--dataset", name)
    assert done.returncode == 2
    assert "the name of a folder under data/" in done.stderr


def test_a_reader_that_has_read_enough_is_no_error():
    crm_program = Path(sys.executable).parent / "crm"
    done = subprocess.run(f"{crm_program} --help | head -1", shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_version_is_said_before_any_command():
    said = crm("--version")
    assert (said.returncode, said.stdout) == (0, f"crm_pipeline {crm_pipeline.__version__}\n")
