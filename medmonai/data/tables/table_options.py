"""Arguments of `list_image_table` about a table: how to read the file, its columns, and where the
images are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Literal

from medmonai.data.files import DicomFolders
from medmonai.data.options import Options
from medmonai.tables import TextTable, read_text_table


@dataclass(frozen=True)
class TableFile(Options):
    """A table with a header, and how to read it if the file leaves that unclear.

    Args:
        path: CSV as spreadsheets save it, or an Excel workbook; see
            `medmonai.tables.read_text_table`.
        separator: column separator, if the table can be read with more than one.
        encoding: text encoding, if neither Unicode nor Western Windows (cp1252).
        sheet: sheet to read, if a workbook has several sheets with data.
    """

    path: str | Path
    _: KW_ONLY
    separator: str | None = None
    encoding: str | None = None
    sheet: str | None = None

    @classmethod
    def named(cls, table: str | Path | TableFile | Mapping[str, Any]) -> TableFile:
        """Return a table from its path alone, or from everything that is said about it.

        Raises:
            TypeError, ValueError: see `Options.of`.
        """
        given: Any = {"path": table} if isinstance(table, str | Path) else table
        return cls.of(given, argument="table")

    def read(self, wanted: Sequence[str] = ()) -> TextTable:
        """Read the table; see `medmonai.tables.read_text_table` for errors.

        Args:
            wanted: columns that will be asked for; they tell the header and the separator.
        """
        return read_text_table(
            Path(self.path).expanduser(),
            separator=self.separator,
            encoding=self.encoding,
            sheet=self.sheet,
            wanted=wanted,
        )


@dataclass(frozen=True)
class TableColumns(Options):
    """Which column holds what.

    Args:
        image_column: file names or paths; several columns are the channels of a case, in this
            order.
        label_column: the class; several columns of 0 and 1 make a multilabel task.
        group_column: the patient or lesion.
        blank_groups: how to treat a blank group: as an "error", or as a group of its "own".
        split_column: train, val (valid, validation) or test.
        metadata_columns: further columns to keep as text.
        covariates: columns that a network may see beside the image (age, sex, site); kept as
            metadata, too. See `medmonai.data.fit_covariates`.
        labels_are_classes: whether to accept a label column that looks like a measurement, a date
            or an identifier.
        blank_labels: how to treat a blank label: as an "error", or "skip" the row, which a note
            counts.

    Raises:
        ValueError: an unknown value of `blank_labels` or `blank_groups`.
        TypeError: `covariates` is one text instead of a list.

    Example:
        >>> TableColumns("image_id", "dx", group_column="lesion_id").group_column
        'lesion_id'
    """

    image_column: str | Sequence[str]
    label_column: str | Sequence[str]
    _: KW_ONLY
    group_column: str | None = None
    blank_groups: Literal["error", "own"] = "error"
    split_column: str | None = None
    metadata_columns: Sequence[str] = ()
    covariates: Sequence[str] = ()
    labels_are_classes: bool = False
    blank_labels: Literal["error", "skip"] = "error"

    def __post_init__(self) -> None:
        _check_choice("blank_groups", self.blank_groups, ("error", "own"))
        _check_choice("blank_labels", self.blank_labels, ("error", "skip"))
        image_columns(self.image_column)
        if isinstance(self.covariates, str):
            raise TypeError(f"covariates={self.covariates!r}; a list of columns is needed.")

    @property
    def image_columns(self) -> list[str]:
        """The names of all image columns."""
        return image_columns(self.image_column)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The image columns if there are several, else ()."""
        return tuple(self.image_columns) if len(self.image_columns) > 1 else ()

    @property
    def label_columns(self) -> list[str]:
        """The names of all label columns."""
        named = self.label_column
        return [named] if isinstance(named, str) else list(named)


@dataclass(frozen=True)
class ImageFiles(Options):
    """Where the images of a table are.

    Args:
        image_folders: one or several, relative to the table's folder. With `*`, every folder that
            matches; patterns without a match are ignored if another pattern has one. None: the
            table's own folder, which is not searched for images without a row.
        suffix: added to image names that do not end in it.
        rows_without_image: "error" raises; "skip" lists each in `left_out` and counts them in a
            note.
        dicom_folders: "series": a folder of DICOM files is one image, named by its path; "files":
            each file is one.

    Raises:
        ValueError: an unknown value of `rows_without_image`.
    """

    image_folders: str | Path | Sequence[str | Path] | None = None
    suffix: str = ""
    _: KW_ONLY
    rows_without_image: Literal["error", "skip"] = "error"
    dicom_folders: DicomFolders = "series"

    def __post_init__(self) -> None:
        _check_choice("rows_without_image", self.rows_without_image, ("error", "skip"))


def image_columns(named: str | Sequence[str]) -> list[str]:
    """Return the image columns as a list.

    Raises:
        ValueError: none, or one of them twice.
    """
    columns = [named] if isinstance(named, str) else list(named)
    if not columns or len(set(columns)) < len(columns):
        raise ValueError(
            f"image_column={columns!r}; give one column, or different ones for the channels of a "
            "case."
        )
    return columns


def _check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; use {' or '.join(map(repr, allowed))}.")
