"""Releases of the serving file: built beside, verified, moved over in one step, kept, and rolled back to.

Whatever moment a process is killed at, `serving/crm.duckdb` is one whole release. What is left over is cleared away by
the next one. The newest releases lie in `serving/releases/` (hard links of what was published, never written to).
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import UTC
from pathlib import Path

import duckdb

from crm_pipeline.config.settings import Settings
from crm_pipeline.dbt.catalogue import Table
from crm_pipeline.publish import serving, verify
from crm_pipeline.publish.contents import SHOWN
from crm_pipeline.publish.errors import PublishError
from crm_pipeline.publish.fingerprint import fingerprint
from crm_pipeline.publish.serving import ReleaseInfo
from crm_pipeline.storage import lake

_RELEASE_NAME = re.compile(r"r\d{6,}")
# Nobody writes to a published file: a BI tool that asked for a writing connection would lock out all others.
_READ_ONLY = 0o444


@dataclass(frozen=True)
class KeptRelease:
    """A release on disk; as text, one line for the terminal."""

    name: str
    info: ReleaseInfo
    is_current: bool

    def __str__(self) -> str:
        mark = "  (current)" if self.is_current else ""
        return (
            f"{self.name}  as of {self.info.as_of_date}  published {self.info.published_at:%Y-%m-%d %H:%M:%S} UTC  "
            f"{self.info.people:,} people  {self.info.orders:,} orders  revenue {self.info.revenue:,}{mark}"
        )


@dataclass(frozen=True)
class Publication:
    """What `publish` did: the release that is now current, and whether it is a new one."""

    release: KeptRelease
    is_new: bool


def publish(settings: Settings, release: ReleaseInfo, known: Sequence[Table]) -> Publication:
    """Publish the warehouse's marts as the new serving file, or keep the current one if nothing has changed.

    Args:
        settings: Where things lie.
        release: The row for `_release`, with the expected totals; its name and fingerprint are filled in here.
        known: What dbt says of the tables that are published.

    Raises:
        PublishError: if the file could not be built or is not fit to be published; the current one stays.
    """
    with _exclusive(settings):
        current = _readable_current(settings)
        with serving.open_engine(settings) as con:
            content = fingerprint(con, SHOWN, serving.present(con, known))
        release = replace(release, release=_next_name(settings, current), fingerprint=content)
        if current is not None and _says_the_same(current.info, release):
            return Publication(current, is_new=False)
        if current is not None:
            _keep(settings, current.name)
        with _building(settings) as built:
            serving.build(settings, release, known, built)
            verify.verify(settings, built, release, known)
            _make_current(settings, built)
        _keep(settings, release.release)
        _prune(settings, release.release)
        return Publication(KeptRelease(release.release, release, is_current=True), is_new=True)


def rollback(settings: Settings, to: str | None = None) -> KeptRelease:
    """Make an earlier release the serving file again, in one step.

    Args:
        settings: Where things lie.
        to: Name of a kept release; without it, the newest one before the current.

    Returns:
        The release that is current now.

    Raises:
        PublishError: if there is no such release; the current one stays.
    """
    with _exclusive(settings):
        current = _readable_current(settings)
        chosen = _release_path(settings, to or _name_before(settings, current))
        info = _read_info(chosen)
        if current is not None:
            _keep(settings, current.name)
        with _building(settings) as built:
            # A copy: the kept file stays a spare, whatever happens to the one in use.
            shutil.copyfile(chosen, built)
            _make_current(settings, built)
        return KeptRelease(chosen.stem, info, is_current=True)


def current_release(settings: Settings) -> KeptRelease | None:
    """Return the release that BI tools see, or None before the first one.

    Raises:
        PublishError: if the serving file cannot be read.
    """
    if not settings.serving_file.exists():
        return None
    info = _read_info(settings.serving_file)
    return KeptRelease(info.release, info, is_current=True)


def releases(settings: Settings) -> list[KeptRelease]:
    """List the releases that can be rolled back to (and the current one), newest first."""
    current = _readable_current(settings)
    name = current.name if current else None
    kept = {path.stem: KeptRelease(path.stem, _read_info(path), path.stem == name) for path in _kept_paths(settings)}
    if current is not None:
        kept.setdefault(current.name, current)
    return sorted(kept.values(), key=lambda release: _number(release.name), reverse=True)


def _folder(settings: Settings) -> Path:
    return settings.serving_file.parent / "releases"


def _kept_paths(settings: Settings) -> list[Path]:
    """Return the kept files, oldest first."""
    found = [path for path in _folder(settings).glob("r*.duckdb") if _RELEASE_NAME.fullmatch(path.stem)]
    return sorted(found, key=lambda path: _number(path.stem))


def _number(name: str) -> int:
    return int(name[1:])


def _next_name(settings: Settings, current: KeptRelease | None) -> str:
    names = [path.stem for path in _kept_paths(settings)] + ([current.name] if current else [])
    return f"r{max((_number(name) for name in names), default=0) + 1:06d}"


def _name_before(settings: Settings, current: KeptRelease | None) -> str:
    names = [path.stem for path in _kept_paths(settings)]
    earlier = [name for name in names if current is None or _number(name) < _number(current.name)]
    if not earlier:
        raise PublishError("There is no earlier release to go back to. See crm releases for those that are kept.")
    return earlier[-1]


def _release_path(settings: Settings, name: str) -> Path:
    path = _folder(settings) / f"{name}.duckdb"
    if not _RELEASE_NAME.fullmatch(name) or not path.exists():
        kept = ", ".join(path.stem for path in _kept_paths(settings)) or "none"
        raise PublishError(f"There is no release {name}. Kept: {kept}.")
    return path


def _read_info(path: Path) -> ReleaseInfo:
    names = [field.name for field in fields(ReleaseInfo)]
    try:
        with duckdb.connect(str(path), read_only=True) as con:
            rows = con.execute(f"select {', '.join(names)} from main._release").fetchall()
    except duckdb.Error as error:
        raise PublishError(
            f"{path} is not a whole release ({error}). Remedy: crm rollback, or publish again."
        ) from error
    if len(rows) != 1:
        raise PublishError(f"{path} has {len(rows)} rows in _release instead of one. Remedy: crm rollback.")
    info = ReleaseInfo(**dict(zip(names, rows[0], strict=True)))
    return replace(info, published_at=info.published_at.replace(tzinfo=UTC))


def _readable_current(settings: Settings) -> KeptRelease | None:
    """Return the current release; a damaged one must not stand in the way of its replacement."""
    try:
        return current_release(settings)
    except PublishError:
        return None


def _says_the_same(current: ReleaseInfo, release: ReleaseInfo) -> bool:
    """Tell whether a release would change nothing. Totals are compared, too: wrong ones must reach the verification."""
    compared = ("fingerprint", "as_of_date", "code_version", "people", "orders", "revenue")
    return all(getattr(current, name) == getattr(release, name) for name in compared)


def _make_current(settings: Settings, built: Path) -> None:
    built.chmod(_READ_ONLY)
    # The log of a stray writer would be replayed into the new file.
    _log_of(settings.serving_file).unlink(missing_ok=True)
    lake.replace_file(built, settings.serving_file)


def _keep(settings: Settings, name: str) -> None:
    """Keep the current serving file under its name; done again before the next change, if a killed run did not."""
    kept = _folder(settings) / f"{name}.duckdb"
    if kept.exists():
        return
    kept.parent.mkdir(exist_ok=True)
    linking = kept.with_name(f".{kept.name}.building")
    linking.unlink(missing_ok=True)
    lake.link_or_copy(settings.serving_file, linking)
    lake.replace_file(linking, kept)


def _prune(settings: Settings, current: str) -> None:
    for path in _kept_paths(settings)[: -settings.releases_kept]:
        if path.stem != current:
            path.unlink()


@contextmanager
def _exclusive(settings: Settings) -> Iterator[None]:
    """Let one process at a time publish or roll back; the lock goes with the process."""
    settings.serving_file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.serving_file.parent / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise PublishError("Another publish or rollback is going on. Wait until it ends.") from error
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _building(settings: Settings) -> Iterator[Path]:
    """Yield the path to build at, beside the serving file; nothing stays there, nor from a killed run before."""
    built = settings.serving_file.with_name(f".{settings.serving_file.name}.building")
    leftovers = (built, _log_of(built))
    try:
        for path in leftovers:
            path.unlink(missing_ok=True)
        yield built
    finally:
        for path in leftovers:
            path.unlink(missing_ok=True)


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")
