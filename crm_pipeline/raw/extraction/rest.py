"""Records of a REST endpoint, read page by page by dlt, which repeats what fails and waits where it is told to."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from crm_pipeline.config.extraction import Auth, Rest
from crm_pipeline.raw.extraction.secrets import ExtractionError, Secrets

if TYPE_CHECKING:
    from dlt.extract import DltResource
    from requests import Response

_KEYS_SHOWN = 20


def endpoint_records(rest: Rest, secrets: Secrets) -> "DltResource":
    """Return the records that are new since the cursor, or all where there is none, as the API gives them.

    Raises:
        ExtractionError: if a secret is missing, or dlt does not know the paginator.
    """
    from dlt.common.exceptions import DictValidationException
    from dlt.sources.rest_api import rest_api_resources

    endpoint: dict[str, Any] = {
        "path": rest.path,
        "params": rest.params,
        "paginator": rest.paginator,
        "data_selector": rest.records,
        "response_actions": [_records_are_there(rest.records)],
    }
    if rest.cursor:
        endpoint["incremental"] = {
            "cursor_path": rest.cursor.field,
            "start_param": rest.cursor.param,
            "initial_value": rest.cursor.initial,
        }
    client: dict[str, Any] = {
        "base_url": rest.base_url,
        "headers": rest.headers | {name: secrets.get(variable) for name, variable in rest.headers_env.items()},
    }
    if rest.auth:
        client["auth"] = _credentials(rest.auth, secrets)
    config = {"client": client, "resources": [{"name": "records", "endpoint": endpoint}]}
    try:
        (resource,) = rest_api_resources(cast(Any, config))
    except (DictValidationException, ValueError, TypeError) as error:
        remedy = "Correct extract.rest.paginator in pipeline.yml as dlt's rest_api describes it."
        raise ExtractionError(f"it cannot be asked like this: {secrets.clean(str(error))} {remedy}") from None
    return resource


def explain_rest(error: BaseException, rest: Rest) -> str | None:
    """Return problem and remedy of an error of the API; None for errors of another kind."""
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _explain_status(error.response.status_code, rest)
    if isinstance(error, requests.JSONDecodeError):
        return f"{rest.path} answered with something that is not JSON. Correct extract.rest.base_url or path."
    if isinstance(error, requests.RequestException):
        return f"it cannot be reached ({type(error).__name__}). See that extract.rest.base_url is right, and run again."
    return None


def rest_host(rest: Rest) -> str:
    """Return where the API is."""
    return urlsplit(rest.base_url).netloc


def _credentials(auth: Auth, secrets: Secrets) -> dict[str, Any]:
    if auth.type == "bearer":
        return {"type": "bearer", "token": secrets.get(auth.token_env or "")}
    if auth.type == "api_key":
        key = secrets.get(auth.api_key_env or "")
        return {"type": "api_key", "name": auth.name, "api_key": key, "location": auth.location or "header"}
    password = secrets.get(auth.password_env) if auth.password_env else ""
    return {"type": "http_basic", "username": secrets.get(auth.username_env or ""), "password": password}


def _records_are_there(path: str) -> Any:
    """Return a look at each answer: dlt takes one without the path for one without records."""
    from dlt.common.jsonpath import find_values

    def look(response: "Response", *_: Any, **__: Any) -> None:
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            return
        answer = response.json()
        found = find_values(path, answer)
        if not found:
            keys = f"It has: {', '.join(list(answer)[:_KEYS_SHOWN])}. " if isinstance(answer, dict) else ""
            raise ExtractionError(f"the answer has no '{path}'. {keys}Correct extract.rest.records in pipeline.yml.")
        records = found[0] if isinstance(found[0], list) else found
        if not all(isinstance(record, dict) for record in records):
            raise ExtractionError("the records are no JSON objects. Correct extract.rest.records in pipeline.yml.")

    return look


def _explain_status(status: int, rest: Rest) -> str:
    problem = f"{rest.path} answered {status}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        variables = [*rest.headers_env.values()]
        if rest.auth:
            auth = rest.auth
            named = (auth.token_env, auth.api_key_env, auth.username_env, auth.password_env)
            variables += [variable for variable in named if variable]
        remedy = f"See that {' and '.join(variables)} is right." if variables else "Give extract.rest.auth."
    elif status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        remedy = "It was asked several times; run again later."
    else:
        remedy = "Correct extract.rest.path and params in pipeline.yml."
    return f"{problem}. {remedy}"
