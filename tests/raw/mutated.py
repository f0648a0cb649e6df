"""What happens to files on their way: one random mutation of one file of a valid dataset; a seed decides all of it."""

import gzip
import os
import random
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from tests.raw.valid_dataset import DATASET, Origin, Rows, columns_of

RUN_TIME = datetime(2024, 6, 1, 12, tzinfo=UTC)
_HUGE = 70_000


@dataclass
class Mutant:
    """What became of the file: its name says what was done, `rows` how many are in it where anyone can tell."""

    what: str
    rows: int | None = None
    run_time: datetime = RUN_TIME


Mutation = Callable[[random.Random, Origin, Path], Mutant]


def mutate(chance: random.Random, origin: Origin, landing: Path) -> Mutant:
    """Do something to one delivered file."""
    kinds = [*_ROWS, *_BYTES, *_PLACES, *_CLOCKS, *(_TEXTS if origin.is_text else ())]
    mutation = chance.choice(kinds)
    mutant = mutation(chance, origin, landing / origin.name)
    mutant.what = f"{origin.name}: {mutation.__name__} {mutant.what}".rstrip()
    return mutant


# Rows and columns: the file stays well-formed, so that its rows can be counted.


def _removed_rows(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    kept = chance.sample(origin.rows, chance.randint(0, len(origin.rows) - 1))
    return _rewritten(origin, path, kept, f"all but {len(kept)}")


def _shuffled_rows(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    return _rewritten(origin, path, chance.sample(origin.rows, len(origin.rows)), "")


def _repeated_rows(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    rows = origin.rows + chance.choices(origin.rows, k=chance.choice([1, 3, 40]))
    return _rewritten(origin, path, rows, f"to {len(rows)}")


def _renamed_column(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    old = chance.choice(columns_of(origin.rows))
    new = chance.choice([*_NAMES.split("|"), *_LONG_NAMES]).format(old=old, upper=old.upper())
    rows = [{(new if name == old else name): value for name, value in row.items()} for row in origin.rows]
    return _rewritten(origin, path, rows, f"{old!r} to {new[:20]!r}")


def _dropped_column(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    gone = chance.choice(columns_of(origin.rows))
    rows = [{name: value for name, value in row.items() if name != gone} for row in origin.rows]
    return _rewritten(origin, path, rows, gone)


def _more_columns(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    number = chance.choice([1, 30, 2000])
    more = {f"more{place}": chance.choice([None, "x", 1.5]) for place in range(number)}
    return _rewritten(origin, path, [row | more for row in origin.rows], str(number))


def _shuffled_columns(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    names = chance.sample(columns_of(origin.rows), len(columns_of(origin.rows)))
    return _rewritten(origin, path, [{name: row[name] for name in names} for row in origin.rows], "")


def _odd_value(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    rows = [dict(row) for row in origin.rows]
    name = chance.choice(columns_of(rows))
    value = chance.choice(_VALUES)
    for place in chance.sample(range(len(rows)), chance.choice([1, 1, 2, len(rows)])):
        rows[place][name] = value
    if origin.name.endswith(".parquet"):
        rows = [row | {name: None if row[name] is None else str(row[name])} for row in rows]
    if origin.name.endswith(".xlsx") and isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
        rows = [row | {name: value if row[name] in _VALUES else row[name]} for row in rows]
    return _rewritten(origin, path, rows, f"{name} {str(value)[:20]!r}")


_NAMES = 'Id|{upper}| {old} ||line|__line|file_row_number|filename|a.b|a"b|ünïcode|*|select|1|rowid|value|a,b|name;x'
_LONG_NAMES = ("a\nb", "a\tb", "\ufeffid", "\u200b", "x" * 3000)
_TEXTS_OF_NUMBERS = "| |NULL|\\N|nan|NaN|Infinity|-0|1e999|1e-999|1.2.3|0x1F|١٢٣|1e5|-1|{}|[1]|%s%n|../..|$(true)|=1+1"
_TEXTS_OF_DATES = "2024-02-30|0000-00-00|9999-12-31|12/31/2024|2024-01-01T25:00|24:00|1970-01-01"
_VALUES: tuple[Any, ...] = (
    *_TEXTS_OF_NUMBERS.split("|"),
    *_TEXTS_OF_DATES.split("|"),
    *('{"a": {"b": [1]}}', '"""', '"', "'", "a,b;c\td", "a\nb", "a\r\nb", "\x07", "\x1a", "\u202e", "😀", "\u2028"),
    *("\x85", "\ufeff", "9" * 40, "x" * _HUGE, "'; drop table orders; --"),
    *(None, True, False, 0, -1, 1e300, -1e-300, 2**63, 2**70),
)


def _rewritten(origin: Origin, path: Path, rows: Rows, what: str) -> Mutant:
    try:
        path.write_bytes(origin.write(rows))
    except (pa.ArrowException, UnicodeEncodeError):
        rows = [{name: str(value).encode("ascii", "replace").decode() for name, value in row.items()} for row in rows]
        path.write_bytes(origin.write(rows))
    return Mutant(what, len(rows) if rows and _one_line_each(origin, rows) else None)


def _one_line_each(origin: Origin, rows: Rows) -> bool:
    """Tell whether nothing in the rows makes it a matter of opinion how many there are."""
    blank = any(not any(str(value or "").strip() for value in row.values()) for row in rows)
    return not blank and bool(rows[0])


# Bytes: nobody can tell how many rows are left.


def _flipped_bytes(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    data = bytearray(path.read_bytes())
    places = [chance.randrange(len(data)) for _ in range(chance.choice([1, 1, 2, 8, 64]))]
    for place in places:
        data[place] ^= 1 << chance.randrange(8)
    path.write_bytes(data)
    return Mutant(f"at {sorted(places)[:8]}")


def _inserted_bytes(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    data = path.read_bytes()
    place = chance.choice([0, len(data), chance.randrange(len(data))])
    odd = (b"\0", b"\0" * 500, b"\xff", b"\x80\x81", b"\n" * 50, b"\r", b"PK\x03\x04", b"\x1f\x8b", b"PAR1")
    more = chance.choice(odd)
    path.write_bytes(data[:place] + more + data[place:])
    return Mutant(f"{more[:8]!r} at {place}")


def _deleted_bytes(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    data = path.read_bytes()
    place, length = chance.randrange(len(data)), chance.choice([1, 2, 10, 100, 1000])
    path.write_bytes(data[:place] + data[place + length :])
    return Mutant(f"{length} at {place}")


def _truncated(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    data = path.read_bytes()
    size = len(data)
    length = chance.choice([0, 1, 2, 3, 4, 12, size - 1, size - 4, size - 8, chance.randrange(size)])
    path.write_bytes(data[:length])
    return Mutant(f"to {length} of {len(data)}")


def _twice_itself(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    path.write_bytes(path.read_bytes() * 2)
    return Mutant("")


def _noise(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    path.write_bytes(chance.randbytes(chance.choice([1, 40, 5000])))
    return Mutant("")


def _other_content(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    other = chance.choice([one for one in DATASET if one.name != origin.name])
    path.write_bytes(other.write(other.rows))
    return Mutant(f"of {other.name}")


def _gzipped_again(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    content = path.read_bytes()
    path.write_bytes(gzip.compress(content)[: chance.choice([None, -1, -9, 30])])
    return Mutant("")


# Text: what programs and people do to it.


_ENCODINGS = "utf-16 utf-16-le utf-32 cp1252 cp932 cp1251 gb18030 mac_roman cp037"


def _in_another_encoding(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    encoding = chance.choice(_ENCODINGS.split())
    _retext(origin, path, lambda text: text.encode(encoding, errors="replace"))
    return Mutant(encoding)


def _with_another_delimiter(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    delimiter = chance.choice([";", "\t", "|", ",,", " ", "\x01", "\xa0"])
    _retext(origin, path, lambda text: text.replace(",", delimiter).encode())
    return Mutant(repr(delimiter))


def _with_other_line_ends(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    end = chance.choice(["\r\n", "\r", "\n\n", "\n\r", "\r\r\n", "\u2028", "\x0b", "\x0c", "\x1e", ""])
    _retext(origin, path, lambda text: text.replace("\n", end).encode())
    return Mutant(repr(end))


def _with_a_piece(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    piece = chance.choice(_PIECES)
    place = chance.choice([0, None, chance.random()])

    def insert(text: str) -> bytes:
        at = len(text) if place is None else int(place * len(text))
        return (text[:at] + piece + text[at:]).encode()

    _retext(origin, path, insert)
    return Mutant(f"{piece[:12]!r} ({len(piece)}) at {place}")


_PIECES = (
    *("\ufeff", "\0", "\0\0", '"', '""', "'", "\n", "\n\n\n", ",", "," * 13, "sep=,\n", "#", "{", "}", "]", "\\", "\t"),
    *("\x1a", "\\u0000", "\\ud800", "\u0085", "\u2029", "-- \n", "<xml>", "null", "[" * 5000, '"' * 999, "x" * _HUGE),
)


def _without_header(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    _retext(origin, path, lambda text: "".join(text.splitlines(keepends=True)[1:]).encode())
    return Mutant("")


def _with_a_preamble(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    lines = chance.choice(["Report of 2024\n", "\n", "\n\n\n", "Total;14\n\n", ",,,,\n", "id\n"])
    _retext(origin, path, lambda text: (lines + text).encode())
    return Mutant(repr(lines))


def _with_a_footer(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    odd = ("Total,,,900.00,\n", "(14 rows affected)\n", "\n\n\n", '"', "{}\n", "[]\n", "null\n", "14\n")
    lines = chance.choice(odd)
    _retext(origin, path, lambda text: (text + lines).encode())
    return Mutant(repr(lines))


def _retext(origin: Origin, path: Path, change: Callable[[str], bytes]) -> None:
    is_zipped = origin.name.endswith(".gz")
    data = path.read_bytes()
    changed = change((gzip.decompress(data) if is_zipped else data).decode())
    path.write_bytes(gzip.compress(changed, mtime=0) if is_zipped else changed)


# Places: names, and what stands where a file was.


def _renamed(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    stem, dot, suffix = path.name.partition(".")
    odd = chance.choice(_IN_NAMES)
    target = path.with_name(stem + os.fsdecode(odd) + dot + suffix)
    path.rename(target)
    return Mutant(repr(odd[:20]), len(origin.rows))


_IN_NAMES = (
    *"[1]|*|?|%41%|%s|'|\"|\\| | copy (2)|$HOME|😀|e\u0301|\u202e|{a,b}|~|#|;|--|.|a=b|\n|\r|\x01".encode().split(b"|"),
    *(b"\xff\xfe", b"\xe4", b"x" * 200),
)


def _moved(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    folder = chance.choice(["year=2024", "id=7/no=8", "a b", "[x]", "*", "ü", "deep/" * 20, ".hidden", "x.csv", "%2F"])
    target = path.parent / folder / path.name
    target.parent.mkdir(parents=True)
    path.rename(target)
    return Mutant(folder)


_SUFFIXES = ".csv .CSV .gz .json .jsonl .xlsx .parquet .txt .tsv .xls .zip .pq"


def _with_another_suffix(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    suffix = chance.choice(["", *_SUFFIXES.split()])
    path.rename(path.with_name(path.name.partition(".")[0] + suffix))
    return Mutant(suffix)


def _twice_under_two_names(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    stem, dot, suffix = path.name.partition(".")
    path.with_name(f"{stem}2{dot}{suffix}").write_bytes(path.read_bytes())
    return Mutant("", len(origin.rows))


def _no_file(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    path.unlink()
    kind = chance.choice(sorted(_STANDS_INSTEAD))
    _STANDS_INSTEAD[kind](path)
    return Mutant(kind)


def _loop(path: Path) -> None:
    path.symlink_to(path.with_name("there" + path.name))
    path.with_name("there" + path.name).symlink_to(path)


def _outside(path: Path) -> None:
    outside = path.parent.parent.parent / f"outside-{path.name}"
    (origin,) = [one for one in DATASET if one.name == path.name]
    outside.write_bytes(origin.write(origin.rows))
    path.symlink_to(outside)


def _full_folder(path: Path) -> None:
    path.mkdir()
    (path / path.name).write_bytes(b"id\n1\n")


_STANDS_INSTEAD: dict[str, Callable[[Path], object]] = {
    "nothing": lambda _: None,
    "an empty file": lambda path: path.touch(),
    "a folder": lambda path: path.mkdir(),
    "a full folder": _full_folder,
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a loop of links": _loop,
    "a link to a folder": lambda path: path.symlink_to(path.parent),
    "a link out of the dataset": _outside,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": lambda path: os.mkfifo(path),
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "a sparse file": lambda path: os.truncate(path, 5_000_000) if not path.touch() else None,
}


# Clocks.


def _changed_at(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    moment = chance.choice([0, 1, -86_400, 2**31, 2**32 + 5, 253_402_300_800])
    os.utime(path, (moment, moment))
    return Mutant(str(moment), len(origin.rows))


def _run_at(chance: random.Random, origin: Origin, path: Path) -> Mutant:
    moment = chance.choice([datetime(1970, 1, 1), datetime(1999, 12, 31), datetime(2024, 3, 1), datetime(9990, 1, 1)])
    moment += timedelta(hours=chance.randint(0, 23))
    return Mutant(str(moment), len(origin.rows), moment.replace(tzinfo=UTC))


_ROWS: tuple[Mutation, ...] = (
    _removed_rows,
    _shuffled_rows,
    _repeated_rows,
    _renamed_column,
    _dropped_column,
    _more_columns,
    _shuffled_columns,
    _odd_value,
    _odd_value,
    _odd_value,
)
_BYTES: tuple[Mutation, ...] = (
    _flipped_bytes,
    _flipped_bytes,
    _inserted_bytes,
    _deleted_bytes,
    _truncated,
    _twice_itself,
    _noise,
    _other_content,
    _gzipped_again,
)
_TEXTS: tuple[Mutation, ...] = (
    _in_another_encoding,
    _with_another_delimiter,
    _with_other_line_ends,
    _with_a_piece,
    _with_a_piece,
    _without_header,
    _with_a_preamble,
    _with_a_footer,
)
_PLACES: tuple[Mutation, ...] = (
    _renamed,
    _renamed,
    _moved,
    _with_another_suffix,
    _twice_under_two_names,
    _no_file,
    _no_file,
)
_CLOCKS: tuple[Mutation, ...] = (_changed_at, _run_at)
