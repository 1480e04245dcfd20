"""Threshold and temperature locked again on cases of a site, and what they are worth there."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from medmonai.data.splits import fold_numbers, units_of
from medmonai.metrics import (
    OperatingPoint,
    Temperature,
    apply_temperature,
    choose_operating_point,
    decide,
    fit_temperature,
)
from medmonai.predictions import Predictions

FOLDS = 10
# Ten cases for each number that is fitted: slope and level of a sigmoid, one temperature of a
# softmax.
LEAST = {"binary": 20, "multilabel": 20, "multiclass": 10, "ordinal": 10}


@dataclass(frozen=True)
class Decision:
    """What leads from scores to decisions and probabilities.

    Args:
        point: the operating point.
        temperature: the calibration.
    """

    point: OperatingPoint
    temperature: Temperature


@dataclass(frozen=True, eq=False)
class CrossFitted:
    """Decisions and probabilities of N cases, each from a threshold and a temperature that were
    chosen on the other folds.

    Args:
        decided: (N,) class numbers, or (N, L) of 0 and 1.
        calibrated: the table with its probabilities.
        points: the operating point of each fold.
    """

    decided: np.ndarray
    calibrated: Predictions
    points: tuple[OperatingPoint, ...]

    @property
    def as_table(self) -> Predictions:
        """The decisions as a table of scores 0 and 1, whose default decision they are."""
        task = self.calibrated.task
        scores = task.one_hot(self.decided) if task.exclusive else self.decided
        return replace(self.calibrated, y_score=scores.astype(np.float64))


def lock(table: Predictions, rule: str) -> Decision:
    """Choose threshold and temperature on labeled cases of a site.

    Args:
        table: scores before the temperature, with labels.
        rule: see `medmonai.metrics.choose_operating_point`.
    """
    point = choose_operating_point(table, rule=rule)
    chosen = point if point.chosen_on == "none" else replace(point, chosen_on="adaptation")
    return Decision(chosen, replace(fit_temperature(table), chosen_on="adaptation"))


def cross_fit(table: Predictions, rule: str, images: np.ndarray, *, seed: int) -> CrossFitted:
    """Decide each case by a threshold and a temperature from which its patient was left out.

    Threshold and temperature look too good on the cases they were chosen on. Here the cases are
    divided into ten folds, with all images of a patient and all copies of an image in one fold, and
    each fold is decided as the other nine say. The result estimates what a threshold chosen on nine
    tenths of the cases achieves on new cases of the site. Intervals of it take the decisions as
    given; that they share thresholds is not counted.

    Args:
        table: scores before the temperature, with labels, at least `LEAST` of each class.
        rule: how thresholds are chosen.
        images: (N,) digests, which tell copies.
        seed: of the folds.
    """
    units = units_of(images, table.groups)
    fold = fold_numbers(table.labels, units, task=table.task, folds=FOLDS, seed=seed)
    decided = np.zeros_like(table.labels)
    scores = np.empty_like(table.y_score)
    points = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said once, of all cases together
        for number in np.unique(fold):
            here = np.flatnonzero(fold == number)
            others = lock(rows_of(table, np.flatnonzero(fold != number)), rule)
            left = rows_of(table, here)
            decided[here] = decide(left, others.point)
            scores[here] = apply_temperature(left, others.temperature).y_score
            points.append(others.point)
    return CrossFitted(decided, replace(table, y_score=scores), tuple(points))


def class_units(table: Predictions, units: np.ndarray) -> dict[str, int]:
    """Return how many patients (cases, where patients are not known) have each class; of labels,
    how many have the label and how many a case without it.

    Args:
        table: with labels.
        units: (N,) number of the patient of each case.
    """
    hot = table.task.one_hot(table.labels)
    counts = {}
    for name, column in zip(table.class_names, hot.T):
        counts[name] = len(np.unique(units[column == 1]))
        if not table.task.exclusive:
            counts[f"not {name}"] = len(np.unique(units[column == 0]))
    return counts


def require_enough(table: Predictions, images: np.ndarray, *, where: str) -> dict[str, int]:
    """Return `class_units` after checking that each is large enough to choose on.

    Args:
        table: with labels.
        images: (N,) digests, which tell copies.
        where: what messages call the cases.

    Raises:
        ValueError: the classes with too few cases, and how many are needed.
    """
    counts = class_units(table, units_of(images, table.groups))
    least = LEAST[table.task.kind]
    few = {name: n for name, n in counts.items() if n < least}
    if few:
        unit = "patients" if table.groups is not None else "cases"
        held = ", ".join(f"{name} {n}" for name, n in few.items())
        more = ", ".join(f"{least - n} more of {name}" for name, n in few.items())
        raise ValueError(
            f"{where}: too few {unit} ({held}); {least} of each class are needed to choose a "
            f"threshold and a temperature: label {more}, or keep the model as it is."
        )
    return counts


def rows_of(table: Predictions, rows: Sequence[int] | np.ndarray) -> Predictions:
    """Return the cases of a labeled table at some rows."""
    rows = np.asarray(rows)
    groups = table.groups
    return replace(
        table,
        ids=table.ids[rows],
        y_true=table.labels[rows],
        y_score=table.y_score[rows],
        groups=None if groups is None else groups[rows],
    )
