"""`make bench`: wall and CPU seconds by stage, peak memory, and the models' bare SQL beside them, in one run.

Each dataset whose landing files are there is run twice into a fresh state folder: once from nothing, once with nothing
new. Then the compiled SQL of the same dbt models is run in a bare DuckDB on the same lake. Figures are measured, not
judged: compare ratios of one run, not seconds of two machines.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import duckdb
import psutil

from crm_pipeline.config.settings import PROJECT, Settings
from crm_pipeline.stages import STAGES

Told = TypeVar("Told")
FIXED_START = 25.0
SAMPLING_SECONDS = 0.1
NAMES = ("sample", "complete_journey", "online_retail_ii")


@dataclass
class Figures:
    """What one run took; seconds by stage are (wall, CPU), memory is that of all its processes together."""

    wall: float = 0.0
    cpu: float = 0.0
    peak_bytes: int = 0
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)


def peak_gigabytes() -> float:
    """Return the highest memory of this process; `getrusage` would tell that of the one which started it as well."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 2**20


def alone(work: Callable[..., Told], *arguments: object) -> Told:
    """Run a function in a process of its own, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measured_run(settings: Settings) -> Figures:
    """Run `crm run` and watch it from outside."""
    environment = {**os.environ, "CRM_STATE_ROOT": str(settings.state_root), "CRM_DATA_ROOT": str(settings.data_root)}
    command = [sys.executable, "-m", "crm_pipeline.cli.app", "run", "--dataset", settings.dataset]
    started, figures = time.monotonic(), Figures()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    watched = psutil.Process(process.pid)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(watched, figures, stop))
    watcher.start()
    last = (0.0, 0.0)
    for line in process.stdout or ():
        stage = line.split()[0] if line.split() else ""
        if stage in set(STAGES):
            now = (time.monotonic() - started, figures.cpu)
            figures.stages[stage] = (now[0] - last[0], now[1] - last[1])
            last = now
    stop.set()
    watcher.join()
    if process.wait() != 0:
        raise SystemExit(f"{settings.dataset}: the run failed; crm run --dataset {settings.dataset} shows why.")
    figures.wall = time.monotonic() - started
    return figures


def _watch(process: psutil.Process, figures: Figures, stop: threading.Event) -> None:
    """Keep the CPU seconds used so far, and the highest memory of the process and its children."""
    while not stop.wait(SAMPLING_SECONDS):
        try:
            family = [process, *process.children(recursive=True)]
            memory = sum(_resident(member) for member in family)
            times = process.cpu_times()
            running = sum(_cpu(member) for member in family)
        except psutil.Error:
            continue
        figures.peak_bytes = max(figures.peak_bytes, memory)
        figures.cpu = max(figures.cpu, running + times.children_user + times.children_system)


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


def bare_sql_seconds(settings: Settings) -> float:
    """Run the compiled models, in their order and nothing else, in a DuckDB of its own on the same lake."""
    with tempfile.TemporaryDirectory(dir=settings.state) as folder:
        # The file has the warehouse's name, for the compiled SQL names its catalog.
        con = duckdb.connect(
            str(Path(folder) / settings.warehouse.name),
            config={"memory_limit": settings.memory_limit, "threads": settings.threads, "temp_directory": folder},
        )
        con.execute("set timezone = 'UTC'; set preserve_insertion_order = false")
        seconds = 0.0
        for schema, name, sql in _models(settings):
            con.execute(f"create schema if not exists {schema}")
            started = time.monotonic()
            con.execute(f'create table {schema}."{name}" as {sql}')
            seconds += time.monotonic() - started
        con.close()
    return seconds


def _models(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Schema, name and SQL of each seed and model, parents first."""
    for seed in sorted((settings.dbt_project / "seeds").glob("*.csv")):
        yield "marts", seed.stem, f"select * from read_csv('{seed}')"
    compiled = settings.state / "dbt" / "compiled" / "crm" / "models"
    nodes = json.loads((settings.state / "dbt" / "manifest.json").read_text())["nodes"]
    waiting = {key: node for key, node in nodes.items() if node["resource_type"] == "model"}
    while waiting:
        for key, node in list(waiting.items()):
            if not set(node["depends_on"]["nodes"]) & set(waiting):
                schema = node["config"]["schema"]
                yield schema, node["name"], (compiled / node["path"]).read_text()
                del waiting[key]


def show(name: str, first: Figures, second: Figures, bare: float) -> None:
    """Print one dataset's figures."""
    print(f"\n{name}")
    print(f"  {'stage':<10} {'wall s':>8} {'CPU s':>8}      (from nothing; the first stage includes the start)")
    for stage, (wall, cpu) in first.stages.items():
        print(f"  {stage:<10} {wall:>8.1f} {cpu:>8.1f}")
    print(f"  {'all':<10} {first.wall:>8.1f} {first.cpu:>8.1f}      peak memory {first.peak_bytes / 2**30:.2f} GiB")
    print(f"  {'again':<10} {second.wall:>8.1f} {second.cpu:>8.1f}      with nothing new")
    scoring = first.stages.get("scoring", (0.0, 0.0))[0]
    beyond = max(first.wall - FIXED_START - scoring, 0.0)
    print(f"  bare SQL of the models {bare:.1f} s; ratio of all {first.wall / bare:.1f}; ", end="")
    print(f"beyond a start of {FIXED_START:.0f} s and the fitting of models {beyond / bare:.1f}", flush=True)


def main() -> None:
    """Measure the datasets at hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", default=NAMES, help="which ones (default: all three)")
    for name in parser.parse_args().datasets:
        if not any((PROJECT / "data" / name / "landing").glob("*")):
            print(f"\n{name}: left out, for its landing folder is empty (see data/{name}/README.md)")
            continue
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            settings = Settings(dataset=name, state_root=Path(folder))
            first, second = measured_run(settings), measured_run(settings)
            show(name, first, second, bare_sql_seconds(settings))


if __name__ == "__main__":
    main()
