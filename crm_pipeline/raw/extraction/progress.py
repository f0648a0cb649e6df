"""How far the extraction of a source has come: dlt's state, kept so that a file lands together with its cursor."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crm_pipeline.storage import lake


@dataclass
class Progress:
    """The cursor of a source.

    A landing file is announced before it gets its name. If the machine stops in between, the next extraction finds out
    by the file whether it landed, so that no row is lost or fetched twice.
    """

    path: Path
    mark: str
    state: dict[str, Any] = field(default_factory=dict)
    digest: str = ""

    @classmethod
    def read(cls, path: Path, mark: str, landing: Path) -> "Progress":
        """Read what the last extraction left; nothing where another table or endpoint was asked then.

        Args:
            path: the file that keeps it.
            mark: hash of what is asked.
            landing: the folder that the files land in.
        """
        from dlt.common.json import json as typed_json

        announced = _announced(path)
        if announced.exists():
            if (landing / json.loads(announced.read_bytes())["file"]).exists():
                lake.replace_file(announced, path)
            else:
                announced.unlink()
        if not path.exists():
            return cls(path, mark)
        kept = json.loads(path.read_bytes())
        if kept["mark"] != mark:
            return cls(path, mark)
        return cls(path, mark, typed_json.typed_loads(kept["state"]), kept["digest"])

    def announce(self, file: str, digest: str) -> None:
        """Note that a file with this name and content is about to land."""
        from dlt.common.json import json as typed_json

        state = typed_json.typed_dumps(self.state)
        kept = {"mark": self.mark, "file": file, "digest": digest, "state": state}
        with lake.atomic_file(_announced(self.path)) as building:
            building.write_text(json.dumps(kept), encoding="utf-8")

    def settle(self) -> None:
        """Note that the announced file has landed."""
        lake.replace_file(_announced(self.path), self.path)


def _announced(path: Path) -> Path:
    return path.with_suffix(".announced.json")
