"""One invented company on disk, read back with the csv and json modules, which share no code with the writer."""

import csv
import gzip
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crm_pipeline.sample.company import Company, make_company
from crm_pipeline.sample.generate import generate

PEOPLE, SEED = 800, 11


def has_foreign_bytes(row: list[str]) -> bool:
    """Tell whether a row held bytes that are no UTF-8."""
    return any("\udc80" <= letter <= "\udcff" for cell in row for letter in cell)


@dataclass(frozen=True)
class Landing:
    """A dataset folder that was written, and how its files are read."""

    folder: Path
    seed: int

    def files(self, pattern: str = "*.*") -> list[Path]:
        return sorted(path for path in (self.folder / "landing").rglob(pattern) if path.is_file())

    def name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def text(self, path: Path) -> str:
        """Text without a byte order mark; bytes that are no UTF-8 come back as lone surrogates."""
        data = path.read_bytes()
        data = gzip.decompress(data) if path.suffix == ".gz" else data
        return data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")

    def rows(self, path: Path) -> list[list[str]]:
        text = self.text(path)
        return list(csv.reader(io.StringIO(text), delimiter=";" if ";" in text.splitlines()[0] else ","))

    def table(self, pattern: str) -> pd.DataFrame:
        """All readable rows of the CSV files of a pattern, in delivery order."""
        frames = [pd.DataFrame([cells for _, cells in self.cells(path)]) for path in self.files(pattern)]
        return pd.concat(frames, ignore_index=True)

    def cells(self, path: Path) -> list[tuple[int, dict[str, str]]]:
        """Line and cells of each readable row of a CSV file."""
        header, *rows = self.rows(path)
        return [
            (line, dict(zip(header, row, strict=True)))
            for line, row in enumerate(rows, start=2)
            if len(row) == len(header) and not has_foreign_bytes(row)
        ]

    def documents(self, pattern: str) -> list[tuple[str, int, Any]]:
        """File, line and content of each line of JSON; None where it is none."""
        found = []
        for path in self.files(pattern):
            for line, text in enumerate(self.text(path).splitlines(), start=1):
                try:
                    found.append((self.name(path), line, json.loads(text.encode("utf-8"))))
                except ValueError:
                    found.append((self.name(path), line, None))
        return found

    def truth(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.folder / "truth" / f"{name}.csv", keep_default_na=False)


@pytest.fixture(scope="session")
def company() -> Company:
    return make_company(PEOPLE, SEED)


@pytest.fixture(scope="session")
def landing(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Landing:
    root = tmp_path_factory.mktemp("sample")
    generate(PEOPLE, SEED, root, processes=1, say=lambda _: None)
    return Landing(root, SEED)


@pytest.fixture(scope="session")
def dirt(landing: Landing) -> pd.DataFrame:
    return landing.truth("dirt")
