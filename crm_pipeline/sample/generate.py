"""A company of any size on disk: made in parts by several processes, each part with files of its own.

What a part holds depends on the seed and on the number of people alone, so the bytes do not depend on the processes.
"""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import pandas as pd

from crm_pipeline.sample.company import FEWEST_PEOPLE, make_company, write_landing, write_pipeline
from crm_pipeline.sample.people import Part
from crm_pipeline.sample.truth import TRUTH_TABLES, effect_sums, per_person, truth_tables
from crm_pipeline.sample.write import write_csv
from crm_pipeline.storage.lake import atomic_file

PEOPLE_PER_PART = 50_000
_KEY = ["campaign_id", "control_share", "is_broken"]


@dataclass(frozen=True)
class Written:
    """What a part left on disk."""

    files: int
    size: int
    effects: pd.DataFrame


def generate(people: int, seed: int, folder: Path, processes: int = 2, say: Callable[[str], None] = print) -> int:
    """Make a company and write it into a dataset folder: pipeline.yml, landing/ and truth/.

    Args:
        people: number of real persons.
        seed: the same seed gives the same bytes.
        folder: the dataset folder; must hold no landing files yet.
        processes: how many parts are made at once.
        say: is told about each part.

    Returns:
        The size of the landing files in bytes.

    Raises:
        ValueError: if there are too few people.
        FileExistsError: if the folder holds landing files: old ones would be loaded beside the new ones.
    """
    if people < FEWEST_PEOPLE:
        raise ValueError(f"A sample company needs at least {FEWEST_PEOPLE} people, not {people}.")
    if any((folder / "landing").rglob("*.*")):
        raise FileExistsError(f"{folder}/landing already holds files. Remove them, or choose another folder.")
    jobs = [(count, seed, part, folder) for part, count in parts_of(people)]
    written: dict[int, Written] = {}
    for number, done in _run(jobs, min(processes, len(jobs))):
        written[number] = done
        say(f"part {len(written)} of {len(jobs)}: {done.files} files, {done.size / 2**20:,.1f} MiB")
    sums = pd.concat([written[number].effects for number in sorted(written)])
    totals = sums.groupby(_KEY, sort=False, as_index=False).sum()
    write_csv(per_person(totals), folder / "truth" / "effects.csv")
    for name in TRUTH_TABLES:
        _join([_piece(folder, name, part) for _, _, part, _ in jobs], folder / "truth" / f"{name}.csv")
    shutil.rmtree(_pieces(folder))
    write_pipeline(folder)
    return sum(done.size for done in written.values())


def parts_of(people: int) -> list[tuple[Part, int]]:
    """Return the parts in which a company of this size is made, and the number of people of each."""
    count = -(-people // PEOPLE_PER_PART)
    starts = [people * number // count for number in range(count + 1)]
    return [(Part(number, count, first), end - first) for number, (first, end) in enumerate(pairwise(starts))]


Job = tuple[int, int, Part, Path]


def _run(jobs: list[Job], processes: int) -> Iterator[tuple[int, Written]]:
    """Do the jobs and yield each with its number as it is done; one process needs no pool."""
    if processes <= 1:
        yield from ((number, _write_part(job)) for number, job in enumerate(jobs))
        return
    # Workers start afresh, and each ends with its part: what a part takes is given back.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        running = {pool.submit(_write_part, job): number for number, job in enumerate(jobs)}
        for future in as_completed(running):
            yield running[future], future.result()


def _write_part(job: Job) -> Written:
    count, seed, part, folder = job
    company = make_company(count, seed, part)
    paths = write_landing(company.files, folder)
    for name, table in truth_tables(company.world, company.records, company.faults).items():
        write_csv(table, _piece(folder, name, part))
    return Written(len(paths), sum(path.stat().st_size for path in paths), effect_sums(company.world))


def _pieces(folder: Path) -> Path:
    return folder / "truth" / ".parts"


def _piece(folder: Path, name: str, part: Part) -> Path:
    return _pieces(folder) / f"{name}-{part.number}.csv"


def _join(pieces: list[Path], target: Path) -> None:
    """Write CSV files one after the other into one, with the header once."""
    with atomic_file(target) as building, building.open("wb") as joined:
        for number, path in enumerate(pieces):
            with path.open("rb") as piece:
                header = piece.readline()
                if number == 0:
                    joined.write(header)
                shutil.copyfileobj(piece, joined)
