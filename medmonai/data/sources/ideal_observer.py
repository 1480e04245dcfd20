"""The best possible classifier of the phantom: its exact likelihood ratio, and the AUC that no
classifier can exceed.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, logsumexp, ndtr
from scipy.stats import rankdata

from medmonai.data.cohort import Cohort
from medmonai.predictions import Predictions

from .phantom import MEAN_LEVEL, ROUNDING_VARIANCE, PhantomDesign

_CHUNK_VOXELS = 1 << 18


def detectability(design: PhantomDesign) -> float:
    """Return d' of a lesion at a known position: `d'^2 = s^T K^-1 s`, with rounding in K (+ 1/12 on
    its diagonal).

    For a random position, all candidates have the same d'. Source: Barrett and Myers, Foundations
    of Image Science (2004), chapter 13. Rounding lowers d' by less than 0.01 % for the default
    designs.

    Example:
        >>> 2 < detectability(PhantomDesign((28, 28))) < 2.5
        True
    """
    signal = _signal(design)
    return math.sqrt(float(np.vdot(signal, _prewhitened(design, signal))))


def ideal_observer_scores(cohort: Cohort | np.ndarray, design: PhantomDesign) -> np.ndarray:
    """Return the log likelihood ratio (N,) of "lesion" against "normal" for each image, float64.

    Fixed position, with x the gray levels above the background: `s^T K^-1 x - d'^2 / 2`. Random
    position: the log of the mean of its exponential over all candidate positions, which one Fourier
    transform computes. The only approximation treats rounding to uint8 as Gaussian noise of
    variance 1/12.

    Args:
        cohort: a phantom drawn with this design, or its images (N, *spatial) or (N, 1, *spatial).
        design: the physics.

    Raises:
        ValueError: images of a different shape.
    """
    images = cohort.images if isinstance(cohort, Cohort) else np.asarray(cohort)
    if images.shape[1:] == (1, *design.spatial_size):
        images = images[:, 0]
    if images.shape[1:] != design.spatial_size:
        raise ValueError(
            f"images have shape {images.shape}; (N, 1, *{design.spatial_size}) is needed for this "
            "design."
        )
    score = _fixed_scores if design.position == "fixed" else _random_scores
    step = max(1, _CHUNK_VOXELS // math.prod(design.spatial_size))
    half = detectability(design) ** 2 / 2
    parts = (
        images[i : i + step].astype(np.float64) - MEAN_LEVEL for i in range(0, len(images), step)
    )
    return np.concatenate([score(part, design) - half for part in parts])


def ideal_observer_auc(design: PhantomDesign, *, num_cases: int = 10_000, seed: int = 0) -> float:
    """Return the AUC of the ideal observer: the ceiling for every classifier of this phantom.

    Fixed position: `Phi(d' / sqrt 2)`, in closed form. Random position has no closed form. The
    result is then the AUC of the observer's own scores on `num_cases` new images of each class,
    with a standard error below `0.5 / sqrt(num_cases)`.

    Args:
        design: the physics.
        num_cases: images of each class for the estimate; unused for a fixed position.
        seed: seed of these images; unused for a fixed position.

    Example:
        >>> round(ideal_observer_auc(PhantomDesign((28, 28), amplitude=0)), 3)
        0.5
    """
    if design.position == "fixed":
        return float(ndtr(detectability(design) / math.sqrt(2)))
    # no split of the phantom uses key 3
    streams = np.random.SeedSequence(seed, spawn_key=(3,)).spawn(2)
    normal, lesion = (
        ideal_observer_scores(
            design.draw(num_cases, lesion=bool(i), rng=np.random.default_rng(stream)), design
        )
        for i, stream in enumerate(streams)
    )
    ranks = rankdata(np.concatenate([normal, lesion]))[num_cases:]
    return float((ranks.mean() - (num_cases + 1) / 2) / num_cases)


def ideal_observer_predictions(cohort: Cohort, design: PhantomDesign) -> Predictions:
    """Return the ideal observer's posterior probabilities as a predictions table with two columns
    (1 - p, p).

    `p = sigmoid(log likelihood ratio + log prior odds)` with the design's prevalence as prior:
    calibrated by definition.

    Raises:
        ValueError: images that do not fit the design.
    """
    prior = math.log(design.prevalence / (1 - design.prevalence))
    log_odds = ideal_observer_scores(cohort, design) + prior
    return Predictions(
        ids=cohort.ids,
        y_true=cohort.labels,
        y_score=np.stack([expit(-log_odds), expit(log_odds)], axis=1),
        task=cohort.task,
        class_names=cohort.class_names,
        groups=cohort.groups,
    )


def _signal(design: PhantomDesign) -> np.ndarray:
    """Return the lesion in the center, or on the first voxel if its position is random. A narrow
    Gaussian does not have the same energy between two voxels as on one.
    """
    return (
        design.signal()
        if design.position == "fixed"
        else design.signal((0,) * len(design.spatial_size))
    )


def _prewhitened(design: PhantomDesign, signal: np.ndarray) -> np.ndarray:
    """Return K^-1 s."""
    axes = tuple(range(signal.ndim))
    return np.fft.irfftn(
        np.fft.rfftn(signal) / (design.spectrum() + ROUNDING_VARIANCE), s=signal.shape, axes=axes
    )


def _fixed_scores(x: np.ndarray, design: PhantomDesign) -> np.ndarray:
    """Return s^T K^-1 x for each image."""
    template = _prewhitened(design, _signal(design))
    return x.reshape(len(x), -1) @ template.reshape(-1)


def _random_scores(x: np.ndarray, design: PhantomDesign) -> np.ndarray:
    """Return log mean exp over the positions p of s_p^T K^-1 x."""
    axes = tuple(range(1, x.ndim))
    at_origin = _prewhitened(design, _signal(design))
    product = np.fft.rfftn(x, axes=axes) * np.conj(np.fft.rfftn(at_origin))
    matches = np.fft.irfftn(product, s=design.spatial_size, axes=axes)
    candidates = design.candidates()
    scores = matches[(slice(None), *candidates.T)]
    return logsumexp(scores, axis=1) - math.log(len(candidates))
