"""The JSON schema of pipeline.yml, by which editors complete and check what people write."""

import json
from pathlib import Path
from typing import Any

from crm_pipeline.config.combining import FUNCTIONS
from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.preset import presets

#: Beside pipeline.yml, and hidden: no pattern of files takes it for data.
SCHEMA_FILE = ".pipeline.schema.json"
#: By this line on top of pipeline.yml an editor finds the schema.
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"


def write_schema(folder: Path) -> None:
    """Write the schema beside the pipeline.yml of a dataset folder."""
    text = json.dumps(pipeline_schema(), indent=2)
    (folder / SCHEMA_FILE).write_text(f"{text}\n", encoding="utf-8")


def pipeline_schema() -> dict[str, Any]:
    """Return the schema of pipeline.yml: what its models say, and the short forms that they take."""
    schema = Dataset.model_json_schema()
    # The folder is where the file lies, and a preset may give all that a source does not say but its name and files.
    del schema["properties"]["folder"]
    schema["required"].remove("folder")
    source, column, read = (schema["$defs"][name] for name in ("SourceConfig", "ColumnMapping", "ReadOptions"))
    source["required"] = ["name", "files"]
    source["properties"]["preset"]["enum"] = [None, *presets()]
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    short = {"anyOf": [{"$ref": "#/$defs/ColumnMapping"}, {"type": ["string", "null"]}, names]}
    source["properties"]["columns"]["additionalProperties"] = short
    plain = {"type": ["string", "number", "boolean", "null"]}
    column["properties"]["value"] |= {"anyOf": [plain]}
    _short_forms_of_combining(schema["$defs"], names)
    values = {"type": "object", "additionalProperties": plain, "minProperties": 1}
    column["properties"]["values"] |= {"anyOf": [values]}
    read["properties"]["null_values"]["items"] = plain
    return {"title": "pipeline.yml", **{key: value for key, value in schema.items() if key != "title"}}


def _short_forms_of_combining(kinds: dict[str, Any], names: dict[str, Any]) -> None:
    """Let one thing stand for a list of one, and a name for a column that keeps it."""
    aggregate, join = kinds["Aggregate"]["properties"], kinds["Join"]["properties"]
    renamed = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
    joins = [{"$ref": "#/$defs/Join"}, {"type": "array", "items": {"$ref": "#/$defs/Join"}}]
    forms = (
        (aggregate, "by", [{"type": "string"}, names]),
        (join, "on", [renamed, {"type": "string"}, names]),
        (join, "columns", [renamed, {"type": "string"}, names]),
        (kinds["SourceConfig"]["properties"], "join", joins),
    )
    for place, key, kinds_of_key in forms:
        told = {name: value for name, value in place[key].items() if name in ("description", "title", "default")}
        place[key] = told | {"anyOf": kinds_of_key}
    function = {"anyOf": [{"enum": [*FUNCTIONS]}, aggregate["columns"]["additionalProperties"]]}
    aggregate["columns"]["additionalProperties"] = function
