"""Workbooks written as XML, cell by cell, so that they may hold what no library writes."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml."


def write(
    path: Path,
    *sheets: str,
    forms: Sequence[str | int] = (),
    strings: Sequence[str] = (),
    epoch_1904: bool = False,
    names: Sequence[str] = (),
    hidden: bool = False,
) -> Path:
    """Write a workbook.

    Args:
        path: where to.
        sheets: the XML of each sheet's rows and what stands behind them.
        forms: number formats of the styles 1, 2, ...: a code, or the number of one that programs know by heart.
        strings: XML of the shared strings.
        epoch_1904: whether its days count from 1904.
        names: of the sheets.
        hidden: whether all of them are.
    """
    names = names or [f"Sheet{number}" for number in range(1, len(sheets) + 1)]
    numbers = list(enumerate(names, start=1))
    state = ' state="hidden"' if hidden else ""
    own = [(form, 200 + place) for place, form in enumerate(forms) if isinstance(form, str)]
    ids = [0, *(form if isinstance(form, int) else 200 + place for place, form in enumerate(forms))]
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}styles+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}sharedStrings+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{_TYPE}worksheet+xml"/>'
            for number, _ in numbers
        )
        + "</Types>",
        "_rels/.rels": _relations([("rId1", "officeDocument", "xl/workbook.xml")]),
        "xl/_rels/workbook.xml.rels": _relations(
            [
                *((f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml") for number, _ in numbers),
                ("rIdS", "styles", "styles.xml"),
                ("rIdT", "sharedStrings", "sharedStrings.xml"),
            ]
        ),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}">'
        + ('<workbookPr date1904="1"/>' if epoch_1904 else "")
        + "<sheets>"
        + "".join(
            f'<sheet name={quoteattr(name)} sheetId="{number}"{state} r:id="rId{number}"/>' for number, name in numbers
        )
        + "</sheets></workbook>",
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(own)}">'
        + "".join(f'<numFmt numFmtId="{number}" formatCode={quoteattr(form)}/>' for form, number in own)
        + '</numFmts><fonts count="1"><font/></fonts><fills count="1"><fill><patternFill/></fill></fills>'
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
        + f'<cellXfs count="{len(ids)}">'
        + "".join(f'<xf numFmtId="{number}" fontId="0" fillId="0" borderId="0" xfId="0"/>' for number in ids)
        + "</cellXfs></styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{_MAIN}">' + "".join(f"<si>{text}</si>" for text in strings) + "</sst>",
    }
    for number, rows in enumerate(sheets, start=1):
        parts[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{_MAIN}">{rows}</worksheet>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def column_of(*cells: str) -> str:
    """Return the rows of a sheet with one cell each: its XML without its place, as in `<c s="1"><v>5</v></c>`."""
    placed = (cell.replace("<c", f'<c r="A{number}"', 1) for number, cell in enumerate(cells, start=1))
    rows = (f'<row r="{number}">{cell}</row>' for number, cell in enumerate(placed, start=1))
    return f"<sheetData>{''.join(rows)}</sheetData>"


def text(value: str) -> str:
    """Return a cell with a text."""
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'


def _relations(relations: Sequence[tuple[str, str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{name}" Type="{_DOCUMENT}/{kind}" Target="{target}"/>' for name, kind, target in relations
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'
