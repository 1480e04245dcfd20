"""Opening what a person names on the command line: a MedMNIST set, a folder, or a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.cohort import Cohort
from medmonai.data.datalist import SPLITS, Listing
from medmonai.data.decoding import load_listing
from medmonai.data.files import read_headers
from medmonai.data.image_form import ImageForm, IntensityRange
from medmonai.data.options import flat_parameters, grouped
from medmonai.data.sources import dataset_names, list_class_folders, list_npz, load_medmnist
from medmonai.data.tables import (
    COLUMN_OPTIONS,
    ImageFiles,
    TableFile,
    list_image_table,
    recognize_columns,
)
from medmonai.nearest import did_you_mean
from medmonai.tables import OTHER_TABLES, TABLE_SUFFIXES

from .source_description import ALL
from .source_folders import command_line_folders

_LISTS = ("metadata_columns", "covariates", "known_issues")  # "age,sex" on a command line
_MAYBE_LISTS = ("image_column", "label_column", "class_names")  # with a comma
KINDS_OF_SOURCES = (
    "a MedMNIST name, a bundle, a folder of class folders, a table (CSV, .xlsx), or an npz file"
)
# 2019 is a name there, and in every column
_TEXTS = (
    "name",
    "sheet",
    "suffix",
    "image_folders",
    "group_table",
    "licence",
    "citation",
    "class_names",
    "positive_class",
    "covariates",
)


def open_source(source: str, options: Mapping[str, Any]) -> Listing | list[Cohort]:
    """Return the cohorts of a MedMNIST set, or the listing of a folder of classes or of a table of
    images.

    Args:
        source: a name, a folder, or a table (CSV, TSV, .xlsx).
        options: arguments of `load_medmnist`, `list_class_folders` or `list_image_table`; "images"
            is short for "image_folders", see `command_line_folders`. A "-" in a name counts as a
            "_". Separate several columns or folders by commas. Columns that are not named are
            recognized, see `completed_options`. Nothing is downloaded unless "download" is true.

    Raises:
        FileNotFoundError: no such source.
        ValueError: an option that this kind of source does not accept.
    """
    options, note = completed_options(source, options)
    listed = listing_call(source, options)
    if listed is not None:
        function, flat = listed
        listing = function(**grouped(function, flat))
        return replace(listing, notes=(note, *listing.notes)) if note else listing
    given = {name.replace("-", "_"): value for name, value in options.items()}
    if source in dataset_names():
        given = {"download": False, **checked_options(load_medmnist, given, source)}
        arguments = grouped(load_medmnist, {"dataset_dir": None, **given, "name": source})
        return [load_medmnist(split=split, **arguments) for split in SPLITS]
    raise _no_source(source)


def _no_source(source: str) -> FileNotFoundError:
    path = Path(source).expanduser()
    if path.exists():
        return FileNotFoundError(f"{source} is a file of another kind; give {KINDS_OF_SOURCES}.")
    if path.suffix or len(path.parts) > 1:
        return FileNotFoundError(f"{source} does not exist; give {KINDS_OF_SOURCES}.")
    hint = did_you_mean(
        source, dataset_names(), show="{}", otherwise=f"give {KINDS_OF_SOURCES}.", cutoff=0.6
    )
    return FileNotFoundError(f"no source {source!r}; {hint}")


def completed_options(source: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the options of a source, and one sentence on what was added; "" if nothing was.

    The columns of a table that were not named are recognized where only one reading is possible,
    see `medmonai.data.tables.recognize_columns`; "" stands for groups or splits that the table does
    not have. Options that are complete come back as they are, as do those of any other source.

    Raises:
        FileNotFoundError: an image folder that does not exist.
        ValueError: an option that a table does not take, or a column that has to be named.
    """
    given = {name.replace("-", "_"): value for name, value in options.items()}
    path = Path(source).expanduser()
    if not _is_table(path) or all(name in given for name in COLUMN_OPTIONS):
        return dict(options), ""
    arguments = _table_arguments(path, given, source)
    named = {
        option: columns
        for option, columns in arguments.items()
        if option.endswith(("_column", "_columns", "covariates")) and columns is not None
    }
    wanted = [c for some in named.values() for c in ([some] if isinstance(some, str) else some)]
    parts = grouped(list_image_table, {**arguments, "table": path})
    table = TableFile.named(parts["table"]).read([column for column in wanted if column])
    images = ImageFiles.of(parts.get("images"), argument="images")
    recognized = recognize_columns(table, named, images, beside=path.parent)
    added: dict[str, Any] = dict(recognized.columns)
    if recognized.suffix and not images.suffix:
        added["suffix"] = recognized.suffix
    return {**options, **added}, recognized.note


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_TABLES)


