"""What lies in landing, looked at before anything reads it: whether it is a file, where it leads, who may open it."""

import errno
import logging
import os
import re
import stat
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from crm_pipeline.raw.textfile import Refused

_log = logging.getLogger(__name__)
_TAKE_OUT = "Deliver a file in its place, or take it out of the folder."
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
_SHOWN_ESCAPED = re.compile("[\udc80-\udcff\x00-\x1f\x7f]")


class Unforeseen(Refused):
    """A refusal for a reason that nobody foresaw, and that may pass."""


def allowed_folders(folder: Path, linked: Sequence[Path] = ()) -> tuple[Path, ...]:
    """Return the folders that files may really lie in: the dataset's, and those that the deployment allows."""
    return tuple(Path(os.path.realpath(path)) for path in (folder, *linked))


def refuse_unreadable(path: Path, within: Sequence[Path]) -> None:
    """Stop at what is no file that can be opened; nothing is read, so that a pipe makes nobody wait.

    Args:
        path: what a pattern of pipeline.yml takes.
        within: folders that it may really lie in.

    Raises:
        Refused: says what it is instead, and what to do.
    """
    try:
        real = path.resolve(strict=True)
        mode = real.stat().st_mode
        allowed = any(real.is_relative_to(folder) for folder in within)
        if allowed and stat.S_ISREG(mode):
            os.close(os.open(real, os.O_RDONLY | os.O_NONBLOCK))
    except (OSError, RuntimeError) as error:
        raise _unopened(path, error) from None
    if not allowed:
        remedy = f"Deliver the file itself, or let this deployment read {real.parent} with CRM_LINKED_FOLDERS."
        raise Refused("It leads out of the dataset folder by a link.", remedy)
    if stat.S_ISDIR(mode):
        if not may_look_into(real):
            raise _forbidden("folder")
        raise Refused("It is a folder, not a file.", "Correct the pattern `files` of this source in pipeline.yml.")
    if not stat.S_ISREG(mode):
        raise Refused(f"It is {_KINDS.get(stat.S_IFMT(mode), 'something else')}, not a file.", _TAKE_OUT)


def may_look_into(folder: Path) -> bool:
    """Tell whether the user may list a folder and open what is in it."""
    return os.access(folder, os.R_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def one_file() -> Iterator[None]:
    """Turn whatever goes wrong while a file is read into a refusal of that file, so that the others are read.

    What no reader foresaw is told by its kind only: the message of an error may hold values of the file.

    Raises:
        Refused: says what is wrong with the file.
    """
    try:
        yield
    except Refused:
        raise
    except (duckdb.OutOfMemoryException, MemoryError):
        remedy = "Raise CRM_MEMORY_LIMIT, or deliver it in parts."
        raise Unforeseen("Reading it takes more memory than there is.", remedy) from None
    except Exception as error:  # noqa: BLE001 - a defect of a reader costs the file that shows it, not the load
        kind = type(error).__name__
        _log.warning("%s\n%s", kind, "".join(traceback.format_tb(error.__traceback__)))
        remedy = "Deliver it again, or in another format; the log says where reading stopped."
        raise Unforeseen(f"It cannot be read ({kind}).", remedy) from None


def shown_name(folder: Path, path: Path) -> str:
    r"""Return a file's path in its dataset folder as text, with `\x` and hex for what is no UTF-8 or a control."""
    name = path.relative_to(folder).as_posix()
    return _SHOWN_ESCAPED.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def is_there(folder: Path, name: str) -> bool:
    """Tell whether something lies in landing under a name that `shown_name` made; a link counts by itself."""
    raw = _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), name.encode())
    return any(os.path.lexists(folder / each) for each in (name, os.fsdecode(raw)))


def file_mark(path: Path) -> tuple[int, int, int, int] | None:
    """Return what no change of a file leaves as it was; None where it is not there.

    Whoever copies a file with its times, or sets them back, gives other content the old size and time of change. The
    time of change of the inode cannot be set, and a file that takes the place of another has an inode of its own.
    """
    try:
        status = path.stat()
    except (OSError, RuntimeError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _unopened(path: Path, error: OSError | RuntimeError) -> Refused:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return Refused("It is a link that leads nowhere.", _TAKE_OUT)
        return Refused("It was taken away before it could be read.", "Deliver it again if it is to be loaded.")
    # Of a loop, one version of Python says that it is a RuntimeError, and another an OSError.
    if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
        return Refused("It is a link that leads back to itself.", _TAKE_OUT)
    if isinstance(error, PermissionError):
        return _forbidden("file")
    return Refused(f"The file cannot be opened ({error.strerror}).", "Deliver it again, or take it out of the folder.")


def _forbidden(what: str) -> Refused:
    problem = f"The {what} may not be read by the user who runs this."
    return Refused(problem, "Give that user the right to read it (chmod), or take it out of landing.")
