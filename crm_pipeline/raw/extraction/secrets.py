"""Secrets from the environment, and messages without them."""

import os
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

_SHORTEST_HIDDEN = 4


class ExtractionError(RuntimeError):
    """Rows could not be fetched; the message names source, host, problem and remedy, and no secret."""


class Secrets:
    """Looks up secrets, and remembers them so that they can be taken out of messages."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._hidden: set[str] = set()

    def get(self, variable: str) -> str:
        """Return the value of a variable.

        Raises:
            ExtractionError: if it is not set, or empty.
        """
        value = self._environment.get(variable, "").strip()
        if not value:
            raise ExtractionError(f"the environment variable {variable} is not set. Set it, and run again.")
        self._hide(value)
        return value

    def clean(self, message: str) -> str:
        """Return the first line of a message without any secret that was looked up."""
        line = message.strip().splitlines()[0] if message.strip() else ""
        for secret in sorted(self._hidden, key=len, reverse=True):
            line = line.replace(secret, "***")
        return line

    def _hide(self, value: str) -> None:
        found = {value}
        if "://" in value:
            parts = urlsplit(value)
            found |= {parts.netloc.rpartition("@")[0], parts.password or "", parts.query}
        for secret in found:
            forms = {secret, unquote(secret), quote(secret, safe=""), quote_plus(secret)}
            self._hidden |= {form for form in forms if len(form) >= _SHORTEST_HIDDEN}
