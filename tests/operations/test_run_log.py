"""What the package logs while a run goes on stands in the log of the run, and not in the terminal."""

import logging

import pytest

from crm_pipeline.faults import guard
from crm_pipeline.operations.run import _log


@pytest.fixture
def log(tmp_path, capsys):
    with _log(tmp_path / "logs" / "one.log", verbose=False) as terminal:
        guard.attempt("the model churn", lambda: 1 / 0, None)
        print("the terminal", file=terminal)
    return (tmp_path / "logs" / "one.log").read_text(encoding="utf-8")


def test_the_traceback_of_a_model_stands_in_the_log_of_the_run(log):
    assert "ERROR crm_pipeline.faults.guard: the model churn failed" in log
    assert "ZeroDivisionError: division by zero" in log


def test_the_terminal_is_not_told(log, capsys):
    assert "ZeroDivisionError" not in "".join(capsys.readouterr())


def test_the_next_run_has_a_log_of_its_own(log):
    assert logging.getLogger("crm_pipeline").handlers == []
