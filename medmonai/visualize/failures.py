"""The mistakes a network was surest of: where to look first for wrong labels, artefacts and blind
spots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from medmonai.data import Cohort
from medmonai.predictions import Predictions

from .names import short_id, shortened
from .samples import middle_planes
from .style import new_figure, set_layout, styled

LONGEST_TEXT = 24  # characters that fit above a panel


def confident_mistakes(
    predictions: Predictions, decided: np.ndarray, *, count: int = 12
) -> np.ndarray:
    """Return the cases that were decided wrongly, the surest first.

    How sure: the score of the decided class, of class 1's absence 1 - score for a binary negative;
    of several labels, the surest wrong one.

    Args:
        predictions: a table with labels.
        decided: (N,) class numbers, or (N, L) of 0 and 1, as `medmonai.metrics.decide` returns
            them.
        count: at most so many.

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
    """Draw the most confident mistakes with id, truth, decision and score.

    A mistake whose twin, an exact or near duplicate, has another label is marked: the label may be
    wrong, not the network.

    Args:
        cohort: the cases of the table, in its order.
        predictions: their table, with labels.
        decided: the decisions, see `confident_mistakes`.
        count: cases to show; default 12 images or 6 volumes (three orthogonal middle planes each).
        twins: id -> twins with another label, as `medmonai.data.Audit.twins` returns them.

    Returns:
        A figure of two columns' width, unknown to pyplot; a sentence where there is no mistake.

    Raises:
        ValueError: a table of other cases than the cohort's.
    """
    if not np.array_equal(cohort.ids, predictions.ids):
        raise ValueError(
            f"the table's ids are not those of {cohort.provenance.name} {cohort.split}, in their "
            "order."
        )
    volumes = cohort.spatial_dims == 3
    rows = confident_mistakes(
        predictions, decided, count=(6 if volumes else 12) if count is None else count
    )
    per_row = 2 if volumes else 6
    columns = per_row * (3 if volumes else 1)
    lines = max(1, -(-len(rows) // per_row))
    with styled():
        twins = {
            case: others
            for case, others in (twins or {}).items()
            if case in set(predictions.ids[rows].tolist())
        }
        figure = new_figure(0.25 + lines * (7.0 / columns + (0.4 if twins else 0.3)), width=7.0)
        grid = figure.subplots(lines, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        if not len(rows):
            grid[0, 0].text(
                0, 0.5, "No case was decided wrongly.", fontsize=8, transform=grid[0, 0].transAxes
            )
        for number, case in enumerate(rows):
            panels = middle_planes(np.asarray(cohort.images[case]))
            line, column = divmod(number * len(panels), columns)
            text = _text(predictions, decided, case) + _twin_text(
                twins.get(str(predictions.ids[case]), ())
            )
            title = grid[line, column].set_title(text, fontsize=5.5, loc="left", pad=2)
            title.set_in_layout(False)
            for offset, panel in enumerate(panels):
                grid[line, column + offset].imshow(panel, cmap="gray", interpolation="nearest")
        set_layout(figure, w_pad=0.02, h_pad=0.15, wspace=0, hspace=0)
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
    case_id = str(predictions.ids[case])
    if len(case_id) > LONGEST_TEXT:
        case_id = short_id(case_id, LONGEST_TEXT)
    (true,), (said,) = shortened([true], 21), shortened([said], 13)
    return "\n".join((case_id.replace("$", r"\$"), f"is {true}", f"said {said}, {value:.2f}"))


def _twin_text(twins: Sequence[Mapping[str, str]]) -> str:
    """Return the line that marks a case whose twin has another label; nothing without one."""
    return (
        f"\ntwin in {twins[0]['split']}: {shortened([twins[0]['label']], 13)[0]}" if twins else ""
    )
