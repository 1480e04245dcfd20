"""Calibration of a predictions table, as a dictionary that goes into metrics.json."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from medmonai.metrics.resampling import basic_ends, bca_ends, by_group, entry, resampled_totals
from medmonai.predictions import Predictions, sums_to_one

from .calibration import Average, bin_numbers, calibrated_events, case_losses

NOT_ONE = "rows_not_summing_to_1"


def summarize_calibration(
    predictions: Predictions,
    *,
    bins: int = 15,
    confidence: float = 0.95,
    seed: int = 0,
    repetitions: int = 1000,
) -> dict[str, Any]:
    """ECE, Brier score and NLL of a labeled table of probabilities, with bootstrap intervals.

    Brier score and NLL: BCa. ECE: the basic bootstrap with the bins of the table (`basic_ends` says
    why); the low end is 0 where noise alone, the distance of bootstrap tables from the table,
    reaches the estimate. The estimate is the ECE as everybody computes it, which noise pushes up;
    where the whole bootstrap interval lies below it, the interval is drawn up to the estimate and
    flagged ``overestimate``: the true ECE is then probably lower. With groups, whole groups are
    resampled.

    Args:
        predictions: a table of probabilities with labels.
        bins: of equal mass, at most this many.
        confidence: nominal coverage.
        seed: of the bootstrap.
        repetitions: bootstrap tables.

    Returns:
        JSON-able: ``n``, ``bins``, and ``ece`` (binary: of class 1; multiclass, ordinal: of the
        decided class; multilabel: mean over labels), ``classwise_ece`` (multiclass, ordinal),
        ``brier``, ``nll``, each {estimate, low, high, confidence, method, n, flags}; flag
        ``zero_variance`` and no ends where no bootstrap table differs; flag
        ``rows_not_summing_to_1`` and no numbers, with a warning, where the scores of exclusive
        classes do not add up to 1.

    Raises:
        ValueError: a table without labels, scores outside [0, 1], a confidence outside (0, 1).

    Example:
        >>> from medmonai.task import Task
        >>> p = Predictions(
        ...     ["a", "b"], [0, 1], [[0.9, 0.1], [0.2, 0.8]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> round(summarize_calibration(p)["brier"]["estimate"], 12)
        0.025
    """
    p = predictions
    if p.y_true is None:
        raise ValueError("predictions have no y_true; calibration needs labels.")
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence={confidence}; a number between 0 and 1 is needed, such as 0.95."
        )
    if not sums_to_one(p.y_score, p.task):
        return _undefined(p, bins, confidence)
    losses = case_losses(p.labels, p.y_score, p.task)
    gaps = {
        name: _gaps(*calibrated_events(p.labels, p.y_score, p.task, average=average), bins)
        for name, average in _kinds(p).items()
    }
    features = by_group(
        sparse.csr_array(sparse.hstack([np.ones((len(p), 1)), losses, *gaps.values()])), p.groups
    )
    drawn = resampled_totals(features, repetitions=repetitions, seed=seed)
    total = np.asarray(features.sum(axis=0)).ravel()
    by = "" if p.groups is None else "group_"
    summary: dict[str, Any] = {"n": len(p), "bins": bins}
    facts = {"confidence": confidence, "n": len(p)}
    first = 3
    for name, gap in gaps.items():
        width = gap.shape[1]  # pyright: ignore[reportOptionalSubscript]  # SciPy has no stubs: a sparse shape seems optional
        columns = slice(first, first + width)
        first = first + width
        summary[name] = _calibration_error(
            total, drawn, columns, pieces=width // bins, method=f"basic_{by}bootstrap", **facts
        )
    kept = total[:3] - features[:, :3].toarray()
    ones = np.ones(len(kept))
    for column, name in enumerate(("brier", "nll"), start=1):
        estimate, draws = (t[..., column] / t[..., 0] for t in (total, drawn))
        without = np.divide(
            kept[:, column], kept[:, 0], out=np.full(len(kept), np.nan), where=kept[:, 0] > 0
        )
        ends = bca_ends(float(estimate), draws, without, ones, confidence=confidence)
        summary[name] = _entry(float(estimate), draws, ends, method=f"bca_{by}bootstrap", **facts)
    return summary


def _calibration_error(
    total: np.ndarray,
    drawn: np.ndarray,
    columns: slice,
    *,
    pieces: int,
    confidence: float,
    **facts: Any,
) -> dict[str, Any]:
    """Return the mean of the ECEs in these columns, `pieces` of them, with its interval.

    Column 0 of the table's sums, and of those of the bootstrap tables, counts the cases.
    """
    estimate, draws = (
        np.abs(t[..., columns]).sum(axis=-1) / t[..., 0] / pieces for t in (total, drawn)
    )
    noise = np.abs(drawn[:, columns] - total[columns]).sum(axis=1) / facts["n"] / pieces
    low, high = basic_ends(float(estimate), draws, confidence=confidence)
    low = 0.0 if estimate <= np.quantile(noise, (1 + confidence) / 2) else max(low, 0.0)
    flags = ("overestimate",) if high < estimate else ()
    ends = (low, max(high, float(estimate)))
    return _entry(estimate, draws, ends, flags, confidence=confidence, **facts)


def _kinds(p: Predictions) -> dict[str, Average]:
    kinds: dict[str, Average] = {"ece": "top_label"}
    if p.task.kind in ("multiclass", "ordinal"):
        kinds["classwise_ece"] = "classwise"
    return kinds


def _undefined(p: Predictions, bins: int, confidence: float) -> dict[str, Any]:
    """Entries without numbers, after a warning that says why."""
    case_losses(p.labels, p.y_score, p.task)
    nothing = entry(
        np.nan,
        (np.nan, np.nan),
        confidence=confidence,
        method="undefined",
        n=len(p),
        flags=(NOT_ONE,),
    )
    return {"n": len(p), "bins": bins} | {
        name: dict(nothing) for name in (*_kinds(p), "brier", "nll")
    }


def _gaps(events: np.ndarray, p: np.ndarray, bins: int) -> sparse.csr_array:
    """Event minus probability of each case, in the column of its bin: (N, columns x bins)."""
    rows, pieces = p.shape
    number = np.stack([bin_numbers(column, bins) for column in p.T], axis=1) + bins * np.arange(
        pieces
    )
    return sparse.csr_array(
        ((events - p).ravel(), (np.repeat(np.arange(rows), pieces), number.ravel())),
        shape=(rows, pieces * bins),
    )


def _entry(
    estimate: float,
    draws: np.ndarray,
    ends: tuple[float, float],
    flags: tuple[str, ...] = (),
    **facts: Any,
) -> dict[str, Any]:
    if np.ptp(draws) < 1e-15:
        return entry(estimate, (np.nan, np.nan), flags=("zero_variance",), **facts)
    return entry(estimate, ends, flags=flags, **facts)
