"""What may fail without stopping a run, what may not, and what is said of it."""

import logging
import signal
import threading

import duckdb
import pytest

from crm_pipeline.faults import guard


def fails(error):
    def do():
        raise error

    return do


def test_what_works_is_given_and_nothing_is_noted():
    with guard.watched() as faults:
        assert guard.attempt("the sum", lambda: 3, 0) == 3
    assert faults == []


def test_a_fault_is_told_by_its_kind_and_place_and_never_by_its_message():
    with guard.watched() as faults:
        assert guard.attempt("the model churn", fails(ValueError("anna@example.com is no number")), 0) == 0
    assert faults == ["The model churn failed (ValueError); the traceback is in the log of the run."]


def test_the_traceback_is_logged(caplog):
    with caplog.at_level(logging.ERROR):
        guard.attempt("the model churn", fails(ValueError("what it was")), None)
    assert "the model churn failed" in caplog.text
    assert "in do\n    raise error" in caplog.text


@pytest.mark.parametrize(
    "error", [MemoryError(), duckdb.OutOfMemoryException("full"), duckdb.FatalException("dead"), KeyboardInterrupt()]
)
def test_what_is_no_fault_of_a_model_goes_on_upwards(error):
    with pytest.raises(type(error)):
        guard.attempt("the model churn", fails(error), None)


def test_a_plot_that_raises_costs_only_itself():
    with guard.watched() as faults:
        made = guard.drawn({"good": lambda: "<svg/>", "bad": fails(ZeroDivisionError())})
    assert made == {"good": "<svg/>"}
    assert faults == ["The plot 'bad' failed (ZeroDivisionError); the traceback is in the log of the run."]


def test_a_block_within_another_keeps_its_faults_to_itself():
    with guard.watched() as outer:
        with guard.watched() as inner:
            guard.attempt("this", fails(ValueError()), None)
        guard.attempt("that", fails(ValueError()), None)
    assert (len(inner), len(outer)) == (1, 1)
    assert outer[0].startswith("That failed")


def test_the_same_fault_is_noted_once():
    with guard.watched() as faults:
        for _ in range(3):
            guard.attempt("the reasons", fails(ValueError()), None)
    assert len(faults) == 1


@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), duckdb.InterruptException("INTERRUPT Error")])
def test_an_interrupt_during_a_query_is_one(error):
    with pytest.raises(KeyboardInterrupt):
        guard.attempt("the model churn", fails(error), None)


@pytest.fixture
def _interrupts_are_heard():
    """As in a terminal: a shell tells the programs that it starts in the background to ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interrupts_are_heard")
def test_what_duckdb_makes_of_an_interrupt_is_known():
    # One thread: it looks for signals between the parts of its work, where several leave one waiting for the others.
    with duckdb.connect(config={"threads": 1}) as connection, pytest.raises(KeyboardInterrupt):

        def count():
            threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT)).start()
            return connection.sql("select count(*) from range(100000000000)").fetchall()

        guard.attempt("the model churn", count, None)
