"""What the SQL linter puts in place of dbt: the macros of the project themselves, as they answer for DuckDB."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.dbt.rendering import linter_context

globals().update(linter_context())
