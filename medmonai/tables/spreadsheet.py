"""Excel workbooks: the stored values of one sheet, as text."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

from .cells import quoted, same_name, tidy

WORKBOOKS = (".xlsx", ".xlsm")
_MOST_BYTES = 1 << 29  # that a workbook may hold when it is unpacked
_MOST_CELLS = 20_000_000
_LONG = re.compile(r"\d{15,}0", re.ASCII)
_HIDDEN = re.compile(rb'<row\b[^>]*\bhidden="(?:1|true)"')
_ZEROS = re.compile(r"0{2,}")  # a number format such as 00000: 42 is shown as 00042


def read_workbook(
    path: Path, *, sheet: str | None = None
) -> tuple[list[list[str]], list[int], str]:
    """Return the rows of a sheet that are not blank, as text, their numbers from 1, and a note on
    numbers that lost digits and on hidden rows.

    Values are those that were stored when the workbook was last computed; nothing is computed here,
    and macros never run. Numbers are written in full (12, not 12.0), with the leading zeros that a
    format such as 00000 shows; dates as 2024-01-31, and times of day behind them only where there
    are any.

    Args:
        path: an .xlsx or .xlsm file.
        sheet: its name, in any case; default: the only sheet that holds something.

    Raises:
        ImportError: openpyxl is not installed.
        ValueError: a damaged workbook, no such sheet, several to choose from, a formula without a
            stored value.
    """
    try:
        import openpyxl
    except ImportError:
        raise ImportError(
            f"{path.name} is an Excel workbook and openpyxl is not installed: pip install -e "
            "'.[tables]', or save the sheet as CSV in UTF-8."
        ) from None
    try:
        formulas = _check_archive(path)
        with warnings.catch_warnings():  # about drop-down lists and colors, which are not read
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            chosen = _sheet(book, path.name, sheet)
            _check_formulas(openpyxl, path, chosen.title, formulas)
            rows, lines = _rows(chosen, path.name)
            hidden = _hidden_rows(path, getattr(chosen, "_worksheet_path", ""))
            book.close()
    except (
        zipfile.BadZipFile,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        SyntaxError,
        EOFError,
        OSError,
    ) as error:
        raise ValueError(
            f"{path.name} cannot be read as an Excel workbook ({type(error).__name__}: {error}); "
            "open it in a spreadsheet program and save it again, or as CSV in UTF-8."
        ) from error
    return rows, lines, " ".join(filter(None, (_lost_digits(rows), hidden)))


def _check_archive(path: Path) -> bool:
    """Refuse what would not fit into memory, and return whether a sheet holds a formula."""
    if path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0":
        raise ValueError(
            f"{path.name} is an Excel 97 file or has a password; save it as .xlsx without one."
        )
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > _MOST_BYTES:
            raise ValueError(
                f"{path.name} unpacks to {size} bytes and {_MOST_BYTES} are the limit; save the "
                "sheet as CSV in UTF-8."
            )
        return any(
            b"<f" in archive.read(part)
            for part in archive.infolist()
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml")
        )


def _sheet(book: Any, name: str, wanted: str | None) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if wanted is not None:
        titles = [title for title in sheets if title == str(wanted)] or [
            title for title in sheets if same_name(title) == same_name(str(wanted))
        ]
        if len(titles) != 1:
            raise ValueError(f"sheet={wanted!r} is not a sheet of {name}; it has {quoted(sheets)}.")
        return sheets[titles[0]]
    filled = [title for title, sheet in sheets.items() if _holds_something(sheet)]
    if len(filled) > 1:
        raise ValueError(
            f"{name} has {len(filled)} sheets that hold something, {quoted(filled)}; name the one "
            f"to read: sheet={filled[0]!r} (on a command line --sheet)."
        )
    if not filled:
        raise ValueError(
            f"{name} has no sheet that holds anything; a header and at least one row are needed."
        )
    return sheets[filled[0]]


def _holds_something(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(cell is not None for row in sheet.iter_rows(values_only=True) for cell in row)


def _rows(sheet: Any, name: str) -> tuple[list[list[str]], list[int]]:
    sheet.reset_dimensions()  # what a file says about its size is often wrong
    rows = []
    lines = []
    cells = 0
    width = 0
    for number, row in enumerate(sheet.iter_rows(), start=1):
        texts = [_text(cell) for cell in row]
        while texts and not tidy(texts[-1]):
            texts.pop()
        cells += len(texts)
        if cells > _MOST_CELLS:
            raise ValueError(
                f"{name} has more than {_MOST_CELLS} cells; save the sheet as CSV in UTF-8."
            )
        if texts:
            rows.append(texts)
            lines.append(number)
            width = max(width, len(texts))
    if width * len(rows) > _MOST_CELLS:
        raise ValueError(
            f"{name} has more than {_MOST_CELLS} cells; save the sheet as CSV in UTF-8."
        )
    return [row + [""] * (width - len(row)) for row in rows], lines


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str | bool):
        return str(value)
    if isinstance(value, datetime.datetime):
        return str(value.date() if value.time() == datetime.time() else value)
    if isinstance(value, int | float):
        whole = value == int(value) if abs(value) < 1e300 else False
        text = format(Decimal(repr(value)), "f") if whole else repr(value)
        text = text.removesuffix(".0")
        fixed = _ZEROS.fullmatch(cell.number_format or "")
        return text.zfill(len(fixed.group())) if fixed and whole else text
    return str(value)


def _check_formulas(openpyxl: Any, path: Path, title: str, formulas: bool) -> None:
    """Refuse a formula whose value no one has stored: programs that write workbooks leave it to
    Excel to compute.
    """
    if not formulas:
        return
    books = [
        openpyxl.load_workbook(path, read_only=True, data_only=stored) for stored in (True, False)
    ]
    sheets = [book[title] for book in books]
    for sheet in sheets:
        sheet.reset_dimensions()
    cell = next(
        (
            formula
            for row in zip(*(sheet.iter_rows() for sheet in sheets))
            for formula in _without_value(*row)
        ),
        None,
    )
    for book in books:
        book.close()
    if cell:
        raise ValueError(
            f"{path.name}, sheet {title!r}: cell {cell} holds a formula without a stored value; "
            "open the workbook in a spreadsheet program and save it, or paste the values."
        )


def _hidden_rows(path: Path, part: str) -> str:
    """Say how many rows a spreadsheet program does not show: a filter is no choice of cases."""
    with zipfile.ZipFile(path) as archive:
        part = part.lstrip("/")
        hidden = _HIDDEN.findall(archive.read(part)) if part in archive.namelist() else ()
    if not hidden:
        return ""
    count = "1 hidden row was" if len(hidden) == 1 else f"{len(hidden)} hidden rows were"
    return (
        f"{count} read, too (perhaps hidden by a filter); if they are not among the cases, "
        "delete them."
    )


def _lost_digits(rows: list[list[str]]) -> str:
    """Say that a spreadsheet keeps 15 digits of a number: longer ones end in zeros."""
    long = [text for row in rows for text in row if _LONG.fullmatch(text)]
    return (
        (
            f"{len(long)} numbers such as {long[0]} may have lost digits, since a spreadsheet "
            "keeps 15 of them; store long identifiers as text."
        )
        if long
        else ""
    )


def _without_value(stored: Iterable[Any], written: Iterable[Any]) -> list[str]:
    return [
        formula.coordinate
        for value, formula in zip(stored, written)
        if value.value is None and formula.value is not None and formula.data_type == "f"
    ]
