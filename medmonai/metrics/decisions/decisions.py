"""Operating points: chosen on validation, stored, and applied unchanged to another table.

No function here chooses a threshold and applies it in one call. One rule everywhere: a case is
positive where its score is *above* the threshold, so that 0.5 decides as
`Predictions.predicted_names` and MedMNIST's ACC do.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medmonai.metrics.ranking import cut_at_sensitivity, cut_at_specificity, cut_counts, one_vs_rest
from medmonai.predictions import Predictions
from medmonai.tables import number_of
from medmonai.task import Task

RULES = ("youden", "f1", "sensitivity=<share>", "specificity=<share>")
DEFAULT = 0.5


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds, and where they come from.

    Args:
        thresholds: one for a binary task, one per label for multilabel; none for multiclass and
            ordinal (highest score).
        rule: how they were chosen: ``youden``, ``f1``, ``sensitivity=0.9``, ``specificity=0.9``,
            ``0.5`` or ``argmax``.
        chosen_on: ``validation``, ``adaptation`` (cases of another site, see `medmonai.sites`), or
            ``none`` where nothing was chosen.
        n: cases they were chosen on.

    Raises:
        ValueError: a threshold that is not finite, an unknown `chosen_on`, a negative n.

    Example:
        >>> point = OperatingPoint((0.3,), "youden", "validation", 524)
        >>> OperatingPoint.from_dict(point.as_dict()) == point
        True
    """

    thresholds: tuple[float, ...]
    rule: str
    chosen_on: str
    n: int

    def __post_init__(self) -> None:
        thresholds = tuple(float(value) for value in self.thresholds)
        if not all(math.isfinite(value) for value in thresholds):
            raise ValueError(f"thresholds={thresholds}; finite numbers are needed.")
        if self.chosen_on not in ("validation", "adaptation", "none") or self.n < 0:
            raise ValueError(
                f"chosen_on={self.chosen_on!r}, n={self.n}; use 'validation', 'adaptation' or "
                "'none', and cases from 0 up."
            )
        object.__setattr__(self, "thresholds", thresholds)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self) | {"thresholds": list(self.thresholds)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> OperatingPoint:
        """Read what `as_dict` wrote.

        Raises:
            ValueError: a missing or an unknown field.
        """
        if set(fields) != {"thresholds", "rule", "chosen_on", "n"}:
            raise ValueError(
                f"fields {sorted(fields)}; an operating point has thresholds, rule, chosen_on and "
                "n."
            )
        return cls(
            tuple(fields["thresholds"]),
            str(fields["rule"]),
            str(fields["chosen_on"]),
            int(fields["n"]),
        )


def default_operating_point(task: Task) -> OperatingPoint:
    """Return the point no one chose: 0.5 (binary, multilabel), or the class with the highest score.

    Example:
        >>> default_operating_point(Task("binary", 2)).thresholds
        (0.5,)
    """
    count = {"binary": 1, "multilabel": task.num_classes}.get(task.kind, 0)
    return OperatingPoint((DEFAULT,) * count, "0.5" if count else "argmax", "none", 0)


def choose_operating_point(validation: Predictions, *, rule: str = "youden") -> OperatingPoint:
    """Choose a threshold (multilabel: one per label) on validation.

    Each threshold lies half way between two neighboring validation scores (`cut_counts`). The
    rules:

    - ``youden``: highest sensitivity + specificity; ``f1``: highest F1. Among equals the most
      sensitive one.
    - ``sensitivity=0.9``: highest specificity with at least that sensitivity; ``specificity=0.9``
      the other way round.

    A multiclass or ordinal task keeps the highest score. A label that all or none of the validation
    cases have keeps 0.5, with a warning.

    Args:
        validation: a table with labels, of other cases than those the point is for.
        rule: one of the four above.

    Returns:
        The point; store `as_dict()` with the model.

    Raises:
        ValueError: no labels, an unknown rule, a share outside [0, 1], a binary table of one class
            only.

    References:
        Youden, Cancer 3:32 (1950).

    Example:
        >>> scores = [[0.875, 0.125], [0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]
        >>> p = Predictions(
        ...     ["a", "b", "c", "d"], [0, 0, 1, 1], scores, Task("binary", 2), ("normal", "sick")
        ... )
        >>> choose_operating_point(p).thresholds
        (0.375,)
    """
    name, target = _parse(rule)
    if validation.y_true is None:
        raise ValueError("validation has no y_true; a threshold is chosen on labeled cases.")
    columns, scores = one_vs_rest(validation.y_true, validation.y_score, validation.task)
    if validation.task.kind in ("multiclass", "ordinal"):
        return default_operating_point(validation.task)
    if validation.task.kind == "binary":
        columns = columns[:, 1:]
        scores = scores[:, 1:]
    positives = columns.sum(axis=0)
    constant = (positives == 0) | (positives == len(columns))
    names = [repr(c) for c, flat in zip(validation.class_names, constant) if flat]
    if validation.task.kind == "binary" and constant[0]:
        raise ValueError(
            f"validation has {positives[0]} positives in {len(columns)} cases; a threshold needs "
            "both classes."
        )
    if names:
        warnings.warn(
            f"threshold of {', '.join(names)} stays {DEFAULT}: validation has all or no cases of "
            "it.",
            UserWarning,
            stacklevel=2,
        )
    thresholds = tuple(
        DEFAULT if flat else _cut(column, score, name, target)
        for column, score, flat in zip(columns.T, scores.T, constant)
    )
    return OperatingPoint(thresholds, rule, "validation", len(validation))


def decide(predictions: Predictions, point: OperatingPoint) -> np.ndarray:
    """Apply an operating point: scores become classes.

    Returns:
        int64: class numbers (N,); multilabel 0/1 (N, L).

    Raises:
        ValueError: thresholds of another task; a threshold of 0.5 that no one chose on scores
            outside [0, 1].

    Example:
        >>> p = Predictions(
        ...     ["a", "b"], None, [[0.5, 0.5], [0.4, 0.6]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> decide(p, default_operating_point(p.task)).tolist()
        [0, 1]
    """
    default = default_operating_point(predictions.task)
    scores = predictions.y_score
    if len(point.thresholds) != len(default.thresholds):
        raise ValueError(
            f"thresholds={point.thresholds}; a {predictions.task.kind} task of "
            f"{predictions.task.num_classes} classes needs {len(default.thresholds)}."
        )
    if not default.thresholds:
        return scores.argmax(axis=1).astype(np.int64)
    scores = scores[:, 1:] if predictions.task.kind == "binary" else scores
    if point.chosen_on == "none" and predictions.score_kind == "logits":
        raise ValueError(
            f"scores range from {scores.min():g} to {scores.max():g}: no probabilities, so a "
            f"threshold of {point.rule} means nothing; choose one on validation."
        )
    above = (scores > np.array(point.thresholds)).astype(np.int64)
    return above[:, 0] if predictions.task.kind == "binary" else above


def _parse(rule: str) -> tuple[str, float]:
    name, sign, share = rule.partition("=")
    target = number_of(share) if sign else math.nan
    fits = (
        0 <= target <= 1
        if name in ("sensitivity", "specificity")
        else name in ("youden", "f1") and not sign
    )
    if not fits:
        raise ValueError(
            f"rule={rule!r} is unknown; use one of {', '.join(RULES)} with a share from 0 to 1."
        )
    return name, target


def _cut(y_true: np.ndarray, y_score: np.ndarray, name: str, target: float) -> float:
    thresholds, tp, fp = cut_counts(y_true, y_score)
    if name == "sensitivity":
        return float(thresholds[cut_at_sensitivity(tp, fp, target)])
    if name == "specificity":
        return float(thresholds[cut_at_specificity(tp, fp, target)])
    # In whole numbers, or one division of them: equal values are exactly equal, so ties are seen.
    value = tp * fp[-1] - fp * tp[-1] if name == "youden" else 2 * tp / (tp + fp + tp[-1])
    return float(thresholds[np.flatnonzero(value == value.max())[-1]])
