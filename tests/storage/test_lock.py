"""One run of a dataset at a time."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crm_pipeline.storage.lock import RunLock, RunLockedError, wait_for_orphan


def test_a_second_holder_is_refused_and_told_who_runs(tmp_path):
    first = RunLock(tmp_path / "run.lock")
    first.acquire("0123456789")
    with pytest.raises(RunLockedError, match="run 01234567, process"):
        RunLock(tmp_path / "run.lock").acquire("other")
    first.release()
    RunLock(tmp_path / "run.lock").acquire("other")


def test_the_lock_of_a_killed_process_is_free_again(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from crm_pipeline.storage.lock import RunLock; "
        "RunLock(Path(sys.argv[1])).acquire('dead'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "run.lock")], check=False)
    RunLock(tmp_path / "run.lock").acquire("next")


def test_a_run_waits_for_the_dbt_of_a_killed_one_and_says_so(tmp_path):
    lock, said = tmp_path / "warehouse.dbt-lock", []
    wait_for_orphan(lock, 5, said.append)
    code = (
        "import fcntl, sys, time; held = open(sys.argv[1], 'w'); fcntl.flock(held, fcntl.LOCK_EX); "
        "print('held', flush=True); time.sleep(float(sys.argv[2]))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(lock), "1.5"], stdout=subprocess.PIPE) as orphan:
        assert orphan.stdout.readline() == b"held\n"
        with pytest.raises(RunLockedError, match="still at work after 0 seconds"):
            wait_for_orphan(lock, 0, said.append)
        said.clear()
        wait_for_orphan(lock, 30, said.append)
    assert said == ["The dbt of a run that was killed is still at work; waiting for it to end ..."]


def test_a_dbt_command_holds_the_warehouse_until_it_ends(tmp_path):
    """Another one waits: `dbt --version` takes the lock before it does anything."""
    warehouse = tmp_path / "warehouse.duckdb"
    command = [sys.executable, "-m", "crm_pipeline.dbt.warm", "--version"]
    with Path(f"{warehouse}.dbt-lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        dbt = subprocess.Popen(command, env=os.environ | {"CRM_WAREHOUSE": str(warehouse)}, stdout=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            dbt.wait(1)
        dbt.kill()
        dbt.wait()
