"""Paired bootstrap of metrics of decisions, on counts: every resample of the cases is one table of counts."""

from __future__ import annotations

import numpy as np

from medmonai.task import Task

from .decision_summary import METRICS
from .paired_tests import PairedDifference, from_resamples
from .resampling import by_group, resampled_totals


def decision_test(
    metric: str, y_true: np.ndarray, decided_a: np.ndarray, decided_b: np.ndarray, task: Task, *, confidence: float = 0.95,
    groups: np.ndarray | None = None, repetitions: int = 2000, seed: int = 0,
) -> PairedDifference:
    """Difference of a metric of decisions by the paired bootstrap, by group where there are groups.

    The same as `paired_bootstrap` up to the random draws, at the cost of counting once: a case, or a group, is its counts
    under both models, and cases that were decided alike are drawn together.

    Args:
        metric: one that `summarize_decisions` has for this kind of task, such as ``balanced_accuracy``, ``f1``,
            ``macro_f1`` or ``mcc``.
        y_true: labels of the task, (N,) or (N, L).
        decided_a: decisions of model a, of the same shape.
        decided_b: decisions of model b.
        task: what they mean.
        confidence: nominal coverage of the interval.
        groups: (N,) patient or lesion.
        repetitions: resamples.
        seed: of the resampling.

    Raises:
        ValueError: an unknown metric, labels of another task, a metric that is undefined on these cases.

    Example:
        >>> y, sure, poor = np.array([0, 1] * 20), np.array([0, 1] * 20), np.array([0, 1, 1, 0] * 10)
        >>> decision_test("balanced_accuracy", y, sure, poor, Task("binary", 2)).difference
        0.5
    """
    value = METRICS[task.kind].get(metric)
    if value is None:
        raise ValueError(f"metric={metric!r} is no metric of a {task.kind} task's decisions; use one of "
                         f"{', '.join(METRICS[task.kind])}.")
    y_true = task.check_labels(y_true, name="y_true")
    codes = [_codes(y_true, task.check_labels(decided, name="decisions"), task) for decided in (decided_a, decided_b)]
    shape = (task.num_classes,) * 2 if task.exclusive else (task.num_classes + 1, 2, 2)
    columns, multiplicity = np.hstack([codes[0], codes[1] + np.prod(shape)]), None
    if groups is None:
        columns, multiplicity = np.unique(columns, axis=0, return_counts=True)
    features = np.zeros((len(columns), 2 * np.prod(shape)))
    np.put_along_axis(features, columns, 1.0, axis=1)
    features = by_group(features, groups)

    def differences(totals: np.ndarray) -> np.ndarray:
        values = value(totals.reshape(-1, 2, *shape))
        return values[:, 0] - values[:, 1]

    found = differences(features.sum(axis=0) if multiplicity is None else multiplicity @ features)[0]
    drawn = differences(resampled_totals(features, repetitions=repetitions, seed=seed, multiplicity=multiplicity))
    return from_resamples(float(found), drawn, confidence=confidence, grouped=groups is not None)


def _codes(y_true: np.ndarray, decided: np.ndarray, task: Task) -> np.ndarray:
    """Cells that a case adds 1 to, in the layout of `decision_summary`: (N, 1), or (N, L + 1) of a multilabel task."""
    if task.exclusive:
        return (y_true * task.num_classes + decided)[:, None]
    right = (y_true == decided).all(axis=1, keepdims=True)
    return np.hstack([2 * y_true + decided, 2 + right]) + 4 * np.arange(task.num_classes + 1)
