"""Files that are complete or absent: atomic writes for the Parquet lake and every other output.

A reader sees the old version or the new one, never a part of one, whatever moment a writer is killed at.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CURRENT = "current"


def as_pattern(path: Path) -> str:
    """Return a path for DuckDB's readers, which take a name with brackets, stars or question marks for a pattern."""
    return re.sub(r"([\[*?])", r"[\1]", str(path))


def fsync_path(path: Path) -> None:
    """Force a file's (or a folder's) content to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(built: Path, target: Path) -> None:
    """Move a finished file over `target` in one step, durably. Both must lie on one file system."""
    fsync_path(built)
    built.replace(target)
    fsync_path(target.parent)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it replaces the target, on error it is removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    building = target.with_name(f".{target.name}.building-{os.getpid()}")
    try:
        yield building
        replace_file(building, target)
    finally:
        building.unlink(missing_ok=True)


class DamagedFileError(RuntimeError):
    """A file that a run made cannot be read; the message names it and the remedy."""


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong while one of our own files is read.

    Raises:
        DamagedFileError: if the file is not what was written.
    """
    try:
        yield
    except (pa.ArrowException, ValueError, KeyError, TypeError, EOFError) as error:
        raise DamagedFileError(
            f"{path} is damaged ({type(error).__name__}). Remedy: restore it from a backup of the state folder."
        ) from error


def write_parquet(table: pa.Table, target: Path) -> None:
    """Write an Arrow table as one Parquet file, atomically (zstd)."""
    with atomic_file(target) as building:
        pq.write_table(table, building, compression="zstd")


@contextmanager
def new_version(folder: Path, keep: int = 2) -> Iterator[Path]:
    """Yield an empty folder `folder/vNNNNNN`; on success `folder/current` points to it, on error it is removed.

    `current` is a relative symbolic link that is replaced by a rename, so that a reader of `folder/current/...`
    sees one whole version. The newest `keep` versions stay on disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _drop_unfinished(folder)
    existing = _versions(folder)
    version = folder / f"v{(int(existing[-1].name[1:]) if existing else 0) + 1:06d}"
    version.mkdir()
    try:
        yield version
        for path in [*version.rglob("*"), version]:
            fsync_path(path)
        link = folder / f".{CURRENT}.building-{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(version.name)
        link.replace(folder / CURRENT)
        fsync_path(folder)
    except BaseException:
        shutil.rmtree(version, ignore_errors=True)
        raise
    for outdated in _versions(folder)[:-keep]:
        shutil.rmtree(outdated)


def current_version(folder: Path) -> Path | None:
    """Return the folder that `folder/current` points to, or None before the first version."""
    link = folder / CURRENT
    return link.resolve() if link.exists() else None


@contextmanager
def only_one(folder: Path, work: str) -> Iterator[None]:
    """Hold a folder's lock; the operating system frees it when its holder dies.

    Raises:
        RuntimeError: if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RuntimeError(f"another {work} of this dataset is running; wait until it has ended") from None
        yield


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link an immutable file into another version; copy where the file system has no hard links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _versions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("v[0-9]*") if path.is_dir() and not path.is_symlink())


def _drop_unfinished(folder: Path) -> None:
    """Remove versions newer than the current one: a killed writer left them."""
    current = current_version(folder)
    for version in _versions(folder):
        if current is None or version.name > current.name:
            shutil.rmtree(version)
