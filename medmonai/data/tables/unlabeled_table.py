"""Images named by the rows of a table without labels: every row stays, with a flag where its image
cannot be used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from medmonai.data.case_files import CaseFiles
from medmonai.data.class_names import is_blank
from medmonai.data.datalist import logged_notes
from medmonai.data.files import DicomFolders
from medmonai.tables import TextTable, read_text_table

from .column_questions import require_header
from .table_cases import images_of_rows
from .table_folders import image_bases, named_images, none_found, possible_suffixes
from .table_images import image_folders_of
from .table_options import TableFile, image_columns
from .table_paths import Bases, place_notes

_TRIED = 20  # rows in which a column that nobody named has to hold an image


@dataclass(frozen=True)
class UnlabeledRow:
    """A row of a table of images.

    Args:
        id: what identifies the case: the value of the id column, or the path of the image inside
            its folder.
        file: the image file, or the folder of a DICOM series; a tuple of them with one for each of
            several image columns; None where there is none.
        flag: what is wrong with the row; "" if nothing.
    """

    id: str
    file: CaseFiles | None
    flag: str = ""


@dataclass(frozen=True)
class UnlabeledTable:
    """A table of images without labels.

    Args:
        table: as it was read, with all of its columns.
        rows: one for each row of the table, in its order.
    """

    table: TextTable
    rows: tuple[UnlabeledRow, ...]

    def __len__(self) -> int:
        return len(self.rows)


def list_unlabeled_table(
    table: str | Path | TableFile | Mapping[str, Any],
    *,
    image_column: str | Sequence[str] | None = None,
    id_column: str | None = None,
    image_folders: str | Path | Sequence[str | Path] | None = None,
    suffix: str = "",
    dicom_folders: DicomFolders = "series",
) -> UnlabeledTable:
    """List the images that the rows of a table name, for prediction.

    Images are found as `list_image_table` finds them, and an image has the same id in both. Here
    every row stays: a row whose image is missing or not clear, and a row whose id occurs twice, get
    a flag. Columns of labels are not needed and not read.

    Args:
        table: see `list_image_table`.
        image_column: file names or paths, several columns for the channels of a case, in the order
            of the training; None if one column alone names images.
        id_column: what identifies a case in the result; None for the path of its image.
        image_folders: see `ImageFiles`.
        suffix: see `ImageFiles`.
        dicom_folders: see `ImageFiles`.

    Raises:
        FileNotFoundError: no such table or folder.
        ValueError: a damaged table, a column that does not exist, no column or several that name
            images, or no row with an image.
    """
    file = TableFile.of(
        {"path": table} if isinstance(table, (str, Path)) else table, argument="table"
    )
    path = Path(file.path).expanduser()
    read = read_text_table(
        path,
        separator=file.separator,
        encoding=file.encoding,
        sheet=file.sheet,
        wanted=[
            *([] if image_column is None else image_columns(image_column)),
            *([] if id_column is None else [id_column]),
        ],
    )
    folders = image_folders_of(path.parent, image_folders)
    bases, notes = image_bases(folders, path.parent, len(read), dicom_folders)
    if not image_column:
        image_column, suffix = _column_of_images(read, suffix, bases)
    columns = image_columns(image_column)
    unclear: dict[int, str] = {}
    images = images_of_rows(read, columns, suffix, bases, unclear=unclear)
    places = [place for image in images for place in image.found]
    if not places:
        raise none_found(read, [next(iter(images[0].lost), "")], bases)
    logged_notes(read.name, (*place_notes(places), *notes))
    stated = None if id_column is None else read.identifiers(id_column, "id_column")
    rows = []
    for row, image in enumerate(images):
        lost = next(iter(image.lost), "")
        missing = f"no image {lost!r} was found" if lost else "names no image"
        flag = "" if image.is_case else unclear.get(row, missing)
        case = stated[row] if stated else image.found[0].id if image.found else lost
        if is_blank(case):
            flag = "; ".join(filter(None, (flag, f"{id_column} is blank" if stated else "")))
            case = f"line {read.lines[row]}"
        rows.append(UnlabeledRow(case, image.files if image.is_case else None, flag))
    return UnlabeledTable(read, _with_repeated_ids_flagged(read, rows))


def _column_of_images(read: TextTable, suffix: str, bases: Bases) -> tuple[str, str]:
    """Return the only column that names images, and the suffix that the names lack."""
    fits: list[str] = []
    for one in possible_suffixes(suffix, bases):
        fits = [
            name
            for name, values in read.columns.items()
            if name not in read.repeated and named_images(values[:_TRIED], one, bases)
        ]
        require_header(read, fits, one, bases)
        if len(fits) == 1:
            return fits[0], one
        if fits:
            break
    shown = ", ".join(map(repr, fits or read.columns))
    if fits:
        raise ValueError(
            f"{read.name}: several columns name images; give image_column (--image_column), one of "
            f"{shown}, or several for the channels of a case: {','.join(fits)}."
        )
    raise ValueError(
        f"{read.name}: no column names an image; name the folder of the images (--images), or the "
        f"column with image_column (--image_column), one of {shown}."
    )


def _with_repeated_ids_flagged(
    read: TextTable, rows: Sequence[UnlabeledRow]
) -> tuple[UnlabeledRow, ...]:
    rows_of = defaultdict(list)
    for number, row in enumerate(rows):
        rows_of[row.id].append(number)
    flagged = list(rows)
    for numbers in rows_of.values():
        for number in numbers[: len(numbers) if len(numbers) > 1 else 0]:
            others = [other for other in numbers if other != number]
            said = f"{read.places(others)} has the same id"
            flag = "; ".join(filter(None, (rows[number].flag, said)))
            flagged[number] = replace(rows[number], flag=flag)
    return tuple(flagged)
