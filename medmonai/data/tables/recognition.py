"""The columns of an image table, found where only one reading is possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.class_names import folded, is_blank, split_of
from medmonai.tables import TextTable

from .column_names import names_classes, names_covariate, names_parts, names_patients
from .column_questions import not_classes, overlooked, require_header, require_known_splits
from .table_folders import image_bases, named_images, possible_suffixes
from .table_images import image_folders_of
from .table_options import ImageFiles, TableColumns

_SAMPLE = 200  # cells of a column that are looked up as files
_FEWEST = 2  # cases of a class, on average
COLUMN_OPTIONS = ("image_column", "label_column", "group_column", "split_column")


@dataclass(frozen=True)
class Recognized:
    """The columns of a table.

    Args:
        columns: option -> column; "" for groups and splits that the table does not have.
        suffix: what the names of the images lack; "" if nothing.
        note: what was recognized, and which other columns may matter; "" if every column was named.
    """

    columns: dict[str, str]
    suffix: str
    note: str


def recognize_columns(
    table: TextTable,
    given: Mapping[str, str | Sequence[str]],
    images: ImageFiles,
    *,
    beside: Path,
) -> Recognized:
    """Find the columns of images, labels, groups and splits that were not named.

    - Images: the column whose cells name existing files, perhaps without their suffix.
    - Splits: the column that holds nothing but names of splits.
    - Groups: the column named for patients ("patient_id", "subject"); if there is none, the one
      named for lesions, studies or visits.
    - Labels: of the columns that may hold classes by their content (at least two values, each with
      several cases; no dates, measurements or identifiers), the one named for classes ("label",
      "dx", "diagnosis"); if none is, the only one that is not named for something else (sex, site).

    A group or split column given as "" is not looked for.

    Args:
        table: the table.
        given: option -> column, or several.
        images: where the images are.
        beside: the table's folder.

    Raises:
        FileNotFoundError: an image folder that does not exist.
        ValueError: several columns fit, or none holds images or labels; the message asks for the
            name.
    """
    chosen: dict[str, str] = {}
    suffix = images.suffix
    taken = set(_named(table, given))
    if not given.get("image_column"):
        column, suffix = _image_column(table, taken, images, beside)
        chosen["image_column"] = column
        taken.add(column)
    free = [column for column in table.columns if column not in taken | table.repeated]
    _refuse_misnamed(table, given)
    if "split_column" not in given:
        chosen["split_column"] = _only(table, "split_column", filter(_Splits(table), free))
        if not chosen["split_column"]:
            require_known_splits(table, free)
    if "group_column" not in given:
        chosen["group_column"] = _group_column(table, free)
    if not given.get("label_column"):
        rest = [column for column in free if column not in chosen.values()]
        chosen["label_column"] = _label_column(table, rest)
    chosen = {name: chosen[name] for name in COLUMN_OPTIONS if name in chosen}
    notes = (
        _note(table, chosen, suffix if not images.suffix else ""),
        overlooked(table, chosen, taken),
    )
    return Recognized(chosen, suffix, " ".join(filter(None, notes)))


def completed_columns(
    table: TextTable, images: ImageFiles, *, beside: Path
) -> tuple[TableColumns, ImageFiles, str]:
    """Return the columns of a table of which none was named, where its images are, and a note; see
    `recognize_columns`.
    """
    recognized = recognize_columns(table, {}, images, beside=beside)
    chosen: dict[str, Any] = {name: column for name, column in recognized.columns.items() if column}
    columns = TableColumns(**chosen)
    return columns, replace(images, suffix=recognized.suffix), recognized.note


def _named(table: TextTable, given: Mapping[str, str | Sequence[str]]) -> Iterable[str]:
    """Yield the columns that an option names already."""
    for option, columns in given.items():
        for column in [columns] if isinstance(columns, str) else columns:
            if column:
                yield table.column_name(column, option)


def _refuse_misnamed(table: TextTable, given: Mapping[str, str | Sequence[str]]) -> None:
    """Raise ValueError for a covariate that seems to be the patient, the split or the class, where
    the column of these is not named.
    """
    seems = {
        "group_column": ("patient", names_patients),
        "split_column": ("split", _Splits(table)),
        "label_column": ("class", lambda name: _may_be_meant(name, list(table.columns))),
    }
    for name in given.get("covariates", ()):
        column = table.column_name(name, "covariates")
        for option, (what, holds) in seems.items():
            named = given.get("label_column") if option == "label_column" else option in given
            if not named and holds(column):
                none = "" if option == "label_column" else " ('' if there is none)"
                raise ValueError(
                    f"covariates: {column!r} of {table.name} seems to be the {what}; leave it out "
                    f"of the covariates, or name the column of the {what} with --{option}{none}."
                )


def _may_be_meant(name: str, columns: list[str]) -> bool:
    return names_classes(name, columns) and not names_covariate(name)


class _Splits:
    """Whether a column holds names of splits, and more than one of them."""

    def __init__(self, table: TextTable) -> None:
        self.table = table

    def __call__(self, column: str) -> bool:
        values = {value for value in self.table.columns[column] if not is_blank(value)}
        splits = {split_of(value) for value in values}
        return None not in splits and len(splits) > 1


def _image_column(
    table: TextTable, taken: set[str], images: ImageFiles, beside: Path
) -> tuple[str, str]:
    """Return the column whose cells name existing images, and the suffix that they lack."""
    folders = image_folders_of(beside, images.image_folders)
    bases, _ = image_bases(folders, beside, len(table), images.dicom_folders)
    rows = np.unique(np.linspace(0, len(table) - 1, min(_SAMPLE, len(table))).round().astype(int))
    cells = {
        column: [values[row] for row in rows if not is_blank(values[row])]
        for column, values in table.columns.items()
        if column not in taken | table.repeated
    }
    for one in possible_suffixes(images.suffix, bases):
        fits = {column: named_images(values, one, bases) for column, values in cells.items()}
        fits = {column: files for column, files in fits.items() if files}
        if not fits:
            continue
        require_header(table, list(fits), one, bases)
        if len({tuple(files) for files in fits.values()}) == 1:  # the same images by two paths
            return next(iter(fits)), one
        raise ValueError(_question(table, "image_column", list(fits), "name images"))
    where = f" in {', '.join(folder.name for folder in folders)}" if folders else ""
    advice = "check the folder and the names" if folders else "name their folder with --images"
    raise ValueError(
        f"{table.name}: no cell of its columns {_listed(table.columns)} names an image{where}; "
        f"{advice}, or name the column with --image_column."
    )


def _group_column(table: TextTable, columns: Sequence[str]) -> str:
    filled = [
        column
        for column in columns
        if 2 * sum(map(is_blank, table.columns[column])) < len(table)
        and len(set(table.columns[column])) > 1
    ]
    patients = [column for column in filled if names_patients(column)]
    parts = [
        column
        for column in filled
        if names_parts(column) and len(set(table.columns[column])) < len(table)
    ]
    return _only(table, "group_column", patients or parts)


def _label_column(table: TextTable, columns: Sequence[str]) -> str:
    free = [column for column in columns if not names_patients(column)]
    possible = [column for column in free if may_be_classes(table.columns[column])]
    others = [column for column in possible if not names_covariate(column)]
    named = [
        column for column in free if not names_covariate(column) and names_classes(column, free)
    ]
    # A column that is named for classes and does not look like them is not passed over for another.
    unlike = [column for column in named if column not in others]
    fits = [column for column in named if column in others] or unlike + others or possible
    if not fits:
        raise ValueError(
            f"{table.name}: none of its columns {_listed(table.columns)} looks like classes (two "
            "or more values with several cases each); name the column with --label_column"
            f"{table.second_header}."
        )
    return _only(table, "label_column", fits)


def may_be_classes(values: Sequence[str]) -> bool:
    """Return whether the values of a column may be classes: at least two, with two cases each on
    average, and no dates, measurements or identifiers.

    Example:
        >>> may_be_classes(["a", "b", "a", "b", ""]), may_be_classes(["a", "b", "c"])
        (True, False)
    """
    counts = Counter(folded(value) for value in values if not is_blank(value))
    return (
        len(counts) > 1
        and counts.total() >= _FEWEST * len(counts)
        and not not_classes(counts)
        and None in {split_of(value) for value in counts}
    )


def _only(table: TextTable, option: str, columns: Iterable[str]) -> str:
    """Return the only column; "" if there is none.

    Raises:
        ValueError: there are several.
    """
    fits = list(columns)
    if len(fits) > 1:
        what = {
            "label_column": "may hold the classes",
            "group_column": "may hold the patients",
            "split_column": "hold splits",
        }[option]
        raise ValueError(_question(table, option, fits, what))
    return fits[0] if fits else ""


def _question(table: TextTable, option: str, columns: Sequence[str], what: str) -> str:
    several = ""
    if option == "label_column" and all(
        {value.casefold() for value in table.columns[c]} <= {"0", "1"} for c in columns
    ):
        several = f"; for several labels per image, --label_column {','.join(columns)}"
    if option == "image_column":
        several = f"; if they are channels of one case, --image_column {','.join(columns)}"
    optional = option in ("group_column", "split_column")
    none = f"; for none of them, --{option} ''" if optional else ""
    return (
        f"{table.name}: {len(columns)} columns {what}; name one. --{option}: "
        f"{', '.join(columns[:-1])} or {columns[-1]}?{several}{none}"
    )


def _note(table: TextTable, chosen: Mapping[str, str], suffix: str) -> str:
    if not any(chosen.values()):
        return ""
    words = {
        "image_column": "images in {!r}",
        "label_column": "classes in {!r}",
        "group_column": "groups in {!r}",
        "split_column": "splits in {!r}",
    }
    phrases = [words[option].format(column) for option, column in chosen.items() if column]
    phrases[0] += f" (with {suffix})" if suffix and "image_column" in chosen else ""
    return f"Columns of {table.name} recognized: {', '.join(phrases)}."


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(map(repr, columns))
