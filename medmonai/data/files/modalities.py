"""A case whose channels are files of their own: modalities that are registered to each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medmonai.data.containers import UnreadableImageError
from medmonai.data.formats import NO_DIRECTIONS, NO_ORIENTATION, NO_SPACING, Volume
from medmonai.data.image_form import ImageForm

# More of a modality than this lies outside the first one: used in `DecodedCase.remarks`.
MOSTLY_APART = "have a modality of which less than half overlaps with the first one"
_LEAST_OVERLAP = 0.5


def require_channels(files: Sequence[Path | None], form: ImageForm) -> None:
    """Check that a case has a file for each channel that may not be missing.

    Raises:
        UnreadableImageError: no file at all, or a channel is missing that has no indicator.
        ValueError: another number of files than channels.
    """
    if len(files) != form.image_channels:
        raise ValueError(
            f"a case has {len(files)} files, one for each channel, and the form "
            f"{form.image_channels} channels of images (in_channels={form.in_channels}, "
            f"indicators={list(form.indicators)}); give as many image columns as channels."
        )
    there = [file.name for file in files if file is not None]
    if not there:
        raise UnreadableImageError(f"all {len(files)} files of the case are missing.")
    lost = [i for i, file in enumerate(files) if file is None and i not in form.indicators]
    if lost:
        raise UnreadableImageError(
            f"the case of {there[0]} lacks the file of channel {lost[0]}, which no indicator says "
            f"may be missing (indicators={list(form.indicators)}); give the file."
        )


def with_indicators(image: np.ndarray, form: ImageForm, missing: Sequence[int] = ()) -> np.ndarray:
    """Return an image (image_channels, *spatial) with its indicator channels behind it.

    Args:
        image: uint8.
        form: its `indicators` say which channels have one.
        missing: channels that the case lacks.
    """
    if not form.indicators:
        return image
    shape = (len(form.indicators), *[1] * (image.ndim - 1))
    there = np.array([0 if i in missing else 255 for i in form.indicators], np.uint8)
    behind = np.broadcast_to(there.reshape(shape), (len(there), *image.shape[1:]))
    return np.concatenate([image, behind])


def require_same_size(sizes: Sequence[tuple[str, tuple[int, ...]]]) -> None:
    """Raise UnreadableImageError unless all pictures of a case have one size.

    Args:
        sizes: (name, (H, W)) of each.
    """
    (first, size), *others = sizes
    for name, other in others:
        if other != size:
            raise UnreadableImageError(
                f"{name} has {_times(other)} pixels and {first} of the same case {_times(size)}; "
                "the modalities of a case must be registered and have one size."
            )


def common_affine(volume: Volume, first: Volume, *, names: tuple[str, str]) -> np.ndarray:
    """Return the affine of a modality in the space of the first one.

    If both state where they lie, this is its own affine. If not, both must have the same number of
    voxels, and are taken to lie on the same grid.

    Args:
        volume: the modality.
        first: the first one of the case.
        names: of both, for messages.

    Raises:
        UnreadableImageError: grids of different sizes that do not state where they lie, or volumes
            that do not overlap.
    """
    if not (_is_placed(volume) and _is_placed(first)):
        if volume.shape != first.shape:
            raise UnreadableImageError(
                f"{names[0]} has {_times(volume.shape)} voxels and {names[1]} of the same case "
                f"{_times(first.shape)}, and not both state spacing and orientation; give files "
                "on one grid, or files that state both."
            )
        return first.affine
    return volume.affine


def overlap(affine: np.ndarray, volume: Volume, first: Volume) -> float:
    """Return the fraction of a volume inside the box of another: the smaller box counts as 1.

    Args:
        affine: of the volume, in the space of the first one.
        volume: the modality.
        first: the first one of the case.
    """
    corners = np.stack(np.meshgrid(*[(-0.5, n - 0.5) for n in volume.shape]), -1).reshape(-1, 3)
    to_first = np.linalg.solve(first.affine, affine)
    inside = corners @ to_first[:3, :3].T + to_first[:3, 3]
    low = inside.min(axis=0)
    high = inside.max(axis=0)
    shared = np.clip(np.minimum(high, np.array(first.shape) - 0.5) - np.maximum(low, -0.5), 0, None)
    smaller = np.minimum(high - low, first.shape)
    return float(np.prod(shared / smaller))


def overlap_remarks(share: float, names: tuple[str, str]) -> tuple[str, ...]:
    """Return a remark for volumes that overlap little.

    Raises:
        UnreadableImageError: they do not overlap.
    """
    if share <= 0:
        raise UnreadableImageError(
            f"{names[0]} and {names[1]} of the same case do not overlap in space; modalities must "
            "be registered: check their headers."
        )
    return (MOSTLY_APART,) if share < _LEAST_OVERLAP else ()


def _is_placed(volume: Volume) -> bool:
    return not {NO_ORIENTATION, NO_DIRECTIONS, NO_SPACING} & set(volume.remarks)


def _times(numbers: Sequence[int]) -> str:
    return " x ".join(map(str, numbers))
