"""How similar two images are in shape, and every pair of a set at or above a threshold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

GRID = 28  # voxels per axis after averaging down, so that one threshold suits all sizes
FINE, COARSE = 0.8, 2.0  # widths of the band-pass, in voxels of that grid
# Both were chosen on real sets, see docs/results/data_audit.md: what a person should look at, and
# what is the same picture saved twice.
NEAR_THRESHOLD = 0.94
COPY_THRESHOLD = 0.99
MAX_PAIRS = 2_000_000

_CHUNK_BYTES = 1 << 23
_COMPONENTS = 32
_ROWS, _COLUMNS = 1024, 2048  # a block of similarities fits in the cache of one core
_SLACK = 1e-4  # margin for float32 rounding, so that no pair at the threshold is lost


def shape_features(images: np.ndarray) -> np.ndarray:
    """Return the features to compare: float32 unit vectors (N, d) of band-passed images; zeros for
    an image without any shape.

    Each axis longer than 28 voxels is averaged down to 28 (area weights). The band-pass is the
    image blurred with a Gaussian of .8 voxels minus the image blurred with 2 voxels. It removes the
    level, slow shading, the anatomy common to all images, and single-voxel noise. The scalar
    product of two rows is a correlation in [-1, 1] that no change of brightness or contrast
    (positive scale, offset) alters. Flips (see `medmonai.data.duplicates.turned`), rotations beyond
    about 3 degrees, shifts of one grid voxel or more, and different crops make images differ. A
    color picture and its gray copy correlate at .81 to .99 (21 pictures of HAM10000).

    Plain perceptual hashes (ImageHash) compare the coarsest frequencies, where all chest X-rays
    look the same, and are designed for 2D.

    Args:
        images: (N, C, *spatial), two or three spatial axes, any numeric dtype.

    Example:
        >>> image = np.random.default_rng(0).integers(0, 100, (1, 1, 28, 28))
        >>> a, b = shape_features(np.concatenate([image, 2 * image + 20]))
        >>> round(float(a @ b), 4)
        1.0
    """
    images = np.asarray(images)
    if images.dtype.kind == "f":  # squares of gray levels above 1e19 would overflow
        largest = np.abs(images).max(axis=tuple(range(1, images.ndim)), keepdims=True)
        images = images / np.where(largest > 0, largest, 1)
    small = images.astype(np.float32)
    for axis in range(small.ndim - 1, 1, -1):
        if small.shape[axis] > GRID:
            small = _along(_averaging(small.shape[axis]), small, axis)
    fine = coarse = small
    for axis in range(2, small.ndim):
        fine = _along(_blurring(small.shape[axis], FINE), fine, axis)
        coarse = _along(_blurring(small.shape[axis], COARSE), coarse, axis)
    features = (fine - coarse).reshape(len(fine), -1)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    level = np.abs(coarse.reshape(len(coarse), -1)).max(axis=1, keepdims=True)
    # In a flat image, rounding leaves about 1e-7 of the level at each voxel.
    flat = lengths <= 3e-6 * level * math.sqrt(features.shape[1])
    return np.where(flat, 0, features / np.where(flat, 1, lengths))


def near_pairs(
    num_cases: int,
    features_of: Callable[[np.ndarray], np.ndarray],
    *,
    threshold: float = NEAR_THRESHOLD,
    max_pairs: int = MAX_PAIRS,
    row_bytes: int = 0,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return every pair of rows whose features have a scalar product of at least `threshold`.

    Every feature vector is split into its coordinates in an orthonormal basis (the 32 principal
    directions of a sample) and the length of the rest. By Cauchy-Schwarz, the scalar product of
    these 33 numbers is never below that of the full vectors, so no pair is missed. Candidates that
    pass are checked on the full vectors. The work grows with N squared, at 33 multiplications per
    pair; full vectors are computed in chunks and never kept.

    Args:
        num_cases: N.
        features_of: returns unit (or zero) vectors (n, d) for the given rows, in the given
            order.
        threshold: in (0, 1].
        max_pairs: number of candidates at which the search stops; a set of images this similar
            needs a higher threshold.
        row_bytes: memory that one row takes while its features are computed; determines the chunk
            length.

    Returns:
        pairs (P, 2) int64 with first < second, most alike first; their similarity (P,) float64;
        whether the search went through all pairs.

    Raises:
        ValueError: a threshold outside (0, 1].
    """
    return bounded_pairs(
        num_cases,
        features_of,
        _as_they_are,
        _product,
        threshold=threshold,
        max_pairs=max_pairs,
        row_bytes=row_bytes,
    )


