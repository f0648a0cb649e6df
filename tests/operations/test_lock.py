"""One run of a dataset at a time."""

import subprocess
import sys

import pytest

from crm_pipeline.operations.lock import RunLock, RunLockedError


def test_a_second_holder_is_refused_and_told_who_runs(tmp_path):
    first = RunLock(tmp_path / "run.lock")
    first.acquire("0123456789")
    with pytest.raises(RunLockedError, match="run 01234567, process"):
        RunLock(tmp_path / "run.lock").acquire("other")
    first.release()
    RunLock(tmp_path / "run.lock").acquire("other")


def test_the_lock_of_a_killed_process_is_free_again(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from crm_pipeline.operations.lock import RunLock; "
        "RunLock(Path(sys.argv[1])).acquire('dead'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run.lock")], check=False)
    RunLock(tmp_path / "run.lock").acquire("next")
