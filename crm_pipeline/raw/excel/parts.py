"""The parts of an Excel workbook: what is refused before it is unpacked, which sheets there are and where they lie."""

import posixpath
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_datetime
from openpyxl.xml.functions import fromstring

from crm_pipeline.raw.textfile import Refused, beyond_limit

_CHUNK = 1 << 20
_OLD_OR_ENCRYPTED = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_MOST_PACKED, _MOST_SUSPICIOUS = 200, 100_000_000
#: Formats of dates in the programs of East Asia, which workbooks name by their number alone.
EASTERN_DATES = frozenset({*range(27, 37), *range(50, 59)})
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ParseError,
    EOFError,
    OSError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook, and the part of the archive that holds its cells."""

    name: str
    visible: bool
    part: str


@dataclass(frozen=True)
class Workbook:
    """The sheets of a workbook in their order; `date_styles` says for each style of dates what it shows of them."""

    path: Path
    sheets: tuple[Sheet, ...]
    date_styles: dict[int, str] = field(default_factory=dict)
    strings: str | None = None

    @property
    def shown(self) -> list[Sheet]:
        """The sheets that people see: they hide lists of choices, and the calculation before the last."""
        return [sheet for sheet in self.sheets if sheet.visible]


def open_workbook(path: Path, unpacked_limit: float) -> Workbook:
    """Return what a workbook is made of, without its cells.

    Raises:
        Refused: if it is none, is encrypted or old, or unpacks to more gigabytes than the limit.
    """
    _refuse_other_formats(path)
    _refuse_unusable_parts(path, unpacked_limit)
    try:
        with zipfile.ZipFile(path) as archive:
            return _workbook(path, archive)
    except DAMAGE as error:
        raise unreadable(error) from None


def unreadable(error: BaseException) -> Refused:
    """Return the refusal of what is no workbook, or one whose list of parts is damaged."""
    problem = f"The file cannot be read as an Excel workbook ({type(error).__name__})."
    return Refused(problem, "Deliver it again as .xlsx, or set read.format to what it is.")


def _workbook(path: Path, archive: zipfile.ZipFile) -> Workbook:
    main = next(target for kind, target in _targets(archive, "").values() if kind == "officeDocument")
    targets = _targets(archive, main)
    by_kind = dict(targets.values())
    sheets = []
    for element in fromstring(archive.read(main)).iterfind(".//{*}sheets/{*}sheet"):
        relation = next(value for name, value in element.attrib.items() if name.endswith("}id"))
        kind, target = targets[relation]
        if kind == "worksheet":
            sheets.append(Sheet(element.attrib["name"], element.get("state", "visible") == "visible", target))
    styles = fromstring(archive.read(by_kind["styles"])) if by_kind.get("styles") in archive.namelist() else None
    return Workbook(path, tuple(sheets), {} if styles is None else _date_styles(styles), by_kind.get("sharedStrings"))


def _targets(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Return what a part of the archive leads to: by its name there, the kind and the other part."""
    folder, name = posixpath.split(part)
    found = {}
    for element in fromstring(archive.read(posixpath.join(folder, "_rels", f"{name}.rels"))):
        target = posixpath.normpath(posixpath.join("/", folder, element.get("Target", ""))).lstrip("/")
        found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], target)
    return found


def _date_styles(styles: Any) -> dict[int, str]:
    own = {element.get("numFmtId"): element.get("formatCode") for element in styles.iterfind("{*}numFmts/{*}numFmt")}
    kinds = {}
    for index, element in enumerate(styles.iterfind("{*}cellXfs/{*}xf")):
        number = element.get("numFmtId", "0")
        form = own.get(number) or BUILTIN_FORMATS.get(int(number))
        if form is None and int(number) in EASTERN_DATES:
            kinds[index] = "date"
        elif is_date_format(form):
            kinds[index] = is_datetime(form) or "time"
    return kinds


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(_CHUNK)
        if not head:
            raise Refused("The file is empty.", "Deliver the file again, with at least its header row.")
        if not head.startswith(_OLD_OR_ENCRYPTED):
            return
        while head and _ENCRYPTED not in head:
            head = head[-len(_ENCRYPTED) :] + more if (more := file.read(_CHUNK)) else b""
    if head:
        raise Refused("The workbook is encrypted.", "Save it without a password.")
    raise Refused("The file is an Excel workbook in the old format (.xls).", "Save it as .xlsx, or export it as CSV.")


def _refuse_unusable_parts(path: Path, limit: float) -> None:
    """Look at the list of a workbook's parts before any of them is unpacked.

    The packing of XML makes it ten to thirty times smaller, and a sheet of empty cells sixty times. A part that is
    hundreds of times smaller is made to fill the memory of whoever opens it.

    Raises:
        Refused: if parts are encrypted, packed in a way that nobody here knows, or larger than a workbook can be.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except DAMAGE as error:
        raise unreadable(error) from None
    if any(part.flag_bits & 1 for part in parts):
        raise Refused("The workbook is encrypted.", "Save it without a password.")
    if any(part.compress_type not in _PACKED for part in parts):
        raise Refused("The workbook is packed in a way that cannot be read.", "Save it in a spreadsheet program.")
    if sum(part.file_size for part in parts) > limit * 1e9:
        raise beyond_limit(limit)
    if any(part.file_size > max(_MOST_SUSPICIOUS, _MOST_PACKED * part.compress_size) for part in parts):
        raise Refused("Parts of the workbook unpack to hundreds of times their size.", "Export the sheet as CSV.")
