"""Patterns of files in a dataset folder."""

from pathlib import Path, PurePosixPath


def inside_the_folder(pattern: str) -> str:
    """Return a pattern that can take files of a dataset folder, and nothing outside it.

    Raises:
        ValueError: if it cannot.
    """
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise ValueError(
            f"'{pattern}' leads out of the dataset folder. Give a path relative to it, such as landing/*.csv"
        )
    for part in PurePosixPath(pattern).parts:
        if "**" in part and part != "**":
            raise ValueError(
                f"'{part}' is no pattern: ** stands for folders, between slashes. "
                f"Write '{pattern.replace(part, part.replace('**', '**/*'))}', or * for one folder"
            )
    if not PurePosixPath(pattern).name:
        raise ValueError(f"'{pattern}' names no files. Give a pattern such as landing/*.csv")
    return pattern
