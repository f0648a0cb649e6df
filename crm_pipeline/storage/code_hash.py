"""A hash of code: what other code made is another version."""

import hashlib
from functools import cache
from pathlib import Path

_CODE = (".py", ".csv")


@cache
def code_hash(package: Path) -> str:
    """Return a hash of the modules of a package and of the tables that they read."""
    digest = hashlib.sha256()
    for file in sorted(path for path in package.rglob("*") if path.suffix in _CODE):
        digest.update(f"{file.relative_to(package).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()
