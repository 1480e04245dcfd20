"""What the places of the files, their sizes and their spacing say against a set as it is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from medmonai.data.datalist import Listing
from medmonai.data.files import Headers, series_of

_FEW = 5  # folders with several cases: too many for a coincidence
_MANY = 50  # cases in a folder that is more than a patient
_SHOWN = 3
_EQUAL = 0.999  # correlation of the same file in two windows
_FIELD = (1.0, 3000.0)  # millimeters: the longest side of what is imaged of a patient


def slices_of_series(listing: Listing, spatial_dims: int) -> list[list[int]]:
    """Return the rows of each DICOM series of which several files are cases of their own.

    Args:
        listing: the cases.
        spatial_dims: 2 or 3; the files of a volume are one case.
    """
    if spatial_dims == 3 or listing.modalities:
        return []
    rows: dict[str, list[int]] = defaultdict(list)
    for row, file in enumerate(listing.files):
        series = series_of(file)
        if series:
            rows[series].append(row)
    return [found for found in rows.values() if len(found) > 1]


def slices_line(series: Sequence[Sequence[int]], listing: Listing) -> list[str]:
    """Return a warning on single slices of series."""
    if not series:
        return []
    count = sum(map(len, series))
    first = " = ".join(str(listing.ids[row]) for row in series[0][:2])
    return [
        f"warning: {count:,} images are slices of {len(series):,} DICOM series (first: {first}); "
        "those of a series stay in one fold. For volumes, put each series into a folder of its own."
    ]


def several_in_a_folder(listing: Listing) -> list[str]:
    """Return a warning where many folders hold a few cases each, and no patients are given: a
    folder may be a patient, or its files the channels of one case.
    """
    if listing.groups is not None:
        return []
    inside: dict[str, list[str]] = defaultdict(list)
    for case in map(str, listing.ids):
        inside[PurePosixPath(case).parent.as_posix()].append(PurePosixPath(case).name)
    several = {folder: names for folder, names in inside.items() if len(names) > 1}
    counts = [len(names) for names in several.values()]
    classes = len(listing.class_names) * (1 if listing.splits is None else 3)
    if len(several) < max(_FEW, classes + 1) or np.median(counts) > _MANY:
        return []
    folder, names = next(iter(several.items()))
    shown = ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
    return [
        f"warning: {len(several):,} folders hold several cases each (first {folder}: {shown}). If "
        "a folder is a patient, add --group_pattern '^(.+)/'; otherwise one patient may be in "
        "training and test. If its files are channels of one case, name them in a table, one "
        "column each (--image_column t1,t2)."
    ]


def single_slices(headers: Headers) -> list[str]:
    """Return a warning on single slices among volumes."""
    if headers.spatial_dims != 3:
        return []
    thin = int((headers.sizes == 1).any(axis=1).sum())
    if not thin:
        return []
    return [
        f"warning: {thin:,} of {len(headers.sizes):,} volumes {'is' if thin == 1 else 'are'} a "
        "single slice; leave out what is not a whole volume"
    ]


def doubtful_field(size: Sequence[int], spacing: Sequence[float] | None) -> list[str]:
    """Return a warning where the volumes are larger than a person or too small to be an organ.

    Example:
        >>> doubtful_field((10, 10, 10), (1000, 1000, 2000))[0][:61]
        'warning: the median volume covers 10000 x 10000 x 20000 mm; c'
    """
    if spacing is None:
        return []
    field = np.multiply(size, spacing)
    if _FIELD[0] <= field.max() <= _FIELD[1]:
        return []
    shown = " x ".join(f"{mm:.5g}" for mm in field)
    return [
        f"warning: the median volume covers {shown} mm; check the unit of space in the headers "
        "(meters, millimeters or micrometers)"
    ]


def equal_channels(images: np.ndarray, names: Mapping[int, str]) -> list[str]:
    """Return a warning on channels that hold the same image in every case that has both.

    Args:
        images: uint8 (N, C, *spatial).
        names: number of a channel -> its name.

    Example:
        >>> twice = np.random.default_rng(0).integers(0, 255, (2, 1, 8, 8)).repeat(2, axis=1)
        >>> equal_channels(twice, {0: "t1", 1: "t2"})[0][:51]
        'warning: t1 and t2 hold the same image in all 2 cas'
    """
    lines = []
    flat = images.reshape(*images.shape[:2], -1).astype(np.float32)
    flat -= flat.mean(axis=2, keepdims=True)
    norms = np.linalg.norm(flat, axis=2)
    for i in names:
        for j in (other for other in names if other > i):
            both = (norms[:, i] > 0) & (norms[:, j] > 0)
            if not both.any():
                continue
            products = np.einsum("nv,nv->n", flat[both, i], flat[both, j])
            if (products > _EQUAL * norms[both, i] * norms[both, j]).all():
                lines.append(
                    f"warning: {names[i]} and {names[j]} hold the same image in all {both.sum():,} "
                    "cases that have both; one of the columns may name the wrong files"
                )
    return lines
