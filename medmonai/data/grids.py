"""Grids of voxels in space: the mapping from one grid to another, and resampling of images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Fraction of a voxel (or of a matrix entry) that rounding may have added.
TINY = 1e-5
_SLAB = 1 << 20  # voxels that are interpolated at once
_MOST_DRIFT = 0.05  # voxels that a parallel axis may be off at its end


def to_form_grid(
    affine: np.ndarray,
    shape: Sequence[int],
    *,
    size: Sequence[int],
    orientation: str = "RAS",
    spacing: Sequence[float] | None = None,
) -> np.ndarray:
    """Return the (4, 4) matrix from voxel indices of a grid with a given orientation, spacing and
    size to those of a volume.

    The axes of the new grid are the volume's axes nearest to the requested directions, so nothing
    is rotated and an oblique volume stays oblique. Its affine is `affine @ to_form_grid(...)`.

    With a spacing, the grid is centered on the volume. If the spacing equals the volume's own, new
    voxels coincide with old ones (as in MONAI's `ResizeWithPadOrCrop`). Without one it covers the
    volume exactly: new voxel j of n along an axis of m is centered at (j + 1/2) m / n - 1/2.

    Args:
        affine: (4, 4) of the volume, from voxel indices to millimeters.
        shape: voxels of the volume.
        size: voxels of the new grid.
        orientation: see `ImageForm`.
        spacing: millimeters between voxels of the new grid along each of its axes; None stretches
            the volume.
    """
    import nibabel.orientations as directions  # slow to import, and only volumes need it

    # Row a: the axis of the volume that becomes axis a, and whether it runs the same way.
    moves = directions.ornt_transform(
        directions.axcodes2ornt(tuple(orientation)), directions.io_orientation(affine)
    )
    axes = moves[:, 0].astype(int)
    signs = moves[:, 1]
    own = np.linalg.norm(affine[:3, :3], axis=0)
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis, (source, sign) in enumerate(zip(axes, signs)):
        m = shape[source]
        n = size[axis]
        step = m / n if spacing is None else float(spacing[axis] / own[source])
        step = 1.0 if abs(step - 1) < TINY else step
        start = (step - 1) / 2 if spacing is None else ((m - 1) - step * (n - 1)) / 2
        if step == 1 and spacing is not None:
            start = float(m // 2 - n // 2) if m > n else -float((n - m) // 2)
        matrix[source, axis] = sign * step
        matrix[source, 3] = start if sign > 0 else m - 1 - start
    return matrix


def resample_to_grid(image: np.ndarray, to_image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return an image (C, *spatial) on another grid with parallel axes: float32, or its own dtype
    if voxels are only moved.

    The interpolation is linear. If the new grid is coarser, the triangle filter is as wide as a new
    voxel, so that no voxel is skipped. The weight of voxel i for a new one centered at c is max(0,
    1 - |i - c| / max(1, step)), divided by the sum of the weights. This is Pillow's bilinear filter
    in any number of dimensions. MONAI's `Spacing` and `SpatialResample` pick single voxels when
    they shrink an image, and `Resize(anti_aliasing=True)` cannot start outside the image or keep a
    spacing in millimeters.

    Sums are float64, and the result is rounded to float32. Gray levels half way between two whole
    ones, such as 1.5, then do not depend on the order of a sum, and an exported file finds the same
    ones.

    Args:
        image: (C, *spatial).
        to_image: (d + 1, d + 1) from voxel indices of the new grid to those of the image. Each axis
            of one is an axis of the other, possibly flipped, scaled and shifted.
        size: voxels of the new grid; those whose center is outside the image are 0.

    Raises:
        ValueError: the axes of the two grids are not parallel.

    Example:
        >>> resample_to_grid(np.float32([[0, 2, 4]]), np.array([[0.5, 0], [0, 1]]), (5,)).tolist()
        [[0.0, 1.0, 2.0, 3.0, 4.0]]
    """
    linear = to_image[:-1, :-1]
    shift = to_image[:-1, -1]
    axes = np.abs(linear).argmax(axis=0)
    steps = linear[axes, np.arange(len(axes))]
    if not are_parallel(to_image, size):
        raise ValueError(
            f"the grids are not parallel: {linear.round(4).tolist()}; only flips, exchanged axes, "
            "scales and shifts are resampled."
        )
    image = np.transpose(image, (0, *(1 + axes)))
    dtype = image.dtype
    # the axis that shrinks most comes first
    for axis in sorted(range(len(size)), key=lambda a: size[a] / image.shape[1 + a]):
        length = image.shape[1 + axis]
        start = float(shift[axes[axis]])
        step = float(steps[axis])
        rows = _whole_rows(length, start, step, size[axis])
        if rows is not None:
            image = _moved(image, 1 + axis, rows)
        else:
            dtype = np.dtype(np.float32)
            image = _interpolated(image, 1 + axis, *_weights(length, start, step, size[axis]))
    return np.ascontiguousarray(image, dtype=dtype)


def resample_turned(image: np.ndarray, to_image: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Return an image (C, *spatial) as float32 on a grid whose axes may be rotated against its own.

    Linear interpolation, after a Gaussian filter along the image's axes that the new grid samples
    more coarsely (standard deviation sqrt((step^2 - 1) / 6) voxels, as the triangle filter of
    `resample_to_grid` adds). Parallel grids have sharper results there.

    Args:
        image: (C, *spatial).
        to_image: (d + 1, d + 1) from voxel indices of the new grid to those of the image.
        size: voxels of the new grid; those whose center is outside the image are 0.

    Example:
        >>> turn = np.array([[0.0, -1, 1], [1, 0, 0], [0, 0, 1]])
        >>> resample_turned(np.float32([[[1, 2], [3, 4]]]), turn, (2, 2)).tolist()
        [[[3.0, 1.0], [4.0, 2.0]]]
    """
    from scipy import ndimage  # slow to import, and few volumes need it

    steps = np.abs(to_image[:-1, :-1]).max(axis=1)
    sigmas = np.sqrt(np.clip(steps**2 - 1, 0, None) / 6)
    at = np.indices(size).reshape(len(size), -1)
    at = to_image[:-1, :-1] @ at + to_image[:-1, -1:]
    ends = np.array(image.shape[1:])[:, None]
    inside = ((at >= -0.5 - TINY) & (at <= ends - 0.5 + TINY)).all(axis=0)
    out = np.zeros((len(image), inside.size), np.float32)
    for channel, values in enumerate(image.astype(np.float32)):
        smooth = ndimage.gaussian_filter(values, sigmas, mode="nearest") if sigmas.any() else values
        out[channel, inside] = ndimage.map_coordinates(
            smooth, at[:, inside], order=1, mode="nearest"
        )
    return out.reshape(len(image), *size)


def are_parallel(to_image: np.ndarray, size: Sequence[int]) -> bool:
    """Return whether each axis of a grid is an axis of an image, so that `resample_to_grid` takes
    the two.
    """
    linear = np.abs(to_image[:-1, :-1])
    axes = linear.argmax(axis=0)
    rest = linear.copy()
    rest[axes, np.arange(len(axes))] = 0
    return sorted(axes) == list(range(len(axes))) and rest.max() * max(size) <= _MOST_DRIFT


def resize_grid(shape: Sequence[int], size: Sequence[int]) -> np.ndarray:
    """Return the matrix for `resample_to_grid` that stretches an image from a shape to a size, each
    axis separately.
    """
    steps = np.array(shape, float) / np.array(size, float)
    matrix = np.diag([*steps, 1.0])
    matrix[:-1, -1] = (steps - 1) / 2
    return matrix


def _whole_rows(length: int, start: float, step: float, n: int) -> np.ndarray | None:
    """Return the old voxels along an axis that n new ones centered at start + step j are; None
    where they lie between old ones.
    """
    whole = round(start)
    if abs(abs(step) - 1) >= TINY or abs(start - whole) >= TINY * max(n, length):
        return None
    return whole + (1 if step > 0 else -1) * np.arange(n)


def _moved(image: np.ndarray, axis: int, rows: np.ndarray) -> np.ndarray:
    """Return the image with the given voxels along one axis; 0 for those outside it."""
    inside = (rows >= 0) & (rows < image.shape[axis])
    if inside.all():
        forward = len(rows) < 2 or rows[1] > rows[0]
        last = int(rows[-1]) + (1 if forward else -1)
        chosen = slice(int(rows[0]), last if last >= 0 else None, 1 if forward else -1)
        return image[(slice(None),) * axis + (chosen,)]
    taken = np.take(image, np.where(inside, rows, 0), axis=axis)
    taken[(slice(None),) * axis + (~inside,)] = 0
    return taken


def _interpolated(image: np.ndarray, axis: int, first: int, weights: np.ndarray) -> np.ndarray:
    """Return the image as float64 with weighted sums of the voxels from `first` on along one axis.

    Slabs keep the float64 copy of a large image small.
    """
    before = (slice(None),) * axis
    part = image[(*before, slice(first, first + weights.shape[1]))]
    inside = weights.any(axis=1)  # consecutive voxels; the rest is padding
    out = np.zeros((*part.shape[:axis], len(weights), *part.shape[axis + 1 :]))
    across = max((a for a in range(part.ndim) if a != axis), key=lambda a: part.shape[a])
    thick = max(1, _SLAB * part.shape[across] // max(1, part.size))
    for begin in range(0, part.shape[across], thick):
        slab = (slice(None),) * across + (slice(begin, begin + thick),)
        values = part[slab].astype(np.float64, copy=False)
        sums = np.tensordot(values, weights[inside], axes=(axis, 1))
        out[slab][(*before, inside)] = np.moveaxis(sums, -1, axis)
    return out


def _weights(length: int, start: float, step: float, n: int) -> tuple[int, np.ndarray]:
    """Return the first voxel that contributes and the (n, voxels) weights; rows of new voxels
    outside the image are 0.
    """
    centres = start + step * np.arange(n)
    width = max(1.0, abs(step))
    first = int(np.clip(np.floor(centres.min() - width), 0, length - 1))
    last = int(np.clip(np.ceil(centres.max() + width), 0, length - 1))
    weights = np.clip(1 - np.abs(np.arange(first, last + 1) - centres[:, None]) / width, 0, None)
    weights[(centres < -0.5 - TINY) | (centres > length - 0.5 + TINY)] = 0
    sums = weights.sum(axis=1, keepdims=True)
    return first, np.divide(weights, sums, out=np.zeros_like(weights), where=sums > 0)
