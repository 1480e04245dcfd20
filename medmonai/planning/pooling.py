"""The predictions of all members as one table of test, and one that the decision is chosen on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medmonai.metrics import apply_temperature, fit_temperature
from medmonai.predictions import Predictions, align

from .division import Division

# Scores were float32, in which a probability nearer to 0 or 1 than this is 0 or 1.
_LEAST = 1e-9


def pooled(
    members: Sequence[tuple[Predictions, Predictions]], division: Division
) -> tuple[Predictions, Predictions]:
    """Return the test table of a fit, and the table that threshold and temperature are chosen on.

    - "rotation": each case is scored by the member whose test fold holds it. In the test table,
      each member's temperature, fitted on its own validation fold, makes the scores of different
      networks comparable. The decision is chosen on the same scores without it.
    - "folds": the test scores are those of the ensemble. The decision is chosen on the validation
      folds, put together.
    - "given": both are scores of the ensemble.

    Args:
        members: (validation, test) predictions of each.
        division: of the cases.
    """
    if division.kind == "rotation":
        calibrated = [
            apply_temperature(test, fit_temperature(validation)) for validation, test in members
        ]
        return joined(calibrated), joined([test for _, test in members])
    test = of_ensemble([test for _, test in members])
    validations = [validation for validation, _ in members]
    return test, joined(validations) if division.kind == "folds" else of_ensemble(validations)


def of_ensemble(tables: Sequence[Predictions]) -> Predictions:
    """Return the scores of `medmonai.networks.Ensemble` from those of its members.

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
