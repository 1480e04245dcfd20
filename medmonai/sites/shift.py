"""How the cases of a site differ from those of the training: images, scores, classes, AUC."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from medmonai.deployment import patient_means, rounded
from medmonai.metrics import auc_shift, distribution_shift, holm, share_shift
from medmonai.predictions import Predictions

from .measured import MeasuredCases
from .training_side import TrainingSide


def shift(
    training: TrainingSide, cases: MeasuredCases, *, confidence: float = 0.95
) -> dict[str, Any]:
    """Compare the cases of a site with those of the training.

    - inputs: brightness, contrast, size and spacing of the images against those of the training
      images.
    - scores: the score of each class among the cases that have it (of two classes, and of labels,
      also among those that do not), against the test cases of the training. Within a class, scores
      do not depend on how frequent it is.
    - prevalence: how frequent each class is, apart from the above.
    - auc: there against here, for independent cases.

    A patient counts once: with the mean of the patient's values; only the sizes of the training
    images are those of sampled files. Inputs and scores are tested with Kolmogorov and Smirnov's
    test, corrected together (Holm); of values with many ties, such as sizes, the test is
    conservative. Where each test case of the training was scored by one member of an ensemble,
    scores and AUC of the site are those of one member for each patient, too, since a mean of
    members differs from one of them on the same cases.

    Args:
        training: what is compared with.
        cases: of the site.
        confidence: nominal coverage of the intervals.

    Returns:
        JSON-able: ``inputs`` and ``scores`` (name -> see `medmonai.metrics.distribution_shift`,
        with ``p_holm``), ``prevalence`` and ``auc`` (see `medmonai.metrics.share_shift` and
        `auc_shift`; None without a recorded test table), ``by_single_members``, ``patients`` of
        both sides (None if not known), ``unlike`` (how many images lie outside the training's
        ranges, and of how many), and ``missing``: what could not be compared.
    """
    table = _like_training(training, cases)
    missing = []
    inputs = dict(_inputs(training, cases, confidence))
    scores: dict[str, dict[str, Any]] = {}
    prevalence = auc = None
    if not training.values:
        missing.append(
            "The training did not record how its images are distributed (fits of earlier versions "
            "and single runs do not), so brightness, contrast, size and spacing are not compared."
        )
    if training.test is None:
        missing.append(
            "The predictions on the test cases of the training (predictions_test.csv) are not "
            "there, so scores, class shares and AUC are not compared."
        )
    else:
        scores = dict(_scores(training.test, table, confidence))
        prevalence = share_shift(training.test, table, confidence=confidence)
        auc = auc_shift(training.test, table, confidence=confidence)
    rows = [*inputs.values(), *scores.values()]
    for row, p in zip(rows, holm([row["p_value"] for row in rows]) if rows else ()):
        row["p_holm"] = p
    _warn({**inputs, **scores})
    return {
        "confidence": confidence,
        "inputs": inputs,
        "scores": scores,
        "prevalence": prevalence,
        "auc": auc,
        "by_single_members": training.by_single_members,
        "patients": {"here": _patients(training.test), "there": _patients(table)},
        "unlike": {"images": int((cases.unlike != "").sum()), "of": len(cases)},
        "missing": missing,
    }


def _like_training(training: TrainingSide, cases: MeasuredCases) -> Predictions:
    """Return the scores of the site, made as those of the training's test cases were."""
    table = cases.table
    if not training.by_single_members:
        return table
    units = table.ids if table.groups is None else table.groups
    member = np.unique(units, return_inverse=True)[1].reshape(-1) % len(cases.members)
    return replace(table, y_score=cases.members[member, np.arange(len(table))])


def _inputs(
    training: TrainingSide, cases: MeasuredCases, confidence: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, there in cases.values.items():
        if name in training.values:
            values = rounded(patient_means(there, cases.table.groups))
            yield name, distribution_shift(training.values[name], values, confidence=confidence)


def _scores(
    here: Predictions, there: Predictions, confidence: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    task = here.task
    names = dict(enumerate(here.class_names))
    if task.kind == "binary":
        names = {1: here.class_names[1]}
    for c, name in names.items():
        for value in (1,) if task.kind in ("multiclass", "ordinal") else (1, 0):
            sides = []
            for table in (here, there):
                rows = task.one_hot(table.labels)[:, c] == value
                groups = None if table.groups is None else table.groups[rows]
                sides.append(patient_means(table.y_score[rows, c], groups))
            of = name if value else f"not {name}"
            yield f"score of {name}, {of}", distribution_shift(*sides, confidence=confidence)


def _patients(table: Predictions | None) -> int | None:
    return None if table is None or table.groups is None else len(np.unique(table.groups))


def _warn(rows: Mapping[str, Mapping[str, Any]]) -> None:
    said = [f"{name} ({row['undefined']})" for name, row in rows.items() if row["undefined"]]
    if said:
        warnings.warn(f"not tested (NaN): {'; '.join(said)}.", UserWarning, stacklevel=3)
