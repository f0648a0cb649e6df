"""The JSON schema of pipeline.yml, by which editors complete and check what people write."""

from typing import Any

from crm_pipeline.config.dataset import Dataset
from crm_pipeline.config.preset import presets


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
    values = {"type": "object", "additionalProperties": plain, "minProperties": 1}
    column["properties"]["values"] |= {"anyOf": [values]}
    read["properties"]["null_values"]["items"] = plain
    return {"title": "pipeline.yml", **{key: value for key, value in schema.items() if key != "title"}}
