"""What exports call things in several languages: the vocabulary, and when two spellings are one name."""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from crm_pipeline.config.contract import Column, Contract, contracts

ENGLISH = "en"
_FOLDER = Path(__file__).parent / "vocabulary"
_REGIONS = Path(__file__).parent / "regions.yaml"
_PARTS = Path(__file__).parent / "parts_of_names.yaml"
#: How sure a language has to be, as a share of the headers that the likeliest one knows.
_AS_LIKELY = 0.6
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "å": "aa"})
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_BRACKETED = re.compile(r"[(\[\uff08]\s*([^()\[\]\uff08\uff09]{1,5}?)\s*[)\]\uff09]")


@dataclass(frozen=True)
class Vocabulary:
    """What one language calls columns (in order of belief), values, files, amounts, and tables that are no channel."""

    columns: dict[str, list[str]]
    values: dict[str, dict[str, list[str]]]
    booleans: dict[str, list[str]]
    files: dict[str, list[str]]
    money: list[str]
    measures: list[str]
    gross: list[str]
    net: list[str]
    qualifiers: dict[str, list[str]]
    others: dict[str, list[str]]
    other_files: dict[str, list[str]]

    @functools.cached_property
    def spellings(self) -> frozenset[str]:
        """All spellings of all its names of columns, also of those that no channel has."""
        called = [*self.columns.values(), *self.others.values()]
        return frozenset(spelling for names in called for name in names for spelling in spellings_of(name))


