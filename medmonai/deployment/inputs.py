"""What `predict` is given: images at a path, in a table or in an npz file, one case at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from medmonai.data import ImageForm
from medmonai.data.containers import array_kind
from medmonai.data.decoding import image_files
from medmonai.data.describe import open_unlabeled_table
from medmonai.data.files import DecodedCase, array_case, read_case, read_npz_images
from medmonai.tables import OTHER_TABLES, TABLE_SUFFIXES


@dataclass(frozen=True)
class GivenCase:
    """A case before it is decoded.

    Args:
        id: what identifies it in the result.
        read: decodes it; None where there is nothing to decode.
        flag: what is wrong with it; "" if nothing is known.
    """

    id: str
    _: KW_ONLY
    read: Callable[[ImageForm], DecodedCase] | None
    flag: str = ""


def given_cases(
    images: Path, form: ImageForm, options: Mapping[str, Any] | None = None
) -> Iterator[GivenCase]:
    """Return the cases at a path; nothing is decoded yet.

    Args:
        images: an image, a folder of images, the folder of a DICOM series, an npz file, or a table.
        form: what the images become.
        options: of a table, see `medmonai.data.list_unlabeled_table`.

    Raises:
        FileNotFoundError: no such path, or no image there.
        ValueError: options without a table, or files of several kinds.
    """
    named = dict(options or {})
    three = len(form.spatial_size) == 3
    if images.is_file() and images.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_TABLES):
        table = open_unlabeled_table(images, named, dicom_folders="series" if three else "files")
        return iter(
            GivenCase(
                row.id,
                read=None if row.file is None else partial(read_case, row.file),
                flag=row.flag,
            )
            for row in table.rows
        )
    if named:
        raise ValueError(
            f"--{next(iter(named))} is for a table of images; {images} is not one "
            f"({', '.join(TABLE_SUFFIXES)})."
        )
    if images.is_file() and images.suffix.lower() == ".npz":
        return _of_npz(images, form)
    ids, files = image_files(images, spatial_dims=len(form.spatial_size))
    return iter(GivenCase(name, read=partial(read_case, file)) for name, file in zip(ids, files))


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
