"""The predictions of all members as one table of test, and one that the decision is chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medmonai.metrics import Temperature, apply_temperature, fit_temperature
from medmonai.predictions import Predictions, align

from .division import Division

# Scores were float32, in which a probability nearer to 0 or 1 than this is 0 or 1.
_LEAST = 1e-9


def member_temperatures(
    members: Sequence[tuple[Predictions, Predictions]], division: Division
) -> list[Temperature] | None:
    """Return the temperature of each member, which the ensemble applies to its logits before the
    mean; None where the members need none.

    The decision of a rotation and of folds is chosen on held-out scores of single members, and
    applies to the mean of all. Members differ in scale and level: an AUC margin loss leaves both
    free. Without these temperatures, a member with large logits outweighs the others, and a
    threshold does not mean the same in each.

    - "rotation": fitted on both folds that the member did not learn from.
    - "folds": fitted on its validation fold.
    - "given": None; the decision is chosen on scores of the ensemble itself.

    Args:
        members: (validation, test) predictions of each.
        division: of the cases.
    """
    if division.kind == "given":
        return None
    return [
        fit_temperature(joined([validation, test]) if division.kind == "rotation" else validation)
        for validation, test in members
    ]


def pooled(
    members: Sequence[tuple[Predictions, Predictions]], division: Division
) -> tuple[Predictions, Predictions]:
    """Return the test table of a fit, and the table that threshold and temperature are chosen on.

    - "rotation": each case is scored by the member whose test fold holds it. In the test table,
      each member's temperature is fitted on its own validation fold alone. The decision is chosen
      on the same scores after the temperatures of `member_temperatures`.
    - "folds": the test scores are those of the ensemble. The decision is chosen on the validation
      folds, put together; both after `member_temperatures`.
    - "given": both are scores of the ensemble.

    Args:
        members: (validation, test) predictions of each.
        division: of the cases.
    """
    validations = [validation for validation, _ in members]
    tests = [test for _, test in members]
    temperatures = member_temperatures(members, division)
    if temperatures is None:
        return of_ensemble(tests), of_ensemble(validations)
    scaled = [apply_temperature(test, one) for test, one in zip(tests, temperatures)]
    if division.kind == "folds":
        held_out = [apply_temperature(table, one) for table, one in zip(validations, temperatures)]
        return of_ensemble(scaled), joined(held_out)
    reported = [
        apply_temperature(test, fit_temperature(validation)) for validation, test in members
    ]
    return joined(reported), joined(scaled)


def of_ensemble(tables: Sequence[Predictions]) -> Predictions:
    """Return the scores of `medmonai.networks.Ensemble` from those of its members after their
    temperatures.

    The ensemble averages logits. Softmax and sigmoid of mean logits follow from the probabilities
    alone: p = prod_m p_m^(1/M), divided by its sum over the classes (labels: over p and 1 - p).
    `medmonai.metrics.average_seeds` averages the probabilities, for models that stay apart.

    Args:
        tables: of the same cases, as probabilities.

    Raises:
        ValueError: tables of other cases.
    """
    first = tables[0]
    aligned = [first, *(align(first, table) for table in tables[1:])]
    p = np.stack([np.clip(table.y_score, _LEAST, 1) for table in aligned])
    mean = np.exp(np.log(p).mean(axis=0))
    if first.task.exclusive:
        return replace(first, y_score=mean / mean.sum(axis=1, keepdims=True))
    q = np.stack([np.clip(1 - table.y_score, _LEAST, 1) for table in aligned])
    return replace(first, y_score=mean / (mean + np.exp(np.log(q).mean(axis=0))))


def joined(tables: Sequence[Predictions]) -> Predictions:
    """Return tables of different cases as one, in the order of the ids."""
    first = tables[0]
    ids = np.concatenate([table.ids for table in tables])
    order = np.argsort(ids, kind="stable")

    def column(name: str) -> np.ndarray | None:
        values = [getattr(table, name) for table in tables]
        return None if values[0] is None else np.concatenate(values)[order]

    y_score = column("y_score")
    assert y_score is not None
    return replace(
        first, ids=ids[order], y_true=column("y_true"), y_score=y_score, groups=column("groups")
    )
