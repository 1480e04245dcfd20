"""Images named by the rows of a table: columns for image, label, group and anything else."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.class_names import check_classes, in_split_order, split_of
from medmonai.data.datalist import About, Listing, logged_notes
from medmonai.data.positive_class import default_note
from medmonai.tables import TextTable
from medmonai.task import Task

from .column_questions import ask_about_labels
from .covariate_questions import covariates_of
from .recognition import completed_columns
from .table_columns import TableLabels, blank_labels, groups_of, labels_of
from .table_images import TableImages, find_table_images, image_folders_of
from .table_options import ImageFiles, TableColumns, TableFile

logger = logging.getLogger("medmonai.data")


def list_image_table(
    table: str | Path | TableFile | Mapping[str, Any],
    columns: TableColumns | Mapping[str, Any] | None = None,
    *,
    name: str,
    images: ImageFiles | Mapping[str, Any] | None = None,
    class_names: Sequence[str] | Mapping[str, str] | None = None,
    positive_class: str | None = None,
    task: Task | str = "auto",
    about: About | Mapping[str, Any] | None = None,
) -> Listing:
    r"""List the images that the rows of a table name, without opening them.

    Examples for two data sets as downloaded: HAM10000 (`HAM10000_metadata.csv`, jpgs in two
    folders) and histopathologic cancer detection (`train_labels.csv`, 220,025 tifs in `train`):

        list_image_table(
            "HAM10000_metadata.csv",
            TableColumns("image_id", "dx", group_column="lesion_id", metadata_columns=["age"]),
            name="ham10000",
            images=ImageFiles("HAM10000_images_part_*", suffix=".jpg"),
        )
        list_image_table(
            "train_labels.csv",
            TableColumns("id", "label"),
            name="histopathologic_cancer",
            images=ImageFiles("train", suffix=".tif"),
            class_names={"0": "no tumour", "1": "tumour"},
        )

    - Spaces around values are removed. Labels that differ only in case or spaces are one class. If
      all labels are numbers, those of equal value (1, 1.0) are one class too. A note reports this.
    - "nan", "NA", "N/A", "none" and "null" count as blank in labels (unless `class_names` has such
      a class) and in groups.
    - An id is the path of the image inside its folder. Every image folder is listed only once,
      however many rows there are. "\" for "/", a leading "./" and composed or decomposed letters
      make no difference.
    - An image that is not in the image folders is searched for in the table's folder and in the
      working directory. Absolute paths are used as given; for those from another computer
      (C:\Users\...), the longest matching trailing part is used. Notes report both.
    - A label column that looks like a measurement, a date or an identifier is refused unless
      `labels_are_classes` is set.
    - Several image columns are the channels of a case (registered modalities), in this order, one
      gray file each. A blank cell is a missing channel, see `ImageForm.indicators`; a row in which
      all are blank is left out. The id of a case is the path of its first image.
    - Images without a row are counted in a note; each is in `left_out`.

    Studies usually write their own pandas code and `torch.utils.data.Dataset` for this. MONAI's
    CSVDataset handles neither labels nor groups and does not check that the images exist.

    Args:
        table: a file with a header, or a `TableFile` that also says how to read it.
        columns: which column holds what; None: recognized where only one reading is possible, see
            `medmonai.data.tables.recognize_columns`.
        name: name of the data set, for reports.
        images: where the images are; default: in the table's folder.
        class_names: the classes as written in the table, in the order of their labels, or a mapping
            of value -> name to show. Default: the values in alphabetical order (numbers by value),
            or the column names for multilabel.
        positive_class: of two classes, the one that becomes class 1, which recall, AUC and
            thresholds refer to; default: the last one.
        task: "auto" (multilabel for several columns; binary for two classes, else multiclass),
            another kind, or a Task.
        about: license, citation and known issues.

    Raises:
        FileNotFoundError: no such table or folder.
        TypeError: `table`, `columns`, `images` or `about` of the wrong type.
        ValueError: a damaged table, a missing column, rows without an image, an image in two rows
            or two folders, a blank or unknown label, group or split, a class without cases or only
            in test, or a covariate that is none: an identifier, dates, the label in other words.
    """
    file = TableFile.named(table)
    where = ImageFiles.of(images, argument="images")
    read, columns, where, recognized = _read(file, columns, where)
    located = _images(read, columns, where, beside=Path(file.path).expanduser().parent)
    located = _labeled(located, read, columns, class_names)
    rows = located.rows
    if class_names is None:
        _ask_about_labels(read, columns, rows)
    labels = labels_of(
        read,
        columns.label_column,
        rows,
        class_names=class_names,
        task=task,
        positive_class=positive_class,
    )
    splits = _splits(read, columns.split_column, rows)
    if labels.task.exclusive:
        check_classes(name, labels.labels, splits, labels.class_names)
    metadata, questions = _metadata(read, columns, rows, labels)
    chosen = class_names is not None or positive_class is not None
    unchosen = "" if chosen else default_note(labels.class_names, labels.task)
    said = (recognized, *located.notes, labels.note, unchosen, *questions)
    notes = logged_notes(name, said)
    listing = Listing(
        located.files,
        ids=located.ids,
        labels=labels.labels,
        task=labels.task,
        class_names=labels.class_names,
        groups=_groups(read, columns, located),
        provenance=About.of(about, argument="about").provenance(name, f"table {read.name}"),
        splits=splits,
        metadata=metadata,
        left_out=located.left_out,
        modalities=columns.modalities,
        notes=(*read.notes, *notes),
    )
    return listing.subset(in_split_order(splits, located.ids))


def _read(
    file: TableFile, given: TableColumns | Mapping[str, Any] | None, where: ImageFiles
) -> tuple[TextTable, TableColumns, ImageFiles, str]:
    """Return the table, its columns, where its images are, and a note on recognized columns."""
    if given is None:
        read = file.read()
        return read, *completed_columns(read, where, beside=Path(file.path).expanduser().parent)
    columns = TableColumns.of(given, argument="columns")
    return file.read([*columns.image_columns, *columns.label_columns]), columns, where, ""


def _images(
    read: TextTable, columns: TableColumns, where: ImageFiles, *, beside: Path
) -> TableImages:
    return find_table_images(
        read,
        columns.image_columns,
        image_folders_of(beside, where.image_folders),
        beside=beside,
        suffix=where.suffix,
        skip=where.rows_without_image == "skip",
        dicom_folders=where.dicom_folders,
    )


def _labeled(
    found: TableImages,
    read: TextTable,
    columns: TableColumns,
    class_names: Sequence[str] | Mapping[str, str] | None,
) -> TableImages:
    """Return the images whose rows have a label, if the others are to be left out."""
    if columns.blank_labels == "error":
        return found
    blank = blank_labels(read, columns.label_columns, found.rows, class_names=class_names)
    return found.without_rows(blank, "a row without a label")


def _metadata(
    read: TextTable, columns: TableColumns, rows: Sequence[int], labels: TableLabels
) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the further columns, covariates among them, and notes on these."""
    covariates, notes = covariates_of(read, columns, rows, labels)
    further = {
        column: np.array([read.column(column, "metadata_columns")[row] for row in rows])
        for column in columns.metadata_columns
    }
    return {**further, **covariates}, notes


def _ask_about_labels(read: TextTable, columns: TableColumns, rows: Sequence[int]) -> None:
    if isinstance(columns.label_column, str) and not columns.labels_are_classes:
        others = [("image_column", name) for name in columns.image_columns]
        others += [] if columns.group_column is None else [("group_column", columns.group_column)]
        ask_about_labels(read, columns.label_column, rows, others=others)


def _groups(read: TextTable, columns: TableColumns, images: TableImages) -> np.ndarray | None:
    column = columns.group_column
    if column is None:
        return None
    own = columns.blank_groups == "own"
    return groups_of(read, column, images.rows, images.ids, own=own)


def _splits(read: TextTable, column: str | None, rows: Sequence[int]) -> np.ndarray | None:
    if column is None:
        return None
    values = read.column(column, "split_column")
    splits = [split_of(values[row]) for row in rows]
    unknown = [row for row, split in zip(rows, splits) if split is None]
    if unknown:
        first = values[unknown[0]]
        held = f"holds {first!r}" if first else "is blank"
        raise ValueError(
            f"{read.name}: {column} {held} ({read.places(unknown)}); train, val or test is needed: "
            "write it there, or take these rows out."
        )
    return np.array(splits)
