"""What `predict` is given: images at a path, in a table or in an npz file, one case at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from medmonai.data import ImageForm, UnlabeledTable
from medmonai.data.case_files import channel_files
from medmonai.data.containers import array_kind
from medmonai.data.decoding import image_files
from medmonai.data.describe import open_unlabeled_table
from medmonai.data.files import DecodedCase, array_case, read_case, read_npz_images
from medmonai.tables import OTHER_TABLES, TABLE_SUFFIXES

from .exported import ExportedModel
from .model import Model


@dataclass(frozen=True)
class GivenCase:
    """A case before it is decoded.

    Args:
        id: what identifies it in the result.
        read: decodes it; None where there is nothing to decode.
        flag: what is wrong with it; "" if nothing is known.
        covariates: column -> text, for a network that takes covariates.
    """

    id: str
    _: KW_ONLY
    read: Callable[[ImageForm], DecodedCase] | None
    flag: str = ""
    covariates: Mapping[str, str] = field(default_factory=dict)


def given_cases(
    images: Path, model: Model | ExportedModel, options: Mapping[str, Any] | None = None
) -> Iterator[GivenCase]:
    """Return the cases at a path; nothing is decoded yet.

    Args:
        images: an image, a folder of images, the folder of a DICOM series, an npz file, or a table.
        model: says what the images become. If each channel is a file of its own, the images are in
            a table, by default in the columns of the training. If the network takes covariates,
            they are in a table, too.
        options: of a table, see `medmonai.data.list_unlabeled_table`.

    Raises:
        FileNotFoundError: no such path, or no image there.
        ValueError: options or covariates without a table, a table that lacks one of them, or a
            folder of npz files.
    """
    form = model.form
    covariates = () if model.covariates is None else model.covariates.names
    named = {name.replace("-", "_"): value for name, value in (options or {}).items()}
    three = len(form.spatial_size) == 3
    if images.is_file() and images.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_TABLES):
        if model.image_columns:
            named = {"image_column": list(model.image_columns), **named}
        wanted = (*model.image_columns, *covariates)
        with _told(wanted):
            table = open_unlabeled_table(
                images, named, dicom_folders="series" if three else "files"
            )
            _require_columns(table, model)
            columns = {name: table.table.column(name, "covariates") for name in covariates}
        return iter(
            GivenCase(
                row.id,
                read=None if row.file is None else partial(read_case, row.file),
                flag=row.flag,
                covariates={name: values[number] for name, values in columns.items()},
            )
            for number, row in enumerate(table.rows)
        )
    if covariates:
        raise ValueError(
            f"this model takes covariates; instead of {images}, give a table that names the images "
            f"and holds {', '.join(covariates)}."
        )
    if named:
        raise ValueError(
            f"--{next(iter(named))} is for a table of images; {images} is not one "
            f"({', '.join(TABLE_SUFFIXES)})."
        )
    if model.image_columns:
        raise ValueError(
            f"{images} is not a table, and each case of the model has one image for each of "
            f"{', '.join(model.image_columns)}; give a table (CSV, .xlsx) with these columns."
        )
    if images.is_file() and images.suffix.lower() == ".npz":
        return _of_npz(images, form)
    ids, files = image_files(images, spatial_dims=len(form.spatial_size))
    return iter(GivenCase(name, read=partial(read_case, file)) for name, file in zip(ids, files))


@contextmanager
def _told(wanted: Sequence[str]) -> Iterator[None]:
    """Add to an error about a column that is not there what the model takes."""
    try:
        yield
    except ValueError as error:
        if not wanted or " is not a column of " not in str(error):
            raise
        raise ValueError(
            f"{error} The model takes {', '.join(wanted)}: an empty column says that a value or an "
            "image is missing, and --image_column names other columns of images, in that order."
        ) from error


def _require_columns(table: UnlabeledTable, model: Model | ExportedModel) -> None:
    """Raise ValueError unless a table has as many image columns as the training's."""
    wanted = len(model.image_columns) or 1
    counts = (len(channel_files(row.file)) for row in table.rows if row.file is not None)
    held = max(counts, default=wanted)
    if held != wanted:
        names = f" ({', '.join(model.image_columns)})" * bool(model.image_columns)
        raise ValueError(
            f"{table.table.name}: {held} image columns are named, and the model takes {wanted}"
            f"{names}; name them in that order with image_column (--image_column)."
        )


def _of_npz(path: Path, form: ImageForm) -> Iterator[GivenCase]:
    ids, _, named = read_npz_images(path, form.spatial_size)

    def reader(image: Any, name: str) -> Callable[[ImageForm], DecodedCase]:
        kind = array_kind("npz", image)
        return lambda form: array_case(image, form, name, kind=kind)

    count = Counter(ids)
    return (
        GivenCase(
            case,
            read=reader(image, name),
            flag="another image has the same id" if count[case] > 1 else "",
        )
        for case, (name, image) in zip(ids, named)
    )
