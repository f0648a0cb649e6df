"""How a command ends that cannot go on: with one sentence, and with the traceback in a log, never on the screen."""

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from crm_pipeline.config.settings import Settings, now

#: Exit code of a command that was interrupted from the keyboard.
INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def ended(command: Callable[[], object]) -> int:
    """Run a command and return its exit code, whatever happens in it; a command that ends the process may do so.

    With `CRM_DEBUG=1` what nobody foresaw is raised, so that its traceback shows.
    """
    try:
        command()
        sys.stdout.flush()
    except KeyboardInterrupt:
        _say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has read enough; nothing may be written when the interpreter ends either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("CRM_DEBUG") == "1":
            raise
        _say(f"{sentence(error)} The details are in {_written(error)}; CRM_DEBUG=1 shows them.")
        return 1
    return 0


def sentence(error: BaseException) -> str:
    """Return what went wrong, in one sentence without values that may be personal."""
    if isinstance(error, OSError):
        return _sentence_of_system(error)
    if _is_lock(error):
        return f"Another process has a database open: {_first_line(error)}. Remedy: close it, or wait until it ends."
    if isinstance(error, ModuleNotFoundError):
        return f"The package {error.name} is not installed. Remedy: make setup."
    if isinstance(error, RecursionError | MemoryError):
        return f"There is not enough memory ({type(error).__name__}). Remedy: raise it, or lower CRM_MEMORY_LIMIT."
    return f"This was not foreseen ({type(error).__name__})."


def _sentence_of_system(error: OSError) -> str:
    place = f": {error.filename}" if error.filename else ""
    if error.errno is None:
        return str(error) or type(error).__name__
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return f"The disk is full{place}. Remedy: make room, and run again."
    if error.errno in _FORBIDDEN:
        return f"{reason}{place}. Remedy: let the user who runs this read and write there (chmod, chown)."
    return f"{reason}{place}."


def _is_lock(error: BaseException) -> bool:
    return type(error).__module__.endswith("duckdb") and "Could not set lock on file" in str(error)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0].rstrip(".")


def _written(error: BaseException) -> Path:
    """Write the traceback to the dataset's logs, or to a temporary folder where that cannot be; return the file."""
    text = "".join(traceback.format_exception(error))
    name = f"error-{now():%Y%m%dT%H%M%SZ}-{os.getpid()}.log"
    for folder in (_logs(), Path(tempfile.gettempdir())):
        if folder is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            # For the eyes of its user only: a message may hold a value.
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return Path(os.devnull)


def _logs() -> Path | None:
    try:
        return Settings().state / "logs"
    except ValueError:
        return None


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return
