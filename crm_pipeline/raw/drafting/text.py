"""How a draft is written: marks, names and values as YAML says them."""

import re
from typing import Any

import yaml

EDIT = "# EDIT:"
GUESS = "# guess:"


def scalar(text: str) -> str:
    """Return a text as a value or key of YAML."""
    return yaml.safe_dump(text, allow_unicode=True, width=10_000).removesuffix("\n...\n").strip()


def flow(mapping: dict[str, Any]) -> str:
    """Return a mapping on one line."""
    return yaml.safe_dump(mapping, default_flow_style=True, allow_unicode=True, width=10_000, sort_keys=False).strip()


def listed(names: list[str]) -> str:
    """Return names of columns for a comment: each on one line."""
    return ", ".join(" ".join(name.split()) for name in names)


def unique(name: str, names: set[str]) -> str:
    """Return the name of a source that is not taken yet, and take it."""
    name = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    number = 2
    found = name
    while found in names:
        found, number = f"{name}_{number}", number + 1
    names.add(found)
    return found
