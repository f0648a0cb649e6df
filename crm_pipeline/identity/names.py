"""Names in one form: in plain Latin letters, without titles, and with what else they may be written as."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from anyascii import anyascii
from nicknames import NickNamer

# Matched as a whole word in lower case, and only where another word is left.
_TITLES = re.compile(
    "mr|mrs|ms|miss|dr|prof|sir|herr|hr|frau|fr|monsieur|madame|mme|mlle|sig|sra|srta|don|dona|dott|ing|dipl|phd|md|"
    "jr|jnr|snr|ii|iii|iv"
)
_POLITE = re.compile(r"(?<=[\u4e00-\u9fff])(先生|女士|小姐|太太)$")
_ASIDE = re.compile(r"[(\uff08].*?[)\uff09]")
# They join names, and stand for none.
_PARTICLES = re.compile("the|von|der|den|del|des|dos|das|van|los|las|bin|ibn|and|und")
_SHORTEST_PART = 3
_HAN = re.compile(r"[\u4e00-\u9fff]{2,4}")
_COMPOUND_SURNAME = re.compile("(欧阳|歐陽|司马|司馬|诸葛|諸葛|上官|夏侯|皇甫|尉迟|公孙|令狐|慕容|东方|司徒|端木)(?=.)")


class Name(NamedTuple):
    """A name as it is compared.

    Attributes:
        plain: its letters from a to z, without accents, blanks, hyphens and titles; Chinese as pinyin. May be empty.
        forms: `plain` and what else it may stand for: each of several names, and the full forms of short ones.
    """

    plain: str
    forms: list[str]


@lru_cache(maxsize=1)
def _nicknames() -> NickNamer:
    return NickNamer()


def read_first(text: str) -> Name:
    """Read a first name: `Liz` is Elizabeth as well, `Anna-Maria` is Maria as well."""
    words = _words(text)
    plain = "".join(words)
    parts = {plain, *_parts(words)}
    return Name(plain, sorted(parts.union(*(_nicknames().canonicals_of(part) for part in parts))))


def read_last(text: str) -> Name:
    """Read a last name: `Smith-Jones` is Jones as well."""
    words = _words(text)
    plain = "".join(words)
    return Name(plain, sorted({plain, *_parts(words)}))


def split_whole(text: str) -> tuple[str, str] | None:
    """Return the first and the last name of a text that holds both, or None: Chinese names begin with the family's.

    What begins with the family's name in Latin letters is split the wrong way round, and compared either way.
    """
    text = _polished(text)
    if _HAN.fullmatch(text):
        compound = _COMPOUND_SURNAME.match(text)
        family = compound[0] if compound else text[:1]
        return text[len(family) :], family
    last, comma, first = text.partition(",")
    if comma:
        return first.strip(), last.strip()
    words = [word for word in text.split() if _words(word)]
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 else None


def _polished(text: str) -> str:
    return _POLITE.sub("", _ASIDE.sub(" ", text).strip())


def _words(text: str) -> Sequence[str]:
    """Return the words of a name in plain letters, without its titles unless there is nothing else."""
    latin = anyascii(_polished(text)).casefold().replace("'", "")
    words = re.findall("[a-z]+", latin)
    return [word for word in words if not _TITLES.fullmatch(word)] or words


def _parts(words: Sequence[str]) -> list[str]:
    if len(words) == 1:
        return []
    return [word for word in words if len(word) >= _SHORTEST_PART and not _PARTICLES.fullmatch(word)]
