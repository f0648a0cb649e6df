"""Renders the lists of marts from their yml: the table in their README, and the exposure of the serving file.

`make generated` writes them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from crm_pipeline.config.settings import PROJECT
from crm_pipeline.stages import Stage

MARTS = PROJECT / "dbt_project" / "models" / Stage.MARTS
_SERVING = {
    "name": "serving_file",
    "label": "Serving file for BI tools",
    "type": "dashboard",
    "maturity": "high",
    "description": "The checked copy of the marts, and of the customer stage less personal data, that BI tools open.",
    "owner": {"name": "Data engineering"},
}


def render(marts: Path = MARTS) -> dict[str, str]:
    """Return the text of each file by its path below the marts."""
    public = list(_public(marts))
    exposure = {**_SERVING, "depends_on": [f"ref('{model['name']}')" for _, model in public]}
    document = {"version": 2, "exposures": [exposure]}
    return {
        "README.md": _readme(marts, public),
        "_serving_file.yml": "# Generated from the descriptions of the marts by `make generated`; not edited by hand.\n"
        + yaml.safe_dump(document, sort_keys=False, width=1000),
    }


def _public(marts: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the marts that everybody may read, each with its group, in the order of their names."""
    for path in sorted(marts.glob("*/[!_]*.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            if model.get("config", {}).get("access") != "protected":
                yield path.parent.name, model


def _readme(marts: Path, public: list[tuple[str, dict[str, Any]]]) -> str:
    """Return the README with the tables made anew; what stands before and behind them stays."""
    text = (marts / "README.md").read_text(encoding="utf-8")
    before, after = text.partition("\n## ")[0].rstrip("\n"), text.rpartition(" |\n")[2]
    parts = [before]
    for group in yaml.safe_load((marts / "_groups.yml").read_text(encoding="utf-8"))["groups"]:
        rows = [f"| `{model['name']}` | {_grain(model)}. |" for of, model in public if of == group["name"]]
        parts.append(
            f"\n\n## {group['name']}\n\n{group['description']}\n\n| mart | grain |\n|---|---|\n" + "\n".join(rows)
        )
    return "".join(parts) + "\n" + after


def _grain(model: dict[str, Any]) -> str:
    return str(model["description"]).split(". ")[0].strip().rstrip(".").replace("\n", " ")


def main(marts: Path = MARTS) -> None:
    """Write the files beside the marts."""
    for name, text in render(marts).items():
        (marts / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