def _as_they_are(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return features, np.zeros((len(features), 0), np.float32)


def _product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.einsum("nd,nd->n", first, second)


def bounded_pairs(
    num_cases: int,
    features_of: Callable[[np.ndarray], np.ndarray],
    parts_of: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    score_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    threshold: float,
    max_pairs: int,
    row_bytes: int,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return every pair of rows with a score of at least `threshold`, for a score with an upper
    bound.

    Args:
        num_cases: N.
        features_of: see `near_pairs`.
        parts_of: features (n, d) -> vectors (n, e) and further numbers (n, m), whose joint scalar
            product is never below the score.
        score_of: features (n, d) of the first and of the second row of n pairs -> scores (n,).
        threshold: see `near_pairs`, also for the next two.
        max_pairs: number of candidates at which the search stops.
        row_bytes: memory that one row takes.

    Returns:
        see `near_pairs`.

    Raises:
        ValueError: a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(
            f"near_threshold={threshold}; a correlation above 0 and up to 1 is needed, such as .94."
        )
    length = features_of(np.arange(1)).shape[1] if num_cases else 0
    step = max(1, _CHUNK_BYTES // max(4 * length, row_bytes, 1))
    sample = np.unique(
        np.linspace(0, num_cases - 1, min(num_cases, 2048 if length <= 4096 else 512)).astype(
            np.int64
        )
    )
    basis = _principal_directions(
        np.concatenate([parts_of(features_of(part))[0] for part in _parts(sample, step)])
    )
    sketches = []
    for part in _parts(np.arange(num_cases), step):
        vectors, further = parts_of(features_of(part))
        inside = vectors @ basis
        rest = np.sum(vectors**2, axis=1) - np.sum(inside**2, axis=1)
        sketches.append(np.column_stack([inside, np.sqrt(np.maximum(rest, 0)), further]))
    candidates, complete = _candidates(np.concatenate(sketches), threshold - _SLACK, max_pairs)
    scores = _scores(candidates, features_of, score_of, step)
    kept = scores >= threshold - 1e-6
    candidates = candidates[kept]
    scores = np.minimum(scores[kept], 1.0)
    order = np.lexsort((candidates[:, 1], candidates[:, 0], -scores))
    return candidates[order], scores[order], complete


def _parts(rows: np.ndarray, step: int) -> Sequence[np.ndarray]:
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _scores(
    pairs: np.ndarray,
    features_of: Callable[[np.ndarray], np.ndarray],
    score_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
    step: int,
) -> np.ndarray:
    """Return the score (P,) of each pair from its full features; adjacent pairs share rows."""
    scores = np.empty(len(pairs))
    for part in _parts(np.arange(len(pairs)), 4 * step):
        rows, where = np.unique(pairs[part], return_inverse=True)
        features = np.concatenate([features_of(few) for few in _parts(rows, step)])
        where = where.reshape(-1, 2)
        for few in _parts(np.arange(len(part)), step):
            scores[part[few]] = score_of(features[where[few, 0]], features[where[few, 1]])
    return scores


def _candidates(sketches: np.ndarray, threshold: float, max_pairs: int) -> tuple[np.ndarray, bool]:
    """Return pairs (P, 2), first < second, with a scalar product of at least `threshold`; and
    whether the list is complete.
    """
    out = np.empty((_ROWS, _COLUMNS), np.float32)
    columns = np.ascontiguousarray(sketches.T)
    candidates = [np.empty((0, 2), np.int64)]
    total = 0
    for i in range(0, len(sketches), _ROWS):
        rows = sketches[i : i + _ROWS]
        for j in range(i, len(sketches), _COLUMNS):
            right = columns[:, j : j + _COLUMNS]
            block = (
                np.matmul(rows, right, out=out)
                if right.shape[1] == _COLUMNS and len(rows) == _ROWS
                else rows @ right
            )
            if block.max() < threshold:
                continue
            first, second = np.divmod(np.flatnonzero(block >= threshold), block.shape[1])
            pairs = np.stack([first + i, second + j], axis=1)
            pairs = pairs[pairs[:, 0] < pairs[:, 1]]
            candidates.append(pairs[: max_pairs - total])
            total += len(pairs)
            if total > max_pairs:
                return np.concatenate(candidates), False
    return np.concatenate(candidates), True


def _principal_directions(features: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis (d, k) of the directions in which the rows vary most about the
    origin.
    """
    if len(features) < features.shape[1]:
        values, vectors = np.linalg.eigh((features @ features.T).astype(np.float64))
        keep = values > 1e-6 * max(values[-1], 1e-300)
        directions = features.T @ vectors[:, keep][:, -_COMPONENTS:]
    else:
        directions = np.linalg.eigh((features.T @ features).astype(np.float64))[1][:, -_COMPONENTS:]
    return np.linalg.qr(directions)[0].astype(np.float32)


def _along(matrix: np.ndarray, images: np.ndarray, axis: int) -> np.ndarray:
    """Multiply one axis of the images by a matrix (m, n)."""
    return np.moveaxis(np.moveaxis(images, axis, -1) @ matrix.T.astype(np.float32), -1, axis)


def grid_of(images: np.ndarray) -> tuple[int, ...]:
    """Return the shape (C, *grid) that the features of images (N, C, *spatial) represent."""
    return (images.shape[1], *(min(GRID, size) for size in images.shape[2:]))


def _averaging(length: int) -> np.ndarray:
    """Return the matrix (28, length) that averages an axis down by area."""
    edges = np.arange(GRID + 1) * (length / GRID)
    voxels = np.arange(length)
    overlap = np.minimum(edges[1:, None], voxels + 1) - np.maximum(edges[:-1, None], voxels)
    return np.maximum(overlap, 0) * (GRID / length)


def _blurring(length: int, sigma: float) -> np.ndarray:
    """Return the matrix (length, length) of a Gaussian blur whose weights sum to 1 even at the
    border.
    """
    distance = np.arange(length)[:, None] - np.arange(length)
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    return weights / weights.sum(axis=1, keepdims=True)
