"""Images without labels, for inference: a folder of pictures or volumes, or an npz file."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from medmonai.data.case_columns import (
    check_case_ids,
    check_covariates,
    check_finite_pixels,
    check_images,
)
from medmonai.data.containers import UnreadableImageError, array_kind, frames, open_dicom
from medmonai.data.files import (
    DecodedCase,
    array_case,
    read_case,
    read_npz_images,
    why_no_case,
)
from medmonai.data.formats import KINDS, first_image, image_kind
from medmonai.data.image_form import ImageForm
from medmonai.data.image_place import ImagePlace, check_places
from medmonai.data.tables import list_unlabeled_table
from medmonai.tables import OTHER_TABLES, TABLE_SUFFIXES

from .decode_pool import DecodeRecord

logger = logging.getLogger("medmonai.data")

_PROGRESS_FROM = 100
_GIVE = "give an image, a folder of images, a DICOM series, an npz file or a table (CSV, .xlsx)"


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and ids of cases with unknown labels: a Cohort without everything that needs labels.

    Args:
        images: (N, C, *spatial) uint8, int16 or float32, as in a Cohort.
        ids: (N,) distinct strings.
        places: (N,) where each volume's grid lies in the space of its file, or None if not known.
        covariates: as in a Cohort.

    Raises:
        TypeError: images or ids with a dtype that is not allowed.
        ValueError: no cases, different lengths, duplicate ids, or NaN or infinite pixels.

    Example:
        >>> images = ImageSet(np.zeros((2, 1, 4, 4), np.uint8), ids=["a.png", "b.png"])
        >>> len(images), images[1]["id"], images[1]["image"].shape
        (2, 'b.png', torch.Size([1, 4, 4]))
    """

    images: np.ndarray
    _: KW_ONLY
    ids: np.ndarray
    places: tuple[ImagePlace, ...] | None = None
    covariates: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_images(self.images)
        object.__setattr__(self, "ids", check_case_ids(self.ids, len(self.images)))
        object.__setattr__(self, "places", check_places(self.places, len(self.images)))
        covariates = check_covariates(self.covariates, len(self.images))
        object.__setattr__(self, "covariates", covariates)
        check_finite_pixels(self.images, self.ids)

    @property
    def in_channels(self) -> int:
        """Number of channels of an image."""
        return int(self.images.shape[1])

    @property
    def spatial_size(self) -> tuple[int, ...]:
        """Number of voxels along each spatial axis."""
        return tuple(int(n) for n in self.images.shape[2:])

    @property
    def spatial_dims(self) -> int:
        """2 for images, 3 for volumes."""
        return self.images.ndim - 2

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one case: its image (C, *spatial) in the dtype it is stored in, and its id."""
        import torch

        return {"image": torch.from_numpy(np.array(self.images[index])), "id": str(self.ids[index])}

    def __repr__(self) -> str:
        return (
            f"ImageSet({len(self)} images, {self.in_channels} x {self.spatial_size} "
            f"{self.images.dtype})"
        )


def load_images(
    path: str | Path,
    form: ImageForm | Mapping[str, Any],
    *,
    image_column: str | Sequence[str] | None = None,
) -> ImageSet:
    """Read images of any size into one uint8 array (N, in_channels, *spatial_size).

    - A folder is read with its subfolders; ids are the paths inside it. An npz file contains
      `images`, or one array whose name ends in `_images` as in MedMNIST, and optionally `ids`.
    - DICOM (extra `[dicom]`): with three axes, the files of one folder are the slices of one series
      and the id is the folder's; a multi-frame file is a volume of its own. With two axes, each
      file is an image. See `medmonai.data.formats.dicom_series.read_dicom_volume` for what is
      refused and `medmonai.data.formats.dicom.pixels` for the values. MetaImage and NRRD need the
      extra `[itk]`.
    - Gray values: uint8 is kept if no `intensity_range` is given. Anything else (CT in HU, 16-bit
      PNG, float) needs one: low becomes 0, high becomes 255, and values outside are clipped.
    - The rules are the same as in `load_listing`. For pictures see `open_picture` (EXIF, palettes,
      alpha, pages) and `fit_picture` (resizing); for reorienting and resampling volumes see
      `fit_volume`. Warnings count images of another size, volumes cut by a grid with a `spacing`,
      and files that leave something open (no orientation).
    - Channels: color becomes gray by ITU-R 601 luma (.299 R + .587 G + .114 B), gray becomes color
      by repetition, and an alpha channel is dropped.
    - Pictures and X-rays are (row, column), as in MedMNIST. MedMNIST volumes state no orientation;
      you must know their axes to show a network those that it was trained on.

    MONAI's `LoadImage` + `Compose` does each step for one file and leaves the rules above to each
    bundle.

    Args:
        path: a folder, one file, or a table of images (CSV, .xlsx), see `list_unlabeled_table`.
        form: size, channels and gray values that the network expects, as an `ImageForm` or a
            dictionary of its fields.
        image_column: column of a table with the images, or several, one for each channel.

    Raises:
        FileNotFoundError: the path does not exist or contains no image.
        ValueError: several kinds of files, an unreadable file, NaN, gray values without a range, or
            wrong axes or channels.

    Example:
        >>> form = ImageForm((28, 28, 28), in_channels=1, intensity_range=(-160, 240))
        >>> load_images("scans/", form)  # doctest: +SKIP
        ImageSet(12 images, 1 x (28, 28, 28) uint8)
    """
    form = ImageForm.of(form, argument="form")
    ids, cases = _cases(Path(path), form, image_column)
    out = np.empty((len(ids), form.in_channels, *form.spatial_size), np.uint8)
    places = []
    resized = 0
    record = DecodeRecord()
    for i, case in enumerate(
        tqdm(cases, total=len(ids), desc="reading images", disable=len(ids) < _PROGRESS_FROM)
    ):
        out[i] = case.image
        places.append(case.place)
        record.add(case)
        resized += case.size != form.spatial_size
    known = None not in places
    if resized and form.spacing is None:
        logger.warning(
            "%d of %d images were resized to %s (%s).",
            resized,
            len(ids),
            form.spatial_size,
            form.aspect,
        )
    for warning in record.warnings():
        logger.warning("%s", warning)
    return ImageSet(out, ids=np.array(ids), places=tuple(places) if known else None)


def image_files(path: Path, *, spatial_dims: int) -> tuple[list[str], list[Path]]:
    """Return ids and files of the images at a path, sorted by name. Files of several kinds may lie
    together; one that a network does not take is refused when it is read.

    Args:
        path: a folder, or one file.
        spatial_dims: 2, or 3, in which case the DICOM files of one folder are one series.

    Raises:
        FileNotFoundError: no such path, or no image there.
        ValueError: only npz files, which contain arrays.
    """
    files, root = _find(path, mixed=True)
    if {image_kind(file) for file in files} == {"npz"}:
        raise ValueError(f"{path} is an npz file; give image files, or a folder of them.")
    if spatial_dims == 3:
        files = _series(files)
    return [
        file.relative_to(root).as_posix() if file != root else root.resolve().name for file in files
    ], files


def _cases(
    path: Path, form: ImageForm, columns: str | Sequence[str] | None
) -> tuple[list[str], Iterator[DecodedCase]]:
    """Return the ids and an iterator over the decoded cases at a path."""
    if path.is_file() and path.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_TABLES):
        return _of_table(path, form, columns)
    if columns is not None and not isinstance(columns, str) and len(columns) > 1:
        raise ValueError(
            f"{path} is not a table, but each case needs one image for each of "
            f"{', '.join(columns)}; give a table (CSV, .xlsx) with these columns."
        )
    files, root = _find(path)
    if image_kind(files[0]) == "npz":
        ids, _, source = read_npz_images(files[0], form.spatial_size)
        return ids, (
            array_case(image, form, name, kind=array_kind("npz", image)) for name, image in source
        )
    if len(form.spatial_size) == 3:
        files = _series(files)
    ids = [
        file.relative_to(root).as_posix() if file != root else root.resolve().name for file in files
    ]
    return ids, (read_case(file, form) for file in files)


def _of_table(
    path: Path, form: ImageForm, columns: str | Sequence[str] | None
) -> tuple[list[str], Iterator[DecodedCase]]:
    listed = list_unlabeled_table(
        path,
        image_column=columns,
        dicom_folders="series" if len(form.spatial_size) == 3 else "files",
    )
    for row in listed.rows:
        if row.flag or row.file is None:
            raise ValueError(f"{path.name}: {row.id}: {row.flag}; correct the table.")
    files = [row.file for row in listed.rows if row.file is not None]
    return [row.id for row in listed.rows], (read_case(file, form) for file in files)


def _series(files: list[Path]) -> list[Path]:
    """Return the files, with those of a DICOM series replaced by their folder."""
    cases: dict[Path, None] = {}
    inside: dict[Path, tuple[list[Path], list[Path]]] = {}
    for file in files:
        inside.setdefault(file.parent, ([], []))[image_kind(file) == "DICOM"].append(file)
    for folder, (others, dicom) in inside.items():
        one_each = not dicom or len(files) == 1 or _is_volume(first_image(folder))
        cases.update(dict.fromkeys(others + (dicom if one_each else [folder])))
    return sorted(cases)


def _is_volume(file: Path) -> bool:
    """Return whether a DICOM file holds several frames; a damaged one is reported when it is
    decoded.
    """
    try:
        return frames(open_dicom(file, pixels=False)) > 1
    except UnreadableImageError:
        return False


def _find(path: Path, *, mixed: bool = False) -> tuple[list[Path], Path]:
    """Return the image files at a path, sorted, and the folder that their ids are relative to;
    refuse several kinds unless they may be `mixed`.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; {_GIVE}.")
    root = path if path.is_dir() else path.parent
    inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    seen = [
        p for p in inside if not any(part.startswith(".") for part in p.relative_to(root).parts)
    ]
    files = [p for p in seen if image_kind(p)]
    others = _reasons([p for p in seen if not image_kind(p)])
    if not files and path.is_file():
        raise FileNotFoundError(f"{path.name} is not an image that is read; {_GIVE}.")
    if not files:
        held = f" but {others}" if others else ""
        raise FileNotFoundError(f"{path} holds no image{held}; {', '.join(KINDS)} are read.")
    kinds = sorted({kind for p in files if (kind := image_kind(p))})
    volumes = not {"picture", "npz"} & set(kinds)
    if (len(kinds) > 1 and not volumes and not mixed) or (kinds == ["npz"] and len(files) > 1):
        several = " and ".join(kinds) if len(kinds) > 1 else f"{len(files)} npz"
        raise ValueError(
            f"{path} holds {several} files; give a folder with one kind of image, or one npz file."
        )
    if others:
        logger.warning("%s: files were skipped: %s.", path.name, others)
    return files, root


def _reasons(files: Sequence[Path]) -> str:
    """Return how many files are left out for which reason, and the first; "" for none."""
    counts = Counter(why_no_case(file.name) for file in files).most_common()
    told = ", ".join(f"{count} ({reason})" for reason, count in counts)
    return f"{told}, first {files[0].name}" if told else ""
