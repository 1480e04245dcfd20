"""The predictions of all members as one table of test and one of validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medmonai.metrics import apply_temperature, average_seeds, fit_temperature
from medmonai.predictions import Predictions

from .division import Division


def pooled(
    members: Sequence[tuple[Predictions, Predictions]], division: Division
) -> tuple[Predictions, Predictions]:
    """Return the test and the validation table of a fit.

    - "rotation": each case is scored by the member whose test fold it is in, and, for the
      validation table, by the member whose validation fold it is in. Scores of different networks
      are made comparable by each member's temperature, fitted on its own validation fold.
    - "folds": the test scores are the mean over the members; the validation table is put together
      from their folds.
    - "given": both are means over the members.

    Args:
        members: (validation, test) predictions of each.
        division: of the cases.
    """
    if division.kind == "rotation":
        calibrated = [
            [apply_temperature(table, fit_temperature(validation)) for table in (test, validation)]
            for validation, test in members
        ]
        return joined([test for test, _ in calibrated]), joined([val for _, val in calibrated])
    test = average_seeds([test for _, test in members])
    validations = [validation for validation, _ in members]
    if division.kind == "folds":
        return test, joined(validations)
    return test, average_seeds(validations)


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
