"""Numbers that a classifier without convolutions can work on: one row per case."""

from __future__ import annotations

import numpy as np

from medmonai.data.case_columns import check_images
from medmonai.nearest import did_you_mean

from .texture import intensity_texture

FEATURES = ("pixels", "intensity_texture")
MAX_PIXELS = 4096

_CHUNK_BYTES = 1 << 21  # as float64; some ten times this is taken by the texture


def image_features(images: np.ndarray, kind: str = "pixels") -> np.ndarray:
    """Return one row of numbers an image: float32 (N, F).

    - "pixels": the gray values; F = C * voxels. Images of more than 4,096 values are averaged down
      in blocks: the smallest whole number of voxels along each axis that leaves every axis at most
      m blocks, with the largest m that leaves no more than 4,096 values (28^3 -> 14^3, 64^3 ->
      16^3, 224^2 -> 56^2). The last block of an axis may be smaller.
    - "intensity_texture": see `intensity_texture`; 56 numbers a channel in 2D, 57 in 3D.

    uint8 values are divided by 255, others are taken as they are. Images are read a few megabytes
    at a time: beyond the result no memory that grows with N is needed, and a memmap stays on disk.

    Args:
        images: (N, C, *spatial), as a Cohort has them; array or memmap.
        kind: one of `FEATURES`.

    Raises:
        TypeError: images of a dtype that is not allowed.
        ValueError: an unknown kind, images of a wrong shape.

    Example:
        >>> images = np.array([[[[0, 64], [192, 255]]], [[[255, 0], [0, 255]]]], dtype=np.uint8)
        >>> (255 * image_features(images)).round().tolist()
        [[0.0, 64.0, 192.0, 255.0], [255.0, 0.0, 0.0, 255.0]]
    """
    check_kind(kind)
    check_images(images)
    voxels = int(np.prod(images.shape[1:]))
    step = max(1, _CHUNK_BYTES // (8 * voxels))
    rows = None
    for start in range(0, len(images), step):
        part = np.asarray(images[start : start + step])
        block = _pixels(part) if kind == "pixels" else _of_channels(part)
        if rows is None:
            rows = np.empty((len(images), block.shape[1]), np.float32)
        rows[start : start + step] = block
    assert rows is not None
    return rows


def check_kind(kind: str) -> None:
    """Raise ValueError unless the kind of features is known."""
    if kind not in FEATURES:
        hint = did_you_mean(kind, FEATURES, cutoff=0.4)
        raise ValueError(
            f"features={kind!r} is unknown; {hint and f'{hint} '}Use one of {', '.join(FEATURES)}."
        )


def block_sizes(spatial_size: tuple[int, ...], in_channels: int) -> tuple[int, ...]:
    """Return the voxels of a block along each axis, so that at most `MAX_PIXELS` blocks are left
    (one at least).
    """
    for cells in range(max(spatial_size), 0, -1):
        blocks = tuple(-(-n // cells) for n in spatial_size)
        if (
            in_channels * np.prod([-(-n // block) for n, block in zip(spatial_size, blocks)])
            <= MAX_PIXELS
        ):
            return blocks
    return tuple(spatial_size)


def _pixels(images: np.ndarray) -> np.ndarray:
    values = images
    for axis, block in enumerate(block_sizes(images.shape[2:], images.shape[1]), start=2):
        if block > 1:
            length = values.shape[axis]
            starts = np.arange(0, length, block)
            sums = np.add.reduceat(values, starts, axis=axis, dtype=np.float64)
            counts = np.minimum(starts + block, length) - starts
            values = sums / counts.reshape(-1, *[1] * (values.ndim - axis - 1))
    return values.reshape(len(images), -1) / _unit(images)


def _of_channels(images: np.ndarray) -> np.ndarray:
    columns = [
        column
        for channel in range(images.shape[1])
        for column in intensity_texture(images[:, channel] / np.float64(_unit(images))).values()
    ]
    return np.stack(columns, axis=1)


def _unit(images: np.ndarray) -> np.float32:
    return np.float32(255 if images.dtype == np.uint8 else 1)
