"""Which encoding a text is in: told by its marks, else by what its bytes mean, with the others that it may be in."""

import codecs
import io
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

from crm_pipeline.raw.textfile import SalvageStream

_BOMS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
#: What programs write files in, beside UTF-8 and UTF-16.
_WRITTEN = [
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255"),
    *("cp1256", "cp1257", "cp1258", "cp874", "koi8_r", "mac_roman", "cp850"),
]
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
#: A sign where a letter is to be expected, or a capital behind a small letter: the text is read in a wrong way.
_ODD = re.compile(
    r"[^\W\d_][^\w\s\x00-\x7f\u2019\xb4`\xb0\u2013\u2014]|[^\w\s\x00-\x7f\u2018\u2019\u201c\u201e\xab\xbf\xa1\u2013\u2014][^\W\d_]"
    r"|[a-zß-öø-ÿ][À-ÖØ-ÞŽŠŒŸ]|[\x80-\x9f]"
    # Korean with Chinese signs among its letters.
    r"|[\uac00-\ud7a3][\u4e00-\u9fff]|[\u4e00-\u9fff][\uac00-\ud7a3]"
)
_ENOUGH = 1 << 16
_CHUNK, _MOST_CHUNKS = 1 << 18, 1 << 10
#: Letters beside the English ones that the words of a language have, by the encoding of its programs.
_ALPHABETS = {
    "cp1252": (
        *("àâæçéèêëîïôœùûüÿ", "áéíñóúü", "äöüß", "àèéìòù", "áâãàçéêíóôõúü", "åäöé", "æøåé", "áðéíóúýþæö"),
        *("éëïöüóè", "àçèéíïòóúü"),
    ),
    "cp1250": ("áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "ąćęłńóśźż", "áéíóöőúüű", "čćđšž", "ăâîşţ", "äöüß"),
    "cp1254": ("çğ\u0131öşüâîûi\u0307",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
}
_WORD = re.compile(r"[^\W\d_]+")
#: Words that may be from elsewhere.
_FEW = 0.1
_STATISTICS = 12


@dataclass(frozen=True)
class Encoding:
    """An encoding, and others under which the text would be another one that is as likely."""

    name: str
    others: tuple[str, ...] = ()


def encoding_of(path: Path) -> Encoding:
    """Return the encoding of a (possibly gzipped) text file."""
    return find_encoding(sample_of(path))


def sample_of(path: Path) -> bytes:
    """Return the beginning of a file, and of its rest the lines with other than ASCII letters, as far as they tell."""
    with SalvageStream(path) as stream, io.BufferedReader(stream, _CHUNK) as reader:
        sample = reader.read(_CHUNK)
        later: list[bytes] = []
        size = 0
        for _ in range(_MOST_CHUNKS):
            chunk = reader.read(_CHUNK)
            if not chunk or size > _ENOUGH or b"\0" in sample:
                break
            if not chunk.isascii():
                # The first and the last line of a chunk are parts of lines.
                later += [line for line in chunk.split(b"\n")[1:-1] if not line.isascii()]
                size = sum(map(len, later))
    return sample if not later else b"\n".join([sample.rpartition(b"\n")[0], *later])


def find_encoding(data: bytes) -> Encoding:
    """Return the encoding of a text by its byte order mark, else by what its bytes can mean.

    Args:
        data: a part of the file; it may end within a character.
    """
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return Encoding(encoding)
    if data.count(b"\0") > len(data) / 5:
        return Encoding("utf-16-le" if data[1::2].count(0) > data[::2].count(0) else "utf-16-be")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        text = data.decode("utf-8", errors="replace")
        # A few wrong bytes among letters that can be read are damage, and control characters stand in no text.
        if sum(letter > "\x7f" for letter in text) < 2 * text.count("\ufffd") and not _CONTROL.search(data):
            return _told_by_letters(data)
    return Encoding("utf-8")


def _told_by_letters(data: bytes) -> Encoding:
    """Compare what the lines with other than ASCII letters mean in the encodings that files are written in."""
    lines = dict.fromkeys(line for line in data.splitlines() if not line.isascii())
    sample = b"\n".join(lines)[:_ENOUGH]
    logging.getLogger("charset_normalizer").setLevel(logging.WARNING)
    found = from_bytes(sample, cp_isolation=_WRITTEN, enable_fallback=False)
    meant = {name: text for match in found if (text := _decoded(sample, name := match.encoding)) is not None}
    if not meant:
        return Encoding("cp1252")
    oddness = {name: len(_ODD.findall(text)) for name, text in meant.items()}
    likely = [name for name in meant if oddness[name] == min(oddness.values())]
    # Of the encodings for Latin letters the library cannot tell one from another; their languages can.
    latin = {name: text for name in _ALPHABETS if (text := _decoded(sample, name)) is not None}
    latin = {name: text for name, text in latin.items() if len(_ODD.findall(text)) <= oddness[likely[0]]}
    strange = {name: _strange_words(text, _ALPHABETS[name]) for name, text in latin.items()}
    fewest = min(strange.values(), default=1.0)
    if likely[0] in _ALPHABETS or (_is_short(sample) and not fewest):
        likely = sorted((name for name in latin if strange[name] - fewest <= _FEW), key=strange.__getitem__)
        meant = latin
    elif _is_short(sample):
        likely.sort(key=lambda name: name != "gb18030")
    return Encoding(likely[0], tuple(name for name in likely if meant[name] != meant[likely[0]])[:3])


def _is_short(sample: bytes) -> bool:
    """Tell a text of a few letters, on which statistics say nothing."""
    return sum(byte > 0x7F for byte in sample) < _STATISTICS


def _strange_words(text: str, alphabets: tuple[str, ...]) -> float:
    """Return the share of words with letters that no language of an encoding has together."""
    words = [letters for word in _WORD.findall(text) if (letters := {c for c in word.lower() if c > "\x7f"})]
    return sum(not any(letters <= set(alphabet) for alphabet in alphabets) for letters in words) / max(len(words), 1)


def _decoded(sample: bytes, name: str) -> str | None:
    """Return what a text means, which may end within a character; None where it means nothing."""
    try:
        return codecs.getincrementaldecoder(name)().decode(sample)
    except UnicodeDecodeError:
        return None
