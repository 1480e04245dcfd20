"""Metrics of decisions, as functions of confusion counts (..., C, C); leading dimensions are
computed at once.

`counts[..., i, j]` is the number of cases of class i that were decided as j, as
`sklearn.metrics.confusion_matrix` counts. Because a metric reads only the counts, thousands of
bootstrap tables cost one call. MONAI's `ConfusionMatrixMetric` counts each class as a label of its
own (MONAI#7009), so its precision of a multiclass table is another number.

Undefined values (0/0) are NaN without a warning: callers with names warn (`summarize_decisions`).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Average = Literal["macro", "weighted", "micro"]


def one_vs_rest_matrices(counts: np.ndarray) -> np.ndarray:
    """Each class against the rest: (..., C, C) becomes (..., C, 2, 2), each [[tn, fp], [fn, tp]].

    Example:
        >>> one_vs_rest_matrices([[5, 1, 0], [2, 3, 0], [0, 0, 4]])[0].tolist()
        [[7.0, 2.0], [1.0, 5.0]]
    """
    counts, tp, fp, fn = _parts(counts)
    tn = counts.sum(axis=(-2, -1))[..., None] - tp - fp - fn
    return np.stack([np.stack([tn, fp], axis=-1), np.stack([fn, tp], axis=-1)], axis=-2)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of cases decided right: (...)."""
    counts, tp, _, _ = _parts(counts)
    return _ratio(tp.sum(axis=-1), counts.sum(axis=(-2, -1)))


def recall(counts: np.ndarray, *, average: Average | None = None) -> np.ndarray:
    """Share of each class that was found: tp / (tp + fn). (..., C), or (...) where averaged.

    Class 1 of a binary table: sensitivity.

    Args:
        counts: (..., C, C).
        average: None, or ``macro`` (mean over the classes that occur, true or decided, where 0/0
            counts 0, as scikit-learn does by default), ``weighted`` (by true cases), ``micro`` (all
            classes pooled).
    """
    _, tp, _, fn = _parts(counts)
    return _averaged(tp, tp + fn, counts, average)


def precision(counts: np.ndarray, *, average: Average | None = None) -> np.ndarray:
    """Share of the cases decided as a class that belong to it: tp / (tp + fp). (..., C); `average`
    as for `recall`.
    """
    _, tp, fp, _ = _parts(counts)
    return _averaged(tp, tp + fp, counts, average)


def f1(counts: np.ndarray, *, average: Average | None = None) -> np.ndarray:
    """Harmonic mean of precision and recall: 2 tp / (2 tp + fp + fn). (..., C); `average` as for
    `recall`.
    """
    _, tp, fp, fn = _parts(counts)
    return _averaged(2 * tp, 2 * tp + fp + fn, counts, average)


def specificity(counts: np.ndarray, *, average: Average | None = None) -> np.ndarray:
    """Share of the cases of other classes that were not decided as this one: tn / (tn + fp).

    (..., C); `average` as for `recall`. Class 1 of a binary table: its specificity.
    """
    counts, tp, fp, fn = _parts(counts)
    others = counts.sum(axis=(-2, -1))[..., None] - tp - fn
    return _averaged(others - fp, others, counts, average)


def balanced_accuracy(counts: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that have cases: (...)."""
    values = recall(counts)
    present = ~np.isnan(values)
    return _ratio(np.where(present, values, 0).sum(axis=-1), present.sum(axis=-1))


def mcc(counts: np.ndarray) -> np.ndarray:
    """Matthews' correlation coefficient for any number of classes: (...), -1 to 1, 0 is chance.

    (s c - sum t_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2)) with s cases, c right, t_k true
    and p_k decided as k (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006). NaN where all
    cases are, or are decided as, one class; scikit-learn says 0 there.
    """
    counts, tp, fp, fn = _parts(counts)
    true = tp + fn
    decided = tp + fp
    cases = counts.sum(axis=(-2, -1))
    spread = np.sqrt(cases**2 - (decided**2).sum(axis=-1)) * np.sqrt(
        cases**2 - (true**2).sum(axis=-1)
    )
    return _ratio(cases * tp.sum(axis=-1) - (true * decided).sum(axis=-1), spread)


def cohen_kappa(
    counts: np.ndarray, *, weights: Literal["linear", "quadratic"] | None = None
) -> np.ndarray:
    """Cohen's kappa, agreement beyond chance: (...), 1 is perfect, 0 is chance.

    1 - sum w O / sum w E with counts O, E = true x decided / cases, and w = 1 off the diagonal,
    |i - j| (``linear``) or (i - j)^2 (``quadratic``, for grades). NaN where true and decided are
    one and the same class throughout.

    Raises:
        ValueError: unknown weights.
    """
    if weights not in (None, "linear", "quadratic"):
        raise ValueError(f"weights={weights!r}; use None, 'linear' or 'quadratic'.")
    counts, tp, fp, fn = _parts(counts)
    distance = np.abs(np.subtract.outer(np.arange(tp.shape[-1]), np.arange(tp.shape[-1])))
    cost = {None: distance > 0, "linear": distance, "quadratic": distance**2}[weights]
    expected = _ratio(
        (tp + fn)[..., :, None] * (tp + fp)[..., None, :],
        counts.sum(axis=(-2, -1))[..., None, None],
    )
    return 1 - _ratio((cost * counts).sum(axis=(-2, -1)), (cost * expected).sum(axis=(-2, -1)))


def _parts(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return counts (float64) and true positives, false positives, false negatives of each class
    (..., C).
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim < 2 or counts.shape[-1] != counts.shape[-2]:
        raise ValueError(f"counts have shape {counts.shape}; (..., C, C) is needed.")
    tp = np.diagonal(counts, axis1=-2, axis2=-1)
    return counts, tp, counts.sum(axis=-2) - tp, counts.sum(axis=-1) - tp


def _ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    bottom = np.asarray(bottom, dtype=np.float64)
    return np.divide(
        top,
        bottom,
        out=np.full(np.broadcast_shapes(np.shape(top), bottom.shape), np.nan),
        where=bottom != 0,
    )


def _averaged(
    top: np.ndarray, bottom: np.ndarray, counts: np.ndarray, average: Average | None
) -> np.ndarray:
    if average is None:
        return _ratio(top, bottom)
    if average == "micro":
        return _ratio(top.sum(axis=-1), bottom.sum(axis=-1))
    _, tp, fp, fn = _parts(counts)
    weights = {"macro": (tp + fp + fn > 0).astype(np.float64), "weighted": tp + fn}.get(average)
    if weights is None:
        raise ValueError(f"average={average!r}; use None, 'macro', 'weighted' or 'micro'.")
    values = np.nan_to_num(_ratio(top, bottom))
    return _ratio((weights * values).sum(axis=-1), weights.sum(axis=-1))
