"""One run of a dataset at a time, whoever starts it: terminal, schedule or Dagster UI."""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.5


class RunLockedError(RuntimeError):
    """Another run of the dataset is going on."""


def wait_for_orphan(lock: Path, seconds: float, say: Callable[[str], None]) -> None:
    """Wait until no dbt command of a killed run is at work in the warehouse any more.

    Args:
        lock: what each dbt command holds.
        seconds: how long to wait at most.
        say: is told that, and for what, there is something to wait for.

    Raises:
        RunLockedError: if the command has not ended by then.
    """
    if not lock.exists():
        return
    said, end = False, time.monotonic() + seconds
    with lock.open("rb") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > end:
                    raise RunLockedError(
                        f"The dbt of a run that was killed is still at work after {seconds:.0f} seconds. "
                        "Remedy: let it end, or end it (its command line holds crm_pipeline.dbt.warm)."
                    ) from None
                if not said:
                    say("The dbt of a run that was killed is still at work; waiting for it to end ...")
                said = True
                time.sleep(_POLL_SECONDS)
            else:
                return


class RunLock:
    """An advisory lock on a file; the operating system drops it when its holder dies, so none is ever stale."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, run_id: str) -> None:
        """Take the lock and write down who holds it.

        Raises:
            RunLockedError: if another process (or another run in this one) holds it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "of unknown id"
            os.close(descriptor)
            raise RunLockedError(
                f"Another run of this dataset is going on ({holder}). Remedy: let it end, or use crm run --wait."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"run {run_id[:8]}, process {os.getpid()}".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
