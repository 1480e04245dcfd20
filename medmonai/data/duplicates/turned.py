"""Mirrored and rotated copies of 2D images, as in sets that were augmented before the split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .similarity import COPY_THRESHOLD, MAX_PAIRS, bounded_pairs


def turns(shape: tuple[int, int, int]) -> list[np.ndarray]:
    """Return the permutations (d,) of features that represent mirrored and rotated images.

    The band-pass of `shape_features` treats all directions alike, so a mirrored image has the same
    features in a different order.

    Args:
        shape: (C, H, W) of the feature grid. A square has seven symmetries besides the identity:
            two reflections and the rotation by 180 degrees, and four that swap the axes. Any other
            rectangle has only the first three.

    Example:
        >>> [order.tolist() for order in turns((1, 1, 2))]
        [[1, 0], [0, 1], [1, 0]]
        >>> len(turns((3, 28, 28)))
        7
    """
    places = np.arange(np.prod(shape)).reshape(shape)
    ways = [places[..., ::-1], places[..., ::-1, :], places[..., ::-1, ::-1]]
    if shape[1] == shape[2]:
        lying = places.swapaxes(-1, -2)
        ways += [lying, lying[..., ::-1], lying[..., ::-1, :], lying[..., ::-1, ::-1]]
    return [way.reshape(-1) for way in ways]


def turned_pairs(
    num_cases: int,
    features_of: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, int, int],
    *,
    threshold: float = COPY_THRESHOLD,
    max_pairs: int = MAX_PAIRS,
    row_bytes: int = 0,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Return every pair of rows of which one, mirrored or rotated, is similar to the other at or
    above `threshold`.

    Every feature vector f is split into the mean a over its symmetries, which no symmetry changes,
    and the rest r. Under any symmetry, the scalar product of two images is then at most a a' + |r|
    |r'|. One search therefore finds the candidates of all symmetries; each is checked under every
    symmetry.

    Args:
        num_cases: N.
        features_of: see `near_pairs`.
        shape: (C, H, W) of the grid of the features.
        threshold: in (0, 1].
        max_pairs: see `near_pairs`.
        row_bytes: see `near_pairs`.

    Returns:
        pairs (P, 2) int64 with first < second, most alike first; their similarity (P,) float64, the
        highest over all symmetries; whether the search went through all pairs.
    """
    orders = turns(shape)

    def parts_of(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = features.copy()
        for order in orders:
            mean += features[:, order]
        mean /= len(orders) + 1
        return mean, np.linalg.norm(features - mean, axis=1, keepdims=True)

    def score_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.max([np.einsum("nd,nd->n", first, second[:, order]) for order in orders], axis=0)

    return bounded_pairs(
        num_cases,
        features_of,
        parts_of,
        score_of,
        threshold=threshold,
        max_pairs=max_pairs,
        row_bytes=row_bytes,
    )
