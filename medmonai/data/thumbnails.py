"""Small pictures of the cases of a cohort, for notebooks."""

from __future__ import annotations

import io

import numpy as np

LONGEST = 128  # pixels of the longer side of a thumbnail


def thumbnail(image: np.ndarray) -> bytes:
    """Return an image (C, H, W), or the middle plane of the last axis of a volume (C, A, B, D), as
    PNG.

    Three channels of uint8 are shown as colors; for any other image only the first channel is
    shown. Dtypes other than uint8 are stretched from the smallest to the largest value of the
    plane.

    Args:
        image: one case of a cohort.
    """
    from PIL import Image  # imported here: a cohort does not need it

    plane = image if image.ndim == 3 else image[..., image.shape[-1] // 2]
    if len(plane) == 3 and plane.dtype == np.uint8:
        drawn = np.moveaxis(plane, 0, -1)
    else:
        drawn = _gray_levels(plane[0])
    picture = Image.fromarray(np.ascontiguousarray(drawn))
    picture.thumbnail((LONGEST, LONGEST))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def _gray_levels(plane: np.ndarray) -> np.ndarray:
    if plane.dtype == np.uint8:
        return plane
    values = plane.astype(np.float64)
    span = float(np.ptp(values))
    return np.rint((values - values.min()) / (span or 1.0) * 255).astype(np.uint8)


def one_of_each(one_hot: np.ndarray, count: int) -> list[int]:
    """Return the first rows of every class in turn, at most `count`; rows without a class come
    last.

    Args:
        one_hot: (N, classes) of 0 and 1.
        count: the largest number of rows.

    Example:
        >>> one_of_each(np.eye(2)[[0, 0, 0, 1]], 3)
        [0, 3, 1]
    """
    members = [np.flatnonzero(column)[:count].tolist() for column in one_hot.T]
    turns = [queue[place] for place in range(count) for queue in members if place < len(queue)]
    return list(dict.fromkeys([*turns, *range(min(count, len(one_hot)))]))[:count]
