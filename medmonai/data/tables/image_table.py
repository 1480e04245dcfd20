"""Images named by the rows of a table: columns for image, label, group and anything else."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from medmonai.data.class_names import check_classes, in_split_order, path_key, split_of
from medmonai.data.cohort import Provenance
from medmonai.data.datalist import LeftOut, Listing
from medmonai.data.files import DicomFolders
from medmonai.data.positive_class import default_note
from medmonai.tables import TextTable, read_text_table
from medmonai.task import Task

from .label_questions import ask_about_labels
from .table_columns import groups_of, labels_of
from .table_images import find_table_images, image_folders_of
from .table_paths import without_folder

logger = logging.getLogger("medmonai.data")


def list_image_table(
    table: str | Path,
    *,
    name: str,
    image_column: str,
    label_column: str | Sequence[str],
    image_folders: str | Path | Sequence[str | Path] | None = None,
    suffix: str = "",
    class_names: Sequence[str] | Mapping[str, str] | None = None,
    positive_class: str | None = None,
    task: Task | str = "auto",
    group_column: str | None = None,
    blank_groups: Literal["error", "own"] = "error",
    split_column: str | None = None,
    metadata_columns: Sequence[str] = (),
    rows_without_image: Literal["error", "skip"] = "error",
    labels_are_classes: bool = False,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    dicom_folders: DicomFolders = "series",
    licence: str = "",
    citation: str = "",
    known_issues: Sequence[str] = (),
) -> Listing:
    r"""List the images that the rows of a table name, without opening them.

    Two sets as they are downloaded: HAM10000 (`HAM10000_metadata.csv`, jpgs in two folders) and
    histopathologic cancer detection (`train_labels.csv`, 220,025 tifs in `train`):

        list_image_table("HAM10000_metadata.csv", name="ham10000", image_column="image_id",
                         label_column="dx", image_folders="HAM10000_images_part_*", suffix=".jpg",
                         group_column="lesion_id", metadata_columns=("age", "sex", "localization"))
        list_image_table("train_labels.csv", name="histopathologic_cancer", image_column="id",
                         label_column="label", image_folders="train", suffix=".tif",
                         class_names={"0": "no tumour", "1": "tumour"})

    - Values lose the spaces around them. Labels that differ in case or spaces only are one class,
      and so are numbers of one value (1, 1.0) if all labels are numbers; a note says so.
    - "nan", "NA", "N/A", "none" and "null" are blanks, in labels (unless `class_names` names such a
      class) and groups.
    - An id is the path of the image inside its folder. Every image folder is listed once, whatever
      the number of rows; "\" for "/", a "./" before a path and composed or decomposed letters make
      no difference.
    - What the image folders do not have is looked for beside the table and in the working
      directory; absolute paths are taken as they stand, and of those of another computer
      (C:\Users\...) the longest end that a folder has. Notes say so.
    - A label column that looks like a measurement, a date or an identifier is refused until
      `labels_are_classes` says that it is meant.
    - Images without a row are counted in a note; each is in `left_out`.

    pandas and `torch.utils.data.Dataset` in every project's own way are what studies do; MONAI has
    CSVDataset, without labels, groups, or a check that the images are there.

    Args:
        table: a file with a header: CSV as spreadsheets save it, or an Excel workbook; see
            `medmonai.tables.read_text_table`.
        name: of the set, for reports.
        image_column: holds file names, or paths.
        label_column: holds the class; several columns of 0 and 1 make a multilabel task.
        image_folders: one or several, relative to the table's folder; with `*` any that fit, of
            which some may be missing; None: the table's own folder, which is not searched for
            images without a row.
        suffix: added to the values of `image_column` that do not end in it.
        class_names: the classes in the order of their labels, as the table has them, or value ->
            name to show; default: the values in alphabetical order (numbers by value). Multilabel:
            default the columns' names.
        positive_class: of two classes, the one that becomes class 1, which recall, AUC and
            thresholds are about; default: the last one.
        task: "auto" (multilabel for several columns; binary for two classes, else multiclass),
            another kind, or a Task.
        group_column: holds the patient or lesion.
        blank_groups: what a blank in it is: an "error", or a group of its "own".
        split_column: holds train, val (valid, validation) or test.
        metadata_columns: further columns to keep as text.
        rows_without_image: "error", or "skip": each is in `left_out` and a note counts them.
        labels_are_classes: whether a label column of many numbers, of numbers with fractions, of
            dates or of as many values as rows is meant.
        separator: between the columns, where the table can be read with more than one.
        encoding: of the text, where it is neither Unicode nor that of Western Windows.
        sheet: of a workbook in which several sheets hold something.
        dicom_folders: "series": a folder of DICOM files is one image, named by its path; "files":
            each file is one.
        licence: of the images.
        citation: papers to cite.
        known_issues: one sentence each on what is known to be wrong with the set.

    Raises:
        FileNotFoundError: no such table or folder.
        ValueError: a damaged table, a column that is missing, rows without an image, an image in
            two rows or two folders, a blank or unknown label, group or split, a class without a
            case or in test only.
    """
    _check_choice("rows_without_image", rows_without_image, ("error", "skip"))
    _check_choice("blank_groups", blank_groups, ("error", "own"))
    path = Path(table).expanduser()
    labelled = [label_column] if isinstance(label_column, str) else list(label_column)
    read = read_text_table(
        path, separator=separator, encoding=encoding, sheet=sheet, wanted=[image_column, *labelled]
    )
    roots = image_folders_of(path.parent, image_folders)
    images = find_table_images(
        read,
        image_column,
        roots,
        beside=path.parent,
        suffix=suffix,
        skip=rows_without_image == "skip",
        dicom_folders=dicom_folders,
    )
    rows = images.rows
    if not labels_are_classes and class_names is None and isinstance(label_column, str):
        ask_about_labels(
            read,
            label_column,
            rows,
            others={"image_column": image_column, "group_column": group_column},
        )
    labels = labels_of(
        read, label_column, rows, class_names=class_names, task=task, positive_class=positive_class
    )
    splits = None if split_column is None else _splits(read, split_column, rows)
    if labels.task.exclusive:
        check_classes(name, labels.labels, splits, labels.class_names)
    groups = (
        None
        if group_column is None
        else groups_of(read, group_column, rows, images.ids, own=blank_groups == "own")
    )
    metadata = {
        column: np.array([read.column(column, "metadata_columns")[row] for row in rows])
        for column in metadata_columns
    }
    unchosen = (
        default_note(labels.class_names, labels.task)
        if class_names is positive_class is None
        else ""
    )
    notes = tuple(filter(None, (*images.notes, labels.note, unchosen)))
    for note in notes:
        logger.warning("%s: %s", name, note)
    notes = (*read.notes, *notes)
    listing = Listing(
        images.files,
        ids=images.ids,
        labels=labels.labels,
        task=labels.task,
        class_names=labels.class_names,
        groups=groups,
        provenance=Provenance(
            name,
            licence=licence,
            citation=citation,
            source=f"table {read.name}",
            known_issues=tuple(known_issues),
        ),
        splits=splits,
        metadata=metadata,
        left_out=_left_out(read, image_column, images.without, images.unnamed),
        notes=notes,
    )
    return listing.subset(in_split_order(splits, images.ids))


def _left_out(
    read: TextTable, image_column: str, without: Sequence[int], unnamed: Sequence[str]
) -> tuple[LeftOut, ...]:
    values = read.column(image_column, "image_column")
    rows = [
        LeftOut(
            without_folder(path_key(values[row])) or f"line {read.lines[row]}",
            "a row without an image",
        )
        for row in without
    ]
    return (*rows, *(LeftOut(image, "an image without a row") for image in unnamed))


def _splits(read: TextTable, column: str, rows: Sequence[int]) -> np.ndarray:
    values = read.column(column, "split_column")
    found = [split_of(values[row]) for row in rows]
    unknown = [row for row, split in zip(rows, found) if split is None]
    if unknown:
        raise ValueError(
            f"{read.name}: {column} holds {values[unknown[0]]!r} ({read.places(unknown)}); train, "
            "val (valid, validation) or test is needed."
        )
    return np.array(found)


def _check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is unknown; use {' or '.join(map(repr, allowed))}.")
