"""A few dozen numbers on the gray values of an image: how they are distributed and how neighbors
differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

LEVELS = 16
DISTANCES = (1, 2)
_QUANTILES = (0, 5, 25, 50, 75, 95, 100)
_GRADIENT_QUANTILES = (50, 90, 99)


def intensity_texture(images: np.ndarray) -> dict[str, np.ndarray]:
    """Return name -> (N,) float64 for images of one channel: 27 of intensity, 7 + spatial_dims of
    gradient, 20 of texture.

    - intensity: mean, standard deviation, skewness, excess kurtosis, quantiles; the share of voxels
      in each of 16 equal steps between the image's least and largest value is ``level_0`` ...
      (dropped: the last, they add up to 1) with its entropy (bits);
    - gradient (central differences, gray value a voxel): mean, standard deviation and quantiles of
      the magnitude; from the structure tensor T = mean of g g^T (Bigun & Granlund, ICCV 1987) each
      axis's share T_aa / trace T, and the largest and least eigenvalue as shares of the trace:
      1/spatial_dims each where no direction prevails;
    - texture: contrast, correlation, energy (angular second moment), homogeneity (inverse
      difference moment) and entropy (bits) of the co-occurrence of the 16 levels at distances of 1
      and 2 voxels, as mean and range over the directions (Haralick, Shanmugam & Dinstein, IEEE
      Trans. SMC 3(6), 1973, f1, f2, f3, f5, f9).

    Levels are relative to each image (a fixed number of bins, as the IBSI manual, arXiv:1612.07003,
    section 2.7, calls it): the texture doesn't change with brightness and contrast. Nothing but the
    axes' shares changes when an image is flipped or its axes are exchanged. Axes of one voxel are
    left out: an image is a volume of one plane.

    MONAI has no such features for classification; pyradiomics works case by case inside a mask.

    Args:
        images: (N, *spatial), any numeric dtype, finite.

    Example:
        >>> found = intensity_texture(np.array([[[0, 1], [0, 1]]]))
        >>> found["mean"].item(), found["gradient_share_0"].item(), found["gradient_share_1"].item()
        (0.5, 0.0, 1.0)
    """
    spatial = [n for n in images.shape[1:] if n > 1]
    images = images.reshape(len(images), *spatial).astype(np.float64)
    levels = _levels(images)
    return {
        **_intensity(images.reshape(len(images), -1)),
        **_shares_of_levels(levels.reshape(len(images), -1)),
        **_gradient(images),
        **_texture(levels),
    }


def cooccurrence(levels: np.ndarray, offset: Sequence[int], num_levels: int) -> np.ndarray:
    """Count how often two levels lie `offset` apart, both ways: symmetric (N, num_levels,
    num_levels) int64.

    Args:
        levels: (N, *spatial) whole numbers in 0..num_levels - 1.
        offset: voxels along each spatial axis, positive or negative.
        num_levels: number of levels.

    Example:
        >>> cooccurrence(np.array([[[0, 0, 1]]]), (0, 1), 2).tolist()
        [[[2, 1], [1, 0]]]
    """
    first = [slice(None)]
    second = [slice(None)]
    for step, length in zip(offset, levels.shape[1:]):
        low = max(-step, 0)
        high = max(length - max(step, 0), 0)
        first.append(slice(low, max(high, low)))
        second.append(slice(low + step, max(high, low) + step))
    pairs = levels[tuple(first)] * num_levels + levels[tuple(second)]
    size = num_levels**2
    pairs += np.arange(len(levels)).reshape(-1, *[1] * (levels.ndim - 1)) * size
    counts = np.bincount(pairs.ravel(), minlength=len(levels) * size).reshape(
        -1, num_levels, num_levels
    )
    return counts + counts.transpose(0, 2, 1)


def _levels(images: np.ndarray) -> np.ndarray:
    """Return the step 0..15 between the least and the largest value of its image that each voxel is
    in.
    """
    axes = tuple(range(1, images.ndim))
    low = images.min(axis=axes, keepdims=True)
    extent = images.max(axis=axes, keepdims=True) - low
    relative = (images - low) / np.where(extent > 0, extent, 1)
    return np.minimum((relative * LEVELS).astype(np.int64), LEVELS - 1)


def _intensity(values: np.ndarray) -> dict[str, np.ndarray]:
    mean = values.mean(axis=1)
    centred = values - mean[:, None]
    squares = centred * centred
    variance = squares.mean(axis=1)
    # What rounding leaves of the variance of an image that is flat.
    safe = np.where(variance > 1e-24 * np.abs(values).max(axis=1) ** 2, variance, np.inf)
    third = (squares * centred).mean(axis=1)
    fourth = (squares * squares).mean(axis=1)
    moments = {
        "mean": mean,
        "sd": np.sqrt(variance),
        "skewness": third / safe**1.5,
        "kurtosis": np.where(np.isfinite(safe), fourth / safe**2 - 3, 0),
    }
    numbers = _quantiles(values, _QUANTILES)
    return moments | {f"quantile_{q}": column for q, column in zip(_QUANTILES, numbers)}


def _shares_of_levels(levels: np.ndarray) -> dict[str, np.ndarray]:
    rows = np.arange(len(levels))[:, None] * LEVELS
    shares = (
        np.bincount((levels + rows).ravel(), minlength=len(levels) * LEVELS).reshape(-1, LEVELS)
        / levels.shape[1]
    )
    return {f"level_{i}": shares[:, i] for i in range(LEVELS - 1)} | {
        "level_entropy": _entropy(shares)
    }


def _gradient(images: np.ndarray) -> dict[str, np.ndarray]:
    axes = tuple(range(1, images.ndim))
    slopes = [np.gradient(images, axis=axis).reshape(len(images), -1) for axis in axes] or [
        np.zeros((len(images), 1))
    ]
    magnitude = np.sqrt(sum(slope * slope for slope in slopes))
    numbers = {"gradient_mean": magnitude.mean(axis=1), "gradient_sd": magnitude.std(axis=1)}
    numbers |= {
        f"gradient_quantile_{q}": column
        for q, column in zip(_GRADIENT_QUANTILES, _quantiles(magnitude, _GRADIENT_QUANTILES))
    }
    tensor = np.array([[np.einsum("nv,nv->n", a, b) for b in slopes] for a in slopes]).transpose(
        2, 0, 1
    )
    trace = np.trace(tensor, axis1=1, axis2=2)[:, None]
    tensor = tensor / np.where(trace > 0, trace, 1)[..., None]
    numbers |= {f"gradient_share_{i}": tensor[:, i, i] for i in range(len(slopes))}
    eigenvalues = np.linalg.eigvalsh(tensor)
    return numbers | {"gradient_largest": eigenvalues[:, -1], "gradient_least": eigenvalues[:, 0]}


def _texture(levels: np.ndarray) -> dict[str, np.ndarray]:
    """Return mean and range over the directions of Haralick's measures; 0 where the image is too
    small for a distance.
    """
    numbers = {}
    # One of each pair of opposite directions: 4 in an image, 13 in a volume.
    directions = [
        d
        for d in product((0, 1, -1), repeat=levels.ndim - 1)
        if next((step for step in d if step), 0) > 0
    ]
    for distance in DISTANCES:
        counts = [cooccurrence(levels, [distance * step for step in d], LEVELS) for d in directions]
        measured = [_haralick(c) for c in counts if c[:1].any()] or [
            _haralick(np.zeros((len(levels), LEVELS, LEVELS)))
        ]
        for name in measured[0]:
            values = np.stack([one[name] for one in measured])
            numbers[f"{name}_{distance}"] = values.mean(axis=0)
            numbers[f"{name}_{distance}_range"] = np.ptp(values, axis=0)
    return numbers


def _haralick(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return contrast, correlation, energy, homogeneity and entropy of symmetric counts (N, L, L).

    The correlation of an image of one level is taken as 1.
    """
    p = counts / np.maximum(counts.sum(axis=(1, 2), keepdims=True), 1)
    level = np.arange(counts.shape[1])
    margin = p.sum(axis=1)
    mean = margin @ level
    variance = margin @ level**2 - mean**2
    squared = (level[:, None] - level) ** 2
    contrast = np.einsum("nij,ij->n", p, squared)
    flat = variance < 1e-12
    return {
        "contrast": contrast,
        # Both margins are the same, so that E[(i-j)^2] = 2 (variance - covariance).
        "correlation": np.where(flat, 1, 1 - contrast / (2 * np.where(flat, 1, variance))),
        "energy": np.einsum("nij,nij->n", p, p),
        "homogeneity": np.einsum("nij,ij->n", p, 1 / (1 + squared)),
        "entropy": _entropy(p.reshape(len(p), -1)),
    }


def _quantiles(values: np.ndarray, percent: Sequence[int]) -> np.ndarray:
    return np.quantile(values, np.array(percent) / 100, axis=1)


def _entropy(shares: np.ndarray) -> np.ndarray:
    return -np.sum(shares * np.log2(np.where(shares > 0, shares, 1)), axis=1)
