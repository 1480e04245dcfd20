"""Opening a table of images without labels that a person names on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.data.files import DicomFolders
from medmonai.data.options import grouped
from medmonai.data.tables import UnlabeledTable, list_unlabeled_table

from .source import checked_options
from .source_folders import command_line_folders


def open_unlabeled_table(
    table: Path, options: Mapping[str, Any], *, dicom_folders: DicomFolders
) -> UnlabeledTable:
    """Return the rows of a table of images.

    Args:
        table: the file.
        options: arguments of `list_unlabeled_table`, as in `open_source`.
        dicom_folders: used where the options do not say it.

    Raises:
        FileNotFoundError: a folder that does not exist.
        ValueError: an option that a table without labels does not take; see
            `list_unlabeled_table`.
    """
    given = {name.replace("-", "_"): value for name, value in options.items()}
    option = "images" if "images" in given else "image_folders"
    given = {"image_folders" if n == "images" else n: value for n, value in given.items()}
    arguments = checked_options(list_unlabeled_table, given, table.name)
    if arguments.get("image_folders") is not None:
        arguments["image_folders"] = command_line_folders(
            arguments["image_folders"], option=option, beside=table.parent
        )
    return list_unlabeled_table(
        **grouped(
            list_unlabeled_table, {"dicom_folders": dicom_folders, **arguments, "table": table}
        )
    )
