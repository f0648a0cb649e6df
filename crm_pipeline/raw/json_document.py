"""The records of a JSON document, one at a time: an array of them, or an object that holds it, or a single one.

A window slides over the text, so that memory is bounded by the largest record, and each record keeps the text that it
was delivered with: no number passes through a float.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from crm_pipeline.raw.textfile import Refused

_CHUNK = 1 << 20
_MAX_RECORD = 1 << 26
_LONGEST_WORD = 16
_SPACE = " \t\r\n"
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_REMEDY = "Deliver the file again, whole; if it holds one JSON object per line, set read.format to jsonl."


@dataclass(frozen=True)
class JsonRecord:
    """The text of one record by its number from 1, or of what cannot be read, with the problem."""

    number: int
    text: str
    problem: str | None = None
    remedy: str | None = None


def document_records(stream: IO[str], path: str | None) -> Iterator[JsonRecord]:
    """Yield the records of a document; what follows a mistake in the text is one last record with the problem.

    Args:
        stream: the document.
        path: where in the document the array is, as keys joined by dots; None for the document itself.

    Raises:
        Refused: if the document breaks off before its records, or has nothing at `path`.
    """
    window = _Window(stream)
    try:
        _descend(window, path)
        opening = window.peek()
        if opening not in ("[", "{"):
            raise Refused("The JSON document holds neither an array of objects nor an object.", _set_records(path))
    except ValueError as error:
        raise Refused(f"The file is not a JSON document: {error}.", _REMEDY) from None
    number = 0
    try:
        for text in _elements(window) if opening == "[" else [window.value()]:
            number += 1
            yield JsonRecord(number, text)
        if path is None:
            window.need_end()
    except ValueError as error:
        yield JsonRecord(number + 1, window.rest(), f"not JSON from here on: {error}", _REMEDY)


def _descend(window: "_Window", path: str | None) -> None:
    """Move the window to the value at the path."""
    for key in path.split(".") if path else []:
        if not window.take("{"):
            raise Refused(f"The JSON document has no object that could hold '{key}'.", _set_records(path))
        seen = []
        while (name := json.loads(window.key())) != key:
            seen.append(name)
            window.value()
            if not window.take(","):
                has = f" It has: {', '.join(seen[:20])}."
                raise Refused(f"The JSON document has no '{key}' (read.records).{has}", _set_records(path))


def _elements(window: "_Window") -> Iterator[str]:
    window.take("[")
    if window.take("]"):
        return
    while True:
        yield window.value()
        if window.take("]"):
            return
        window.need(",")


def _set_records(path: str | None) -> str:
    what = "Correct read.records" if path else "Set read.records to the path of the array"
    return f"{what} of this source in pipeline.yml, such as data.items."


class _Window:
    """A window on a stream of JSON text."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._text = stream.read(1).removeprefix("\ufeff")
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no space; nothing at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._read_on()

    def take(self, character: str) -> bool:
        """Step over the next character if it is this one."""
        found = self.peek() == character
        self._at += found
        return found

    def need(self, character: str) -> None:
        """Step over a character that must come next."""
        if not self.take(character):
            raise ValueError(f"'{character}' expected" if self.peek() else "it breaks off")

    def need_end(self) -> None:
        """Tell that nothing may follow."""
        if self.peek():
            raise ValueError("text after the end of the document")

    def key(self) -> str:
        """Step over the key of a member and its colon; return the key as JSON text."""
        if self.peek() != '"':
            raise ValueError("a key expected" if self.peek() else "it breaks off")
        key = self.value()
        self.need(":")
        return key

    def value(self) -> str:
        """Step over the next value and return its text."""
        if not self.peek():
            raise ValueError("it breaks off")
        while True:
            try:
                end = _DECODER.raw_decode(self._text, self._at)[1]
            except json.JSONDecodeError as error:
                unfinished = "Unterminated" in error.msg or error.pos > len(self._text) - _LONGEST_WORD
                if self._ended or not unfinished:
                    # The parser's message without the text around the place: it may be personal data.
                    raise ValueError("it breaks off" if unfinished else error.msg.lower()) from None
            except RecursionError:
                raise ValueError("nested too deeply") from None
            else:
                # A number may go on in the text that is not read yet.
                if end < len(self._text) or self._ended:
                    text = self._text[self._at : end]
                    self._at = end
                    return text
            if len(self._text) - self._at > _MAX_RECORD:
                raise ValueError(f"a record is longer than {_MAX_RECORD:,} characters")
            self._read_on()

    def rest(self) -> str:
        """Return the text from here to the end of the window."""
        return self._text[self._at :]

    def _read_on(self) -> None:
        """Take in more text: as much again as is pending, so that a long record is not parsed too often."""
        pending = self._text[self._at :]
        more = self._stream.read(max(_CHUNK, len(pending)))
        self._ended = not more
        self._text, self._at = pending + more, 0
