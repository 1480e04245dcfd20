"""The most confident mistakes: where to look first for wrong labels, artifacts and blind spots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from medmonai.data import Cohort
from medmonai.predictions import Predictions

from .panels import above_image, image_lines
from .samples import middle_planes
from .style import PAGE_WIDTH, new_figure, set_layout, styled

_POINTS = 5.5  # of the texts


def confident_mistakes(
    predictions: Predictions, decided: np.ndarray, *, count: int = 12
) -> np.ndarray:
    """Return the cases that were decided wrongly, the most confident first.

    The confidence is the score of the decided class. Of several labels, each wrong one counts with
    its score if it was predicted and with 1 - score if it was not; the highest decides.

    Args:
        predictions: a table with labels.
        decided: (N,) class numbers, or (N, L) of 0 and 1, as `medmonai.metrics.decide` returns
            them.
        count: the largest number of cases.

    Returns:
        (at most count,) row numbers, int64.

    Raises:
        ValueError: a table without labels, or decisions of another shape.
    """
    if predictions.y_true is None or np.shape(decided) != predictions.y_true.shape:
        raise ValueError(
            f"decided has shape {np.shape(decided)}; labels of the same shape are needed beside it."
        )
    if predictions.task.exclusive:
        sure = np.take_along_axis(predictions.y_score, np.asarray(decided)[:, None], axis=1)[:, 0]
        wrong = decided != predictions.y_true
    else:
        certainty = np.where(decided == 1, predictions.y_score, 1 - predictions.y_score)
        missed = decided != predictions.y_true
        sure = np.where(missed, certainty, -np.inf).max(axis=1)
        wrong = missed.any(axis=1)
    rows = np.flatnonzero(wrong)
    return rows[np.argsort(-sure[rows], kind="stable")][:count]


def failures_figure(
    cohort: Cohort,
    predictions: Predictions,
    decided: np.ndarray,
    *,
    count: int | None = None,
    twins: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
) -> Figure:
    """Draw the most confident mistakes with id, true class, decision and score.

    A mistake is marked if its twin, an exact or near duplicate, has another label: the label may be
    wrong rather than the network. Long ids and names are broken over several lines.

    Args:
        cohort: the cases of the table, in its order.
        predictions: their table, with labels.
        decided: the decisions, see `confident_mistakes`.
        count: cases to show; default: 12 images, or 6 volumes with their three middle planes.
        twins: id -> twins with another label, as `medmonai.data.Audit.twins` returns them.

    Returns:
        A figure of two columns' width, unknown to pyplot; a sentence if there is no mistake.

    Raises:
        ValueError: the table has other cases than the cohort.
    """
    if not np.array_equal(cohort.ids, predictions.ids):
        raise ValueError(
            f"the table's ids are not those of {cohort.provenance.name} {cohort.split}, in the "
            "same order; give the cohort that was predicted."
        )
    volumes = cohort.spatial_dims == 3
    rows = confident_mistakes(
        predictions, decided, count=(6 if volumes else 12) if count is None else count
    )
    twins = twins or {}
    texts = [
        _text(predictions, decided, case) + _twin_text(twins.get(str(predictions.ids[case]), ()))
        for case in rows
    ]
    per_row = 2 if volumes else 6
    width = 3 if volumes else 1  # panels of a case
    panel = (PAGE_WIDTH - 0.2) / (per_row * width)
    lines, most, above = image_lines(texts, width * panel - 0.06, points=_POINTS)
    with styled():
        count_of_rows = max(1, -(-len(rows) // per_row))
        figure = new_figure(0.25 + count_of_rows * (panel + above + 0.12), width=PAGE_WIDTH)
        set_layout(figure, w_pad=0.02, h_pad=0.02, wspace=0, hspace=0.02)
        grid = figure.subplots(count_of_rows, per_row * width, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        if not len(rows):
            grid[0, 0].text(
                0, 0.5, "No case was decided wrongly.", fontsize=8, transform=grid[0, 0].transAxes
            )
        for number, (case, text) in enumerate(zip(rows, lines)):
            line, column = divmod(number * width, per_row * width)
            place = grid[line, column : column + width]
            for axes, plane in zip(place, middle_planes(np.asarray(cohort.images[case]))):
                axes.imshow(plane, cmap="gray", interpolation="nearest")
            above_image(place[0], text, most=most, points=_POINTS)
    return figure


def _text(predictions: Predictions, decided: np.ndarray, case: int) -> str:
    names = predictions.class_names
    score = predictions.y_score[case]
    if predictions.task.exclusive:
        true = names[predictions.labels[case]]
        said = names[decided[case]]
        value = score[decided[case]]
    else:
        wrong = np.flatnonzero(decided[case] != predictions.labels[case])
        worst = wrong[
            np.argmax(np.where(decided[case][wrong] == 1, score[wrong], 1 - score[wrong]))
        ]
        true, said = (
            f"{'' if on else 'no '}{names[worst]}"
            for on in (predictions.labels[case, worst], decided[case, worst])
        )
        value = score[worst]
    return f"{predictions.ids[case]}\nis {true}\nsaid {said}, {value:.2f}"


def _twin_text(twins: Sequence[Mapping[str, str]]) -> str:
    """Return the line that marks a case whose twin has another label; "" without one."""
    return f"\ntwin in {twins[0]['split']}: {twins[0]['label']}" if twins else ""
