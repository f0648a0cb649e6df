"""Acts as a user who may do less than root, under whom tests may run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NOBODY = 65534


@contextmanager
def another_user(folder: Path) -> Iterator[None]:
    """Act as another user, who owns `folder`. What is imported for the first time must be imported before."""
    if os.getuid():
        pytest.skip("only root can act as another user")
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    for parent in folder.parents:
        parent.chmod(parent.stat().st_mode | 0o011)
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
