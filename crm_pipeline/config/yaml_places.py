"""YAML that people write, read so that each value keeps its line; what cannot be meant is named with its place.

Reading takes bounded time and memory, whatever the file holds.
"""

import codecs
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MOST_BYTES = 2_000_000
_DEEPEST = 50
_MOST_VALUES = 200_000
_TEXT, _NULL, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"
_KINDS = {"bool": "yes or no", "int": "a number", "float": "a number", "null": "no value", "timestamp": "a date"}
_OTHER_ENCODINGS = {codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}


class YamlError(ValueError):
    """A YAML file cannot be used; the message names the file, the line, the problem and the remedy."""


@dataclass(frozen=True)
class Document:
    """What a file says, and where."""

    path: Path
    values: Any
    root: yaml.Node

    def line(self, loc: Sequence[Any]) -> int:
        """Return the line of the deepest part of a place that the document has."""
        *_, (line, _) = _way(self.root, loc)
        return line

    def has(self, loc: Sequence[Any]) -> bool:
        """Tell whether the document says something at a place."""
        return len([*_way(self.root, loc)]) > len(loc)

    def not_text(self, loc: Sequence[Any]) -> tuple[str, str] | None:
        """Return how a scalar that is no text is written, and what YAML takes it for; None for all else."""
        *_, (_, node) = _way(self.root, loc)
        kind = _KINDS.get(node.tag.rpartition(":")[2]) if isinstance(node, yaml.ScalarNode) else None
        return (str(node.value), kind) if kind else None


def read_yaml(path: Path, texts: Sequence[str] = (), words: Sequence[str] = (), names: Sequence[str] = ()) -> Document:
    """Read a file of one YAML document.

    Args:
        path: the file.
        texts: places whose scalars are text as they are written, also where YAML would see a number or a date;
            parts are joined by `/`, and `*` stands for any.
        words: places of mappings whose keys and values are text as they are written; no value stays none.
        names: places of mappings whose keys are text as they are written: `on` is no yes.

    Returns:
        What the file says; no values where it is empty.

    Raises:
        YamlError: if the file is none, is too large, is no YAML, or says a thing twice.
    """
    text = _text(path)
    try:
        _require_flat(text)
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            return Document(path, None, yaml.ScalarNode(_NULL, "", None))
        _require_few(root)
        for place, node in _walk(root):
            if isinstance(node, yaml.MappingNode):
                if any(fnmatchcase(place, one) for one in words):
                    _take_as_texts(part for pair in node.value for part in pair)
                if any(fnmatchcase(place, one) for one in names):
                    _take_as_texts(key for key, _ in node.value)
                _require_distinct_text_keys(node)
            elif "\0" in str(node.value):
                raise _problem("a NUL character (\\0). Take it out", node)
            elif isinstance(node, yaml.ScalarNode) and any(fnmatchcase(place, one) for one in texts):
                node.tag = _TEXT
        return Document(path, _Constructor().construct_document(root), root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = str(getattr(error, "problem", None) or str(error).splitlines()[0])
        if "constructor for the tag" in problem:
            problem = f"the tag {problem.split()[-1]} stands for no plain value. Take it out"
        raise YamlError(f"{path}{place}: not valid YAML: {problem}.") from None


class _Constructor(yaml.constructor.SafeConstructor):
    """Makes plain values only; a number or date that cannot be made has its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError, ArithmeticError):
            kind = _KINDS.get(node.tag.rpartition(":")[2], "a value")
            raise _problem(f"this cannot be {kind}. Correct it, or put it in quotes if it is text", node) from None


def _problem(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _text(path: Path) -> str:
    """Return the text of a plain file of bounded size."""
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise YamlError(f"{path}: it is a folder, and a file is expected. Move it away and write the file.")
        if not stat.S_ISREG(found.st_mode):
            raise YamlError(f"{path}: it is no plain file. Move it away and write the file.")
        if found.st_size > _MOST_BYTES:
            raise YamlError(
                f"{path}: it has {found.st_size:,} bytes, and at most {_MOST_BYTES:,} are read. "
                "Data belongs into the landing folder."
            )
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise YamlError(f"{path}: it cannot be read ({reason}). Let the user who runs this read it.") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        other = next((f" (it looks like {name})" for bom, name in _OTHER_ENCODINGS.items() if data.startswith(bom)), "")
        raise YamlError(f"{path}, line {line}: the file is not UTF-8{other}. Save it as UTF-8.") from None


def _require_flat(text: str) -> None:
    """Stop at the first value that lies too deep; the parser's events need no stack."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        mark: Any = event.start_mark
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise yaml.MarkedYAMLError(
                problem=f"values are nested more than {_DEEPEST} deep. Correct the brackets or the indentation",
                problem_mark=mark,
            )


def _require_few(root: yaml.Node) -> None:
    """Stop where aliases (`*name`) repeat values without measure, or a value holds itself."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in open_nodes:
            raise _problem("a value holds itself (& and *). Write it out", node)
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(size(child) for _, child in _children(node, keys=True))
            open_nodes.remove(id(node))
        return sizes[id(node)]

    if size(root) > _MOST_VALUES:
        raise _problem(f"more than {_MOST_VALUES:,} values, aliases (*) written out. Use fewer", root)


def _take_as_texts(nodes: Iterable[yaml.Node]) -> None:
    for node in nodes:
        if isinstance(node, yaml.ScalarNode) and node.tag not in (_NULL, _MERGE):
            node.tag = _TEXT


def _require_distinct_text_keys(node: yaml.MappingNode) -> None:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if key.tag == _MERGE:
            continue
        if not isinstance(key, yaml.ScalarNode):
            raise _problem("a key is no text. Write key: value", key)
        if key.tag != _TEXT:
            kind = _KINDS.get(key.tag.rpartition(":")[2], "no text")
            raise _problem(f'the key {key.value} is read as {kind}. Put it in quotes: "{key.value}"', key)
        if key.value in seen:
            raise _problem(f"the key '{key.value}' stands in line {seen[key.value]} already. Remove one", key)
        seen[key.value] = key.start_mark.line + 1


def _children(node: yaml.Node, *, keys: bool = False) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if keys:
                yield "", key
            yield str(key.value), value
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            yield str(position), item


def _walk(root: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    """Walk all nodes with their places; a place ends at the second mention of an anchored value."""
    waiting, seen = [("", root)], set()
    while waiting:
        place, node = waiting.pop()
        yield place, node
        if id(node) not in seen:
            seen.add(id(node))
            waiting += [(f"{place}/{name}".lstrip("/"), child) for name, child in reversed([*_children(node)])]


def _way(root: yaml.Node, loc: Sequence[Any]) -> Iterator[tuple[int, yaml.Node]]:
    """Follow a place down the document as far as it goes, with the line of each part."""
    node = root
    yield (root.start_mark.line + 1 if root.start_mark else 1), root
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if pair is None and part == 0:
                # One thing may be written for a list of one.
                yield node.start_mark.line + 1, node
                continue
            if pair is None:
                return
            node = pair[1]
            yield pair[0].start_mark.line + 1, node
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            yield node.start_mark.line + 1, node
