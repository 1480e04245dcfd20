"""The positions of the slices of a DICOM series, and whether they fill a volume evenly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medmonai.data.containers import (
    frame_bytes,
    frames,
    open_dicom,
    unreadable,
)

from .dicom import of_frame
from .volumes import LPS_TO_RAS

if TYPE_CHECKING:
    from pydicom import Dataset

# How far a slice may lie from its regular place, as a fraction of the slice distance. 0.625 mm
# rounded to tenths of a millimeter gives .16. One missing slice gives .25 if four are left and up
# to .5 if many are.
_UNEVEN = 0.2
# Sine of the largest angle between the stacking direction of the slices and their normal; a gantry
# tilt is several degrees.
_TILT = 0.01


@dataclass(frozen=True, eq=False)
class Slice:
    """One picture of a series and its position in DICOM's millimeters (to the left, to the back,
    upward).

    Args:
        name: name of the file.
        file: the file.
        frame: index of the picture in the file.
        position: (3,) center of its first pixel.
        orientation: (6,) direction of increasing column number, then of increasing row number.
        spacing: (2,) between rows, between columns.
        shape: rows, columns.
        series: identifier of the series; compared, never shown.
        item_bytes: bytes per pixel as stored in the file.
    """

    name: str
    file: Path
    frame: int
    position: np.ndarray
    orientation: np.ndarray
    spacing: np.ndarray
    shape: tuple[int, int]
    series: str
    item_bytes: float = 2


def along_normal(slices: Sequence[Slice]) -> np.ndarray:
    """Return the order of the slices along their normal (direction of columns x direction of
    rows).
    """
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    return np.argsort([part.position @ normal for part in slices], kind="stable")


def series_affine(slices: Sequence[Slice]) -> np.ndarray:
    """Return the (4, 4) affine from (column, row, slice) to millimeters in nibabel's world, for
    sorted slices.

    This is equation C.7.6.2.1-1 of DICOM PS3.3, with the slice step taken from the first and last
    position.

    Example:
        >>> parts = [
        ...     Slice(
        ...         "",
        ...         Path(),
        ...         0,
        ...         np.array([0, 0, z]),
        ...         np.eye(3)[:2].ravel(),
        ...         np.array([2, 1]),
        ...         (4, 4),
        ...         "",
        ...     )
        ...     for z in (5.0, 8.0)
        ... ]
        >>> np.diag(series_affine(parts)).tolist(), series_affine(parts)[2, 3].item()
        ([-1.0, -2.0, 3.0, 1.0], 5.0)
    """
    first = slices[0]
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[:3] * first.spacing[1]
    affine[:3, 1] = first.orientation[3:] * first.spacing[0]
    affine[:3, 2] = (slices[-1].position - first.position) / (len(slices) - 1)
    affine[:3, 3] = first.position
    return LPS_TO_RAS @ affine


def slices_of(file: Path) -> list[Slice]:
    """Return the position of each frame of a file.

    Raises:
        UnreadableImageError: a position that is missing or does not belong to a grid.
    """
    dataset = open_dicom(file, pixels=False)
    return [_slice(dataset, file, i) for i in range(frames(dataset))]


def _slice(dataset: Dataset, file: Path, frame: int) -> Slice:
    groups = {
        "ImagePositionPatient": ("PlanePositionSequence", 3),
        "ImageOrientationPatient": ("PlaneOrientationSequence", 6),
        "PixelSpacing": ("PixelMeasuresSequence", 2),
    }
    stated = {}
    for tag, (group, count) in groups.items():
        try:
            stated[tag] = np.array([float(v) for v in of_frame(dataset, frame, group, tag) or ()])
        except (TypeError, ValueError) as error:
            raise unreadable(file, f"its {tag} holds no numbers") from error
        if len(stated[tag]) != count or not np.isfinite(stated[tag]).all():
            raise unreadable(file, f"it states no {tag}, so its place is unknown")
    directions = stated["ImageOrientationPatient"].reshape(2, 3)
    if (
        np.abs(directions @ directions.T - np.eye(2)).max() > 1e-3
        or stated["PixelSpacing"].min() <= 0
    ):
        raise unreadable(file, "its ImageOrientationPatient or PixelSpacing are those of no grid")
    return Slice(
        file.name,
        file,
        frame,
        stated["ImagePositionPatient"],
        stated["ImageOrientationPatient"],
        stated["PixelSpacing"],
        (int(dataset.Rows), int(dataset.Columns)),
        str(dataset.get("SeriesInstanceUID", "")),
        frame_bytes(dataset) / (dataset.Rows * dataset.Columns),
    )


def check_same(path: Path, first: Slice, other: Slice) -> None:
    """Refuse two slices with different series, sizes, directions or pixel spacings."""
    checks = {
        "are of two series": first.series != other.series,
        f"have {first.shape} and {other.shape} pixels": first.shape != other.shape,
        "are turned differently": np.abs(first.orientation - other.orientation).max() > 1e-3,
        f"have pixels of {first.spacing.tolist()} and {other.spacing.tolist()} mm": not np.allclose(
            first.spacing, other.spacing, rtol=1e-3
        ),
    }
    for said, differs in checks.items():
        if differs:
            raise unreadable(
                path,
                f"its files {first.name} and {other.name} {said}; a folder is one series: move "
                "each series into a folder of its own",
            )


def check_even(path: Path, slices: Sequence[Slice]) -> None:
    """Refuse sorted slices that coincide, leave a gap, are unevenly spaced, or are not stacked
    along their normal.
    """
    positions = np.array([part.position for part in slices])
    lengths = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    closest = int(lengths.argmin())
    widest = int(lengths.argmax())
    usual = float(np.median(lengths))
    if lengths[closest] < 0.01:
        raise unreadable(
            path,
            f"its slices {slices[closest].name} and {slices[closest + 1].name} lie at the same "
            "place",
        )
    step = (positions[-1] - positions[0]) / (len(slices) - 1)
    away = np.linalg.norm(positions - positions[0] - np.arange(len(slices))[:, None] * step, axis=1)
    if away.max() > _UNEVEN * np.linalg.norm(step):
        names = f"{slices[widest].name} and {slices[widest + 1].name}"
        if lengths[widest] > 1.5 * usual:
            raise unreadable(
                path,
                f"a slice is missing between {names}: {lengths[widest]:.3g} mm instead of "
                f"{usual:.3g}",
            )
        apart = f"{lengths[closest]:.3g} to {lengths[widest]:.3g} mm"
        raise unreadable(path, f"its slices are {apart} apart, the most between {names}")
    normal = np.cross(slices[0].orientation[:3], slices[0].orientation[3:])
    if np.linalg.norm(np.cross(step, normal)) > _TILT * np.linalg.norm(step):
        raise unreadable(
            path,
            "its slices are not stacked along their normal (a tilted gantry): straighten it with "
            "dcm2niix and give the NIfTI file",
        )
