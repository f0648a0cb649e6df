"""What `extract:` of a source says: the table or the endpoint to ask, and the variables that hold the secrets."""

import hashlib
import json
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from crm_pipeline.config.strict import Strict

_SECRET_NAME = re.compile(
    r"(x-)?(api[-_]?key|auth[-_]?token|access[-_]?token|authorization|cookie|key|token|secret|client[-_]?secret|"
    r"password|pwd)",
    re.IGNORECASE,
)


class _Strict(Strict):
    @model_validator(mode="before")
    @classmethod
    def _no_secret_in_plain_text(cls, data: Any) -> Any:
        for name in data if isinstance(data, dict) else ():
            if f"{name}_env" in cls.model_fields and name not in cls.model_fields:
                raise ValueError(
                    f"'{name}' is a secret and does not belong in this file. Put it into an environment variable, "
                    f"and give the variable's name: {name}_env: MY_{str(name).upper()}"
                )
        return data

    @field_validator("*")
    @classmethod
    def _names_of_variables(cls, value: Any, info: Any) -> Any:
        if str(info.field_name).endswith("_env"):
            for name in value.values() if isinstance(value, dict) else [value]:
                # The value is not shown: it may be the secret itself.
                if name is not None and not re.fullmatch("[A-Z][A-Z0-9_]*", name):
                    raise ValueError(
                        "not the name of an environment variable, which is in capitals such as SHOP_TOKEN. "
                        "Give the variable's name; the secret itself does not belong in this file"
                    )
        return value


class SqlTable(_Strict):
    """A table or view of a database that SQLAlchemy can reach."""

    url_env: str = Field(description="Variable with the SQLAlchemy URL.")
    table: str = Field(min_length=1, description="Table or view.")
    schema_: str | None = Field(default=None, alias="schema", min_length=1, description="Default: the connection's.")
    cursor: str | None = Field(default=None, min_length=1, description="Column that grows as rows are changed.")
    chunk_rows: int = Field(default=50_000, ge=1, description="Rows that are held in memory at once.")


class RestCursor(_Strict):
    """How to ask an API for what is new only."""

    param: str = Field(min_length=1, description="Query parameter that takes the newest value seen.")
    field: str = Field(min_length=1, description="Field of a record that has the value, or a JSON path.")
    initial: str | int | None = Field(default=None, description="Value for the first extraction.")


class Auth(_Strict):
    """How to authenticate; the secrets themselves stand in the environment."""

    type: Literal["bearer", "api_key", "http_basic"] = Field(description="Kind of authentication.")
    token_env: str | None = Field(default=None, description="bearer: variable with the token.")
    api_key_env: str | None = Field(default=None, description="api_key: variable with the key.")
    name: str | None = Field(default=None, description="api_key: name of the header or query parameter.")
    location: Literal["header", "query"] | None = Field(default=None, description="api_key: default is header.")
    username_env: str | None = Field(default=None, description="http_basic: variable with the user.")
    password_env: str | None = Field(default=None, description="http_basic: variable with the password; may be absent.")

    @model_validator(mode="after")
    def _fits_its_type(self) -> "Auth":
        needed, allowed = {
            "bearer": ({"token_env"}, set[str]()),
            "api_key": ({"api_key_env", "name"}, {"location"}),
            "http_basic": ({"username_env"}, {"password_env"}),
        }[self.type]
        given = self.model_fields_set - {"type"}
        if missing := sorted(needed - given):
            raise ValueError(f"type {self.type} needs {' and '.join(missing)}. Add it")
        if alien := sorted(given - needed - allowed):
            raise ValueError(f"type {self.type} has no {alien[0]}. Remove it")
        return self


class Rest(_Strict):
    """An endpoint of a REST API that answers in JSON."""

    base_url: str = Field(description="Address of the API.")
    path: str = Field(min_length=1, description="Path of the endpoint.")
    params: dict[str, Any] = Field(default={}, description="Query parameters.")
    headers: dict[str, str] = Field(default={}, description="Headers without secrets.")
    headers_env: dict[str, str] = Field(default={}, description="Header -> variable with its value.")
    records: str = Field(default="$", min_length=1, description="JSON path to the records; default: the whole answer.")
    paginator: str | dict[str, Any] = Field(
        description="How the API pages, as dlt's rest_api describes it; `single_page` where it does not."
    )
    cursor: RestCursor | None = Field(default=None, description="Default: everything, each time.")
    auth: Auth | None = Field(default=None, description="Default: none.")

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an address. Give one such as https://api.example.com")
        if "@" in parts.netloc or parts.query:
            raise ValueError("an address with a user or parameters. Give them under auth and params")
        return value

    @field_validator("params", "headers")
    @classmethod
    def _no_secret_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if _SECRET_NAME.fullmatch(name):
                raise ValueError(
                    f"'{name}' looks like a secret, which does not belong in this file. Give it under auth"
                )
        return value


class Extraction(_Strict):
    """Where a source's rows are fetched from before its files are read."""

    sql_table: SqlTable | None = Field(default=None, description="A table of a database.")
    rest: Rest | None = Field(default=None, description="An endpoint of a REST API.")

    @model_validator(mode="after")
    def _one_origin(self) -> "Extraction":
        if (self.sql_table is None) == (self.rest is None):
            raise ValueError("give exactly one of sql_table and rest")
        return self

    @property
    def origin(self) -> SqlTable | Rest:
        """What is asked."""
        if self.sql_table is not None:
            return self.sql_table
        assert self.rest is not None  # noqa: S101 - the validator saw to it
        return self.rest

    @property
    def mark(self) -> str:
        """A hash of what is asked: where it changes, the cursor starts again."""
        described = self.model_dump(mode="json", exclude={"sql_table": {"chunk_rows"}})
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
