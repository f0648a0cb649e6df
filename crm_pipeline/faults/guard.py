"""What may go wrong without stopping a run: the traceback goes to the log, and a sentence without any value stays.

A machine that has no memory left, a dead database engine and an interrupt are no faults of a model: they go on upwards.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import duckdb

T = TypeVar("T")

WHERE = "the traceback is in the log of the run"
"""Said in each sentence: a log lies in `logs` of the dataset's state folder, or with the run in the Dagster UI."""

_PASSED_ON = (MemoryError, duckdb.OutOfMemoryException, duckdb.FatalException)
_INTERRUPTED = "Query interrupted"
"""What DuckDB makes of an interrupt (Ctrl-C) that comes while a query runs."""
_faults: ContextVar[list[str] | None] = ContextVar("faults", default=None)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fault:
    """An error that a run outlives, and the sentence that tells of it."""

    error: Exception
    sentence: str


def tried(what: str, do: Callable[[], T]) -> T | Fault:
    """Return what `do` gives, or the fault for which it gives nothing; its traceback is in the log then.

    Args:
        what: names the thing in the sentence, such as `the plot of gains`; never a value of the data.
        do: makes it.
    """
    try:
        return do()
    except _PASSED_ON:
        raise
    except Exception as error:
        if isinstance(error, duckdb.InterruptException) or str(error) == _INTERRUPTED:
            raise KeyboardInterrupt from error
        _log.error("%s failed", what, exc_info=error)
        return Fault(error, f"{what[:1].upper()}{what[1:]} failed ({type(error).__name__}); {WHERE}.")


def attempt(what: str, do: Callable[[], T], otherwise: T) -> T:
    """Return what `do` gives, or `otherwise`; a fault is noted for the block that `watched` began."""
    made = tried(what, do)
    if not isinstance(made, Fault):
        return made
    note([made.sentence])
    return otherwise


def drawn(plots: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """Return those of the plots (by title) that can be drawn."""
    made = {title: attempt(f"the plot '{title}'", draw, "") for title, draw in plots.items()}
    return {title: svg for title, svg in made.items() if svg}


def note(sentences: Iterable[str]) -> None:
    """Tell the block that `watched` began of faults, each once; outside of such a block the log alone has them."""
    faults = _faults.get()
    if faults is not None:
        faults += [sentence for sentence in dict.fromkeys(sentences) if sentence not in faults]


def noted() -> list[str]:
    """Return the faults that the block knows of so far."""
    return list(_faults.get() or [])


@contextmanager
def watched() -> Iterator[list[str]]:
    """Gather the sentences of what fails in a block; blocks within it keep theirs to themselves."""
    faults: list[str] = []
    token = _faults.set(faults)
    try:
        yield faults
    finally:
        _faults.reset(token)