def listing_call(
    source: str, options: Mapping[str, Any]
) -> tuple[Callable[..., Listing], dict[str, Any]] | None:
    """Return the function that lists a folder or a table, and its arguments by their flat names;
    None for any other source.

    Args:
        source: see `open_source`.
        options: see `open_source`.

    Raises:
        FileNotFoundError: an image folder that does not exist.
        ValueError: an option that this kind of source does not take.
    """
    path = Path(source).expanduser()
    given = {name.replace("-", "_"): value for name, value in options.items()}
    if path.is_dir():
        named = {"name": path.resolve().name, **checked_options(list_class_folders, given, source)}
        return list_class_folders, {**named, "root": path}
    if path.is_file() and path.suffix.lower() == ".npz":
        named = {"name": path.stem, **checked_options(list_npz, given, source)}
        return list_npz, {**named, "npz": path}
    if not _is_table(path):
        return None
    options, _ = completed_options(source, options)
    given = {name.replace("-", "_"): value for name, value in options.items()}
    arguments = {
        option: value
        for option, value in _table_arguments(path, given, source).items()
        if value != "" or option not in COLUMN_OPTIONS
    }
    return list_image_table, {"name": path.stem, **arguments, "table": path}


def _table_arguments(path: Path, given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return the options of a table as arguments of `list_image_table`; columns may be missing."""
    option = "images" if "images" in given else "image_folders"
    given = {"image_folders" if n == "images" else n: value for n, value in given.items()}
    arguments = checked_options(list_image_table, given, source, optional=COLUMN_OPTIONS)
    if "image_folders" in arguments:
        arguments["image_folders"] = command_line_folders(
            arguments["image_folders"], option=option, beside=path.parent
        )
    return arguments


def checked_options(
    function: Callable[..., object],
    options: dict[str, Any],
    source: str,
    *,
    optional: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the options as arguments of a function, after checking that it accepts them and that
    none is missing except those in `optional`.

    Args:
        function: that lists the source.
        options: name -> value.
        source: as messages name it.
        optional: arguments that may be missing although the function has no default for them.

    Raises:
        ValueError: an option that the function does not take, or one that is missing.
    """
    known = {
        name: parameter
        for name, parameter in flat_parameters(function).items()
        if name not in ("root", "table", "npz", "split")
    }
    for name in options:
        if name not in known:
            hint = did_you_mean(
                name,
                known,
                show="--{}",
                otherwise=f"it takes {', '.join(f'--{k}' for k in known)}.",
            )
            raise ValueError(f"--{name} is not an option for {source}; {hint}")
    needed = [
        name
        for name, parameter in known.items()
        if parameter.default is inspect.Parameter.empty
        and name not in options
        and name not in ("name", *optional)
    ]
    if needed:
        raise ValueError(f"{source} needs {', '.join(f'--{name}' for name in needed)}.")
    listed = {
        *_LISTS,
        *(name for name in _MAYBE_LISTS if "," in str(options.get(name, ""))),
    }
    texts = {
        name: _as_text(value) if name in _TEXTS or name.endswith(("_column", "_columns")) else value
        for name, value in options.items()
    }
    for name, value in texts.items():
        require_switch(name, value, known[name].default)
    return {
        name: _as_list(name, value) if name in listed else value for name, value in texts.items()
    }


def _as_list(name: str, value: Any) -> Any:
    """Return "a, b" as a list of two texts; a list, or a mapping of classes, stays one.

    Raises:
        TypeError: neither text nor list.
    """
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if not isinstance(value, list | tuple) and name != "class_names":  # it may be a mapping
        raise TypeError(f"--{name} {value!r}; names are needed, with commas between them.")
    return value


def require_switch(name: str, value: object, default: object = False) -> None:
    """Raise ValueError if an option that is on or off holds something else: as a text, "no" would
    be taken for yes.

    Args:
        name: of the option.
        value: of the option.
        default: of the option; only those with True or False are on or off.
    """
    if isinstance(default, bool) and not isinstance(value, bool):
        raise ValueError(f"{name}={value!r}; true or false is needed (--{name} true).")


def _as_text(value: Any) -> Any:
    """Return a number, or those in a list, as text: a command line turns --images 2019 into one."""
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def decoded(
    listing: Listing,
    *,
    size: int,
    intensity_range: IntensityRange | None = None,
    skip_unreadable: bool = False,
    cache_dir: str | None = None,
) -> list[Cohort]:
    """Return the cases of a listing as Cohorts, decoded for inspection: one per split, or one named
    "all".

    Args:
        listing: with or without splits.
        size: voxels along each axis; the headers determine the number of axes and channels.
        intensity_range: see `ImageForm`.
        skip_unreadable: see `load_listing`.
        cache_dir: see `load_listing`.
    """
    headers = read_headers(listing.files)
    whole = (
        listing
        if listing.splits is not None
        else replace(listing, splits=np.full(len(listing), "train"))
    )
    form = ImageForm(
        (size,) * headers.spatial_dims,
        in_channels=headers.in_channels,
        indicators=headers.indicators,
        intensity_range=intensity_range,
    )
    cohorts = load_listing(whole, form, skip_unreadable=skip_unreadable, cache_dir=cache_dir)
    return [
        cohort if listing.splits is not None else replace(cohort, split=ALL)
        for cohort in cohorts.values()
    ]
