"""The warm process: commands behave as those of a dbt of their own."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from crm_pipeline.dbt import warm

COMMAND = [sys.executable, "-m", "crm_pipeline.dbt.warm"]


@pytest.fixture(scope="module", autouse=True)
def warmed():
    with warm.warm_process():
        yield


def dbt(*arguments, **options):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, **options)


def test_output_status_folder_and_environment_are_those_of_the_asker(tmp_path):
    assert "Core" in dbt("--version", env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}).stdout
    lost = dbt("parse", "--profiles-dir", str(tmp_path), cwd=tmp_path)
    assert lost.returncode == 2
    assert "No dbt_project.yml found" in lost.stdout


def test_an_unknown_command_ends_with_its_status_and_its_error():
    done = dbt("nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_without_a_warm_process_dbt_runs_in_the_asking_one():
    done = dbt("nonsense", env={**os.environ, warm.SOCKET_VARIABLE: "/nowhere"})
    assert done.returncode == 2


def test_the_warm_process_ends_with_the_one_that_started_it():
    code = """
import os, psutil
from crm_pipeline.dbt import warm
with warm.warm_process():
    print(psutil.Process().children()[0].pid, flush=True)
    os._exit(0)
"""
    environment = {name: value for name, value in os.environ.items() if name != warm.SOCKET_VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, check=True)
    # It notices as soon as it has imported dbt.
    _, alive = psutil.wait_procs([psutil.Process(int(done.stdout))] if psutil.pid_exists(int(done.stdout)) else [], 60)
    assert not alive


def test_an_interrupt_reaches_the_command(tmp_path):
    (tmp_path / "dbt_project.yml").write_text("name: slow\nprofile: slow\nversion: '1'\n")
    (tmp_path / "profiles.yml").write_text(
        "slow: {target: x, outputs: {x: {type: duckdb, path: ':memory:', threads: 1}}}"
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "slow.sql").write_text(
        "select sum(a.range * b.range) from range(10000000) a, range(1000000) b"
    )
    process = subprocess.Popen(
        [*COMMAND, "run", "--profiles-dir", "."], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if "START" in line:
            break
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(timeout=60) != 0