@dataclass(frozen=True)
class Languages:
    """The languages that a table speaks, the likeliest first; English, which all systems mix in, is among them."""

    codes: tuple[str, ...] = (ENGLISH,)
    _vocabularies: tuple[Vocabulary, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Look the vocabularies up."""
        object.__setattr__(self, "_vocabularies", tuple(vocabularies()[code] for code in self.codes))

    def names_of(self, contract: Contract, column: Column) -> Iterator[str]:
        """Return what a column of a contract is called, the surest names first."""
        yield column.name
        yield from column.also_called
        for vocabulary in self._vocabularies:
            yield from vocabulary.columns.get(f"{contract.name}.{column.name}", ())
            yield from vocabulary.columns.get(column.name, ())

    def words(self, kind: str) -> set[str]:
        """Return the words of a kind that is a list: `money`, `measures`, `gross` or `net`."""
        return {folded(word) for vocabulary in self._vocabularies for word in getattr(vocabulary, kind)}

    def names(self, key: str) -> list[str]:
        """Return the names under a key that is no column of a contract, such as `whole_name`."""
        return [name for vocabulary in self._vocabularies for name in vocabulary.columns.get(key, ())]

    def qualifiers(self, channel: str) -> set[str]:
        """Return what may stand before the name of a column of a channel."""
        return {folded(word) for vocabulary in self._vocabularies for word in vocabulary.qualifiers.get(channel, ())}


@functools.cache
def vocabularies() -> dict[str, Vocabulary]:
    """Return the vocabulary of each language by its code."""
    return {path.stem: Vocabulary(**_texts(path)) for path in sorted(_FOLDER.glob("*.yaml"))}


@functools.cache
def regions() -> dict[str, dict[str, Any]]:
    """Return for each country its names, currency, time zone, telephone prefix and language."""
    return yaml.safe_load(_REGIONS.read_text(encoding="utf-8"))


def languages_of(headers: Iterable[str]) -> Languages:
    """Tell which languages the headers of a table speak."""
    names = [spellings_of(header) for header in headers]
    known = Counter(
        {
            code: sum(not (vocabulary.spellings - _english()).isdisjoint(name) for name in names)
            for code, vocabulary in vocabularies().items()
            if code != ENGLISH
        }
    )
    best = max(known.values())
    likely = [code for code, times in known.most_common() if times and times >= _AS_LIKELY * best]
    return Languages((ENGLISH, *likely))


@functools.cache
def other_tables() -> dict[str, frozenset[str]]:
    """Return the spellings of columns of each kind of table that is no channel, in all languages."""
    kinds: dict[str, set[str]] = {}
    for vocabulary in vocabularies().values():
        for kind, names in vocabulary.others.items():
            kinds.setdefault(kind, set()).update(one for name in names for one in spellings_of(name))
    return {kind: frozenset(names) for kind, names in kinds.items()}


def file_hints(channel: str) -> set[str]:
    """Return beginnings of words in names of files that speak for a channel."""
    return {folded(hint) for vocabulary in vocabularies().values() for hint in vocabulary.files.get(channel, ())}


def other_file_hints(kind: str) -> set[str]:
    """Return beginnings of words in names of files that speak for a kind of table that is no channel."""
    return {folded(hint) for vocabulary in vocabularies().values() for hint in vocabulary.other_files.get(kind, ())}


@functools.cache
def spellings_of(name: str) -> frozenset[str]:
    """Return how a name may be written: without case, blanks and accents, umlauts both ways, words shortened alike."""
    text, _ = without_currency(name)
    found = set()
    for one in {text, text.casefold().translate(_UMLAUTS)}:
        plain = "".join(tokens_of(one))
        found |= {plain, plain_name(one), "".join(_alike(tokens_of(one)))}
    return frozenset(found - {""})


def plain_name(name: str) -> str:
    """Return a name without case, accents, blanks and punctuation."""
    return "".join(re.findall(r"\w", folded(name).replace("_", "")))


def tokens_of(name: str) -> list[str]:
    """Return the words of a name, without case and accents."""
    return re.findall(r"[^\W_]+", folded(_HUMP.sub(" ", name)))


def folded(text: str) -> str:
    """Return a text without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def without_currency(name: str) -> tuple[str, str | None]:
    """Divide the name of a column and the currency that it names: `Preis (EUR)`, `total_brl`."""
    bracketed = _BRACKETED.search(name)
    if bracketed and (code := _currencies().get(bracketed[1].upper())):
        return name.replace(bracketed[0], " "), code
    words = re.split(r"(?<=[^\W_])[\s_-]+", name.strip())
    code = words[-1].upper()
    if len(words) > 1 and code in _currencies().values():
        rest = name.strip()[: -len(words[-1])].rstrip(" _-")
        return re.sub(r"(?i)[\s_](in|en|em)$", "", rest), code
    return name, None


@functools.cache
def _english() -> frozenset[str]:
    """Return the spellings of all English names: those that another language shares do not speak for it."""
    called = {
        name
        for contract in contracts().values()
        for column in contract.columns
        for name in (column.name, *column.also_called)
    }
    return vocabularies()[ENGLISH].spellings | {one for name in called for one in spellings_of(name)}


def parts(kind: str) -> frozenset[str]:
    """Return the words of a kind that names of columns are made of, in all languages."""
    return frozenset(_parts()[kind])


@functools.cache
def _parts() -> dict[str, Any]:
    return _texts(_PARTS)


@functools.cache
def _currencies() -> dict[str, str]:
    return _parts()["currencies"] | {region["currency"]: region["currency"] for region in regions().values()}


def _alike(tokens: list[str]) -> list[str]:
    """Return the words of a name in the form that its abbreviations share: `Cód. do cliente` as `cliente id`."""
    words = [token for token in tokens if token not in parts("joining")] or tokens
    if len(words) > 1 and words[0] in parts("ids") | parts("before"):
        words = [*words[1:], words[0]]
    return [_short(word) for word in words]


def _short(word: str) -> str:
    if word in parts("numbers"):
        return "nr"
    if word in parts("ids"):
        return "id"
    for long, short in (("nummer", "nr"), ("number", "nr"), ("code", "id")):
        if word.endswith(long):
            return word.removesuffix(long) + short
    return word


def _texts(path: Path) -> dict[str, Any]:
    """Read a file in which all is text, also `yes` and `no`."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
