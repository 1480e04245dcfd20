"""Differences between two independent sets of cases, such as those of two hospitals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from medmonai.metrics.ranking import FEW, Interval, auc_interval, macro_auc_interval, one_vs_rest
from medmonai.metrics.resampling import by_group, wilson
from medmonai.predictions import Predictions

_EXACT = 500  # cases on either side up to which the test of Kolmogorov and Smirnov is exact
_LEAST_P = 1e-10
Ends = Callable[[float], tuple[float, float, float]]


def auc_shift(
    here: Predictions, there: Predictions, *, confidence: float = 0.95
) -> dict[str, dict[str, Any]]:
    """AUC of one network on two independent sets, and the difference, there minus here.

    The interval of the difference comes from both single intervals (MOVER, Zou & Donner 2008,
    doi:10.1002/sim.3095), which hold by patient where patients are known:
    low = d - sqrt((t - t_low)^2 + (h_high - h)^2). So it is right near an AUC of 1, too. p is the
    error probability at which the interval just touches 0.

    Args:
        here: labeled scores on one set.
        there: labeled scores of the same network on other cases, of other patients.
        confidence: nominal coverage.

    Returns:
        JSON-able: "AUC" (of several classes: their mean, undefined if one of them is missing in a
        set) and, of several classes or labels, each class -> {here, there, difference, low, high,
        p_value, confidence, method, flags}; here and there are {estimate, low, high}. Undefined
        values are None, with a warning that names them.

    Raises:
        ValueError: tables of different tasks, or without labels.

    Example:
        >>> from medmonai.task import Task
        >>> def table(shift, n=40):
        ...     p = (np.arange(n) + shift * (np.arange(n) % 2)) / (2 * n)
        ...     scores = np.stack([1 - p, p], axis=1)
        ...     names = [str(i) for i in range(n)]
        ...     return Predictions(names, np.arange(n) % 2, scores, Task("binary", 2), ("a", "b"))
        >>> found = auc_shift(table(30), table(5))["AUC"]
        >>> found["difference"] < 0 and found["p_value"] < 0.01
        True
    """
    if here.task != there.task or here.class_names != there.class_names:
        raise ValueError(
            f"here is {here.task} of {here.class_names}, there {there.task} of "
            f"{there.class_names}; give scores of one network."
        )
    names = {} if here.task.kind == "binary" else dict(enumerate(here.class_names))
    rows = {"AUC": _difference(_overall(here), _overall(there), confidence)}
    for c, name in names.items():
        rows[name if name != "AUC" else "class AUC"] = _difference(
            _of_class(here, c), _of_class(there, c), confidence
        )
    _warn([f"AUC of {n}" if n != "AUC" else n for n, row in rows.items() if row["method"] == ""])
    return rows


def share_shift(
    here: Predictions, there: Predictions, *, confidence: float = 0.95
) -> dict[str, dict[str, Any]]:
    """Share of each class (label) in two independent sets, and the difference, there minus here.

    Wilson's intervals, with the number of cases divided by the design effect where patients have
    several; a class that all cases have, or none, counts patients, since nothing is known of the
    effect. The difference as in `auc_shift` (without patients, Newcombe's interval 10).

    Args:
        here: labels of one set.
        there: labels of the other.
        confidence: nominal coverage.

    Returns:
        As `auc_shift`, for each class (binary: the positive one).
    """
    columns = [table.task.one_hot(table.labels) for table in (here, there)]
    names = dict(enumerate(here.class_names))
    if here.task.kind == "binary":
        names = {1: here.class_names[1]}
    return {
        name: _difference(
            _share(columns[0][:, c], here.groups),
            _share(columns[1][:, c], there.groups),
            confidence,
        )
        for c, name in names.items()
    }


def distribution_shift(
    here: ArrayLike, there: ArrayLike, *, confidence: float = 0.95
) -> dict[str, Any]:
    """Difference between the distributions of a measurement in two independent sets.

    The test is that of Kolmogorov and Smirnov, which sees a difference in spread as well as one in
    level. Effect sizes: its distance D, the greatest difference between both distribution functions
    (0 to 1), and the probability that a value there is greater than one here (ties half), 0.5 where
    neither is greater, with the interval of an AUC.

    Args:
        here: (N,) values, one for each independent case (patient).
        there: (M,) values of the other set.
        confidence: nominal coverage.

    Returns:
        JSON-able: n_here, n_there, median_here, median_there, distance, greater (estimate, low,
        high), p_value, flags (``few_cases`` below 10), and ``undefined``: why nothing was tested,
        "" if it was. A value that is not finite, or fewer than two on a side, leaves everything
        undefined (None); nothing is left out silently.

    Example:
        >>> found = distribution_shift(range(30), range(15, 45))
        >>> found["distance"], round(found["greater"]["estimate"], 3)
        (0.5, 0.875)
    """
    from scipy.stats import ks_2samp  # here: slow to import

    sides = [np.asarray(values, np.float64) for values in (here, there)]
    counts = {"n_here": len(sides[0]), "n_there": len(sides[1])}
    missing = [int((~np.isfinite(side)).sum()) for side in sides]
    why = ""
    if any(missing):
        where = [f"{n} of {len(s)} {w}" for n, s, w in zip(missing, sides, ("here", "there")) if n]
        why = f"not a number in {' and '.join(where)}"
    elif min(map(len, sides)) < 2:
        why = f"{len(sides[0])} values here, {len(sides[1])} there"
    if why:
        empty = dict.fromkeys(("median_here", "median_there", "distance", "greater", "p_value"))
        return {**counts, **empty, "flags": [], "undefined": why}
    small = max(map(len, sides)) <= _EXACT
    test: Any = ks_2samp(sides[0], sides[1], method="exact" if small else "asymp")
    site = np.repeat([0, 1], [len(sides[0]), len(sides[1])])
    greater = auc_interval(site, np.concatenate(sides), confidence=confidence)
    return {
        **counts,
        "median_here": float(np.median(sides[0])),
        "median_there": float(np.median(sides[1])),
        "distance": float(test.statistic),
        "greater": _ends_of(greater),
        "p_value": float(test.pvalue),
        "flags": ["few_cases"] if min(map(len, sides)) < FEW else [],
        "undefined": "",
    }


def _overall(table: Predictions) -> Ends:
    def ends(confidence: float) -> tuple[float, float, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # undefined values are warned about once, together
            interval = macro_auc_interval(
                table.labels, table.y_score, table.task, confidence=confidence, groups=table.groups
            )
        # a mean over other classes is another number
        nothing = (np.nan, np.nan, np.nan)
        return nothing if "absent_class" in interval.flags else _three(interval)

    return ends


def _of_class(table: Predictions, c: int) -> Ends:
    columns, scores = one_vs_rest(table.labels, table.y_score, table.task)

    def ends(confidence: float) -> tuple[float, float, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            interval = auc_interval(
                columns[:, c], scores[:, c], confidence=confidence, groups=table.groups
            )
        return _three(interval)

    return ends


def _share(column: np.ndarray, groups: np.ndarray | None) -> Ends:
    n = len(column)
    share = float(column.mean())
    effect = 1.0
    if groups is not None:
        deviations = by_group(column - share, groups)
        units = len(deviations)
        if 0 < share < 1:
            clustered = float(deviations @ deviations) * units / max(units - 1, 1) / n**2
            effect = max(clustered / (share * (1 - share) / n), 1.0)
        else:
            effect = n / units

    def ends(confidence: float) -> tuple[float, float, float]:
        low, high = wilson(share * n / effect, n / effect, confidence=confidence)
        return share, float(low), float(high)

    return ends


def _difference(here: Ends, there: Ends, confidence: float) -> dict[str, Any]:
    """Return the difference of two independent estimates from their single intervals."""
    singles = [ends(confidence) for ends in (here, there)]
    values = [dict(zip(("estimate", "low", "high"), map(_known, one))) for one in singles]
    shown = {"here": values[0], "there": values[1], "confidence": confidence}
    if not np.isfinite(singles).all():
        undefined = dict.fromkeys(("difference", "low", "high", "p_value"))
        return {**shown, **undefined, "method": "", "flags": ["undefined"]}
    low, high = _mover(*singles)
    return {
        **shown,
        "difference": singles[1][0] - singles[0][0],
        "low": low,
        "high": high,
        "p_value": _p_value(here, there),
        "method": "mover_of_single_intervals",
        "flags": [],
    }


def _mover(
    here: tuple[float, float, float], there: tuple[float, float, float]
) -> tuple[float, float]:
    (h, h_low, h_high), (t, t_low, t_high) = here, there
    low = t - h - np.hypot(t - t_low, h_high - h)
    high = t - h + np.hypot(t_high - t, h - h_low)
    return float(max(low, -1)), float(min(high, 1))


def _p_value(here: Ends, there: Ends) -> float:
    """Return the error probability at which the interval just touches 0, by bisection."""
    if here(0.5)[0] == there(0.5)[0]:
        return 1.0

    def holds_zero(p: float) -> bool:
        low, high = _mover(here(1 - p), there(1 - p))
        return low <= 0 <= high

    low, high = _LEAST_P, 1 - _LEAST_P
    if not holds_zero(low):
        return _LEAST_P
    for _ in range(40):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if holds_zero(middle) else (low, middle)
    return float(high)


def _three(interval: Interval) -> tuple[float, float, float]:
    return interval.estimate, interval.low, interval.high


def _ends_of(interval: Interval) -> dict[str, float | None]:
    return dict(zip(("estimate", "low", "high"), map(_known, _three(interval))))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _warn(names: list[str]) -> None:
    if names:
        warnings.warn(
            f"undefined (NaN), a class is missing here or there: {', '.join(names)}.",
            UserWarning,
            stacklevel=3,
        )
