"""Checks of the columns of a cohort: images, ids, and everything with one row per case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

IMAGE_DTYPES = ("uint8", "int16", "float32")

# Rows that a check reads at a time, so that a memmap is never read whole.
_CHUNK_BYTES = 1 << 22


def check_images(images: np.ndarray) -> None:
    """Raise TypeError or ValueError unless the images are (N, C, *spatial) of an allowed dtype,
    with N at least 1.
    """
    if not isinstance(images, np.ndarray) or images.dtype.name not in IMAGE_DTYPES:
        kind = getattr(images, "dtype", type(images).__name__)
        raise TypeError(
            f"images are {kind}; a NumPy array or memmap of {', '.join(IMAGE_DTYPES)} is needed."
        )
    if images.ndim not in (4, 5) or 0 in images.shape[1:]:
        raise ValueError(
            f"images have shape {images.shape}; (N, C, H, W) or (N, C, H, W, D) is needed."
        )
    if len(images) == 0:
        raise ValueError(f"images have shape {images.shape}: no case; at least one is needed.")


def check_case_ids(ids: Sequence[str] | np.ndarray, expected: int) -> np.ndarray:
    """Return the ids as an array of str, or raise if they are not `expected` distinct strings."""
    ids = as_column(ids, "ids", "U")
    if len(ids) != expected:
        raise ValueError(
            f"ids hold {len(ids)} rows and images {expected}; give one for each image."
        )
    # Hashes first: sorting the strings themselves would copy them, and each takes a seventh of the
    # memory of a 28-pixel image.
    hashes = np.fromiter(map(hash, ids), dtype=np.int64, count=len(ids))
    hashes.sort()
    if (hashes[1:] == hashes[:-1]).any():
        names, counts = np.unique(ids, return_counts=True)
        if counts.max() > 1:
            double = str(names[counts.argmax()])
            raise ValueError(
                f"ids: {double!r} occurs {counts.max()} times; every case needs its own id."
            )
    return ids


def check_finite_pixels(images: np.ndarray, ids: np.ndarray) -> None:
    """Raise ValueError naming the first id whose image contains a NaN or an infinity."""
    if images.dtype.kind != "f":
        return
    step = max(1, _CHUNK_BYTES // max(1, images[0].nbytes))
    for start in range(0, len(images), step):
        part = images[start : start + step]
        finite = np.isfinite(part).reshape(len(part), -1).all(axis=1)
        if not finite.all():
            first = str(ids[start + int(np.argmin(finite))])
            raise ValueError(
                f"images: case {first!r} holds NaN or infinite pixels; repair it or leave it out."
            )


def check_covariates(covariates: np.ndarray | None, expected: int) -> np.ndarray | None:
    """Return encoded covariates as float32, None if there are none.

    Raises:
        ValueError: not one row per case, or values that are not finite.
    """
    if covariates is None:
        return None
    values = np.asarray(covariates, dtype=np.float32)
    if values.ndim not in (2, 3) or len(values) != expected:
        raise ValueError(
            f"covariates have shape {values.shape}; ({expected}, values) is needed, as an encoder "
            "returns them."
        )
    if not np.isfinite(values).all():
        raise ValueError("covariates hold NaN or infinite values; encode them with fit_covariates.")
    return values


def as_column(values: Sequence[Any] | np.ndarray, name: str, kinds: str) -> np.ndarray:
    """Return values as an array (N,) whose dtype is of one of the given kinds.

    Raises:
        TypeError: another dtype.
        ValueError: the values are not one-dimensional.
    """
    column = np.asarray(values)
    if column.dtype.kind not in kinds:
        wanted = "str" if kinds == "U" else "str or int"
        raise TypeError(f"{name} have dtype {column.dtype}; an array of {wanted} is needed.")
    if column.ndim != 1:
        raise ValueError(f"{name} have shape {column.shape}; (N,) is needed.")
    return column


def as_mask(mask: np.ndarray, length: int) -> np.ndarray:
    """Return the mask; raise ValueError unless it has one value per case."""
    if mask.shape != (length,):
        raise ValueError(
            f"indices: a mask of shape {mask.shape} for {length} cases; ({length},) is needed."
        )
    return mask
