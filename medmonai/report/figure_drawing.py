"""How each figure of a report is drawn from its material."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from medmonai import visualize

from .figure_material import ComparedModels, EvaluatedTable, FinishedRun
from .wording import chosen_decisions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Classes from which a confusion matrix spans two columns of the page.
_MANY = 7


def draw_samples(run: FinishedRun) -> Figure:
    """Draw example cases of the test split."""
    return visualize.samples_figure(run.cohorts["test"])


def draw_labels(run: FinishedRun) -> Figure:
    """Draw the class balance of every split."""
    counts = {split: cohort.class_counts() for split, cohort in run.cohorts.items()}
    sizes = {split: len(cohort) for split, cohort in run.cohorts.items()}
    return visualize.label_distribution_figure(counts, cases=sizes)


def draw_history(run: FinishedRun) -> Figure | None:
    """Draw the learning curves; None without a history."""
    return None if run.history is None else visualize.history_figure(run.history, kept=run.kept)


def draw_failures(run: FinishedRun) -> Figure:
    """Draw the most confident mistakes."""
    found = run.evaluation
    return visualize.failures_figure(
        run.cohorts["test"], found.test, found.decided, twins=run.twins
    )


def draw_maps(name: str) -> Callable[[FinishedRun], Figure]:
    """Return the function that draws the saliency maps of that name."""

    def draw(run: FinishedRun) -> Figure:
        cases = run.explained
        note = cases.notes.get(name, "")
        return visualize.saliency_figure(
            cases.images, cases.maps[name], titles=cases.titles, note=note
        )

    return draw


def _curve_settings(table: EvaluatedTable) -> dict[str, Any]:
    """Return what the ROC curve and the precision-recall curve have in common."""
    evaluation = table.evaluation
    binary = evaluation.test.task.kind == "binary"
    chosen = binary and evaluation.point.chosen_on != "none"
    return {
        # of several classes there is a curve each: references are in the cards only
        "references": table.references if binary else None,
        "band": binary,
        "operating_points": evaluation.point if chosen else None,
        "confidence": evaluation.metrics["auc"]["confidence"],
    }


def draw_roc(table: EvaluatedTable) -> Figure:
    """Draw the ROC curve."""
    return visualize.roc_figure(table.evaluation.test, **_curve_settings(table))


def draw_precision_recall(table: EvaluatedTable) -> Figure:
    """Draw the precision-recall curve."""
    return visualize.precision_recall_figure(table.evaluation.test, **_curve_settings(table))


def draw_confusion(table: EvaluatedTable) -> Figure | None:
    """Draw the confusion matrix; None where nothing was decided."""
    decided = chosen_decisions(table.evaluation.metrics)
    if decided is None:
        return None
    test = table.evaluation.test
    many = test.task.exclusive and test.task.num_classes >= _MANY
    wide: dict[str, Any] = {"width": 7.0} if many else {}
    return visualize.confusion_figure(decided["confusion_matrix"], test.class_names, **wide)


def draw_scores(table: EvaluatedTable) -> Figure:
    """Draw the scores of each outcome."""
    point = _curve_settings(table)["operating_points"]
    return visualize.score_distribution_figure(table.evaluation.test, operating_point=point)


def draw_calibration(table: EvaluatedTable) -> Figure | None:
    """Draw the reliability diagram; None without probabilities."""
    before, after = table.evaluation.uncalibrated, table.evaluation.calibrated
    return None if before is None else visualize.calibration_figure(before, after)


def draw_decision_curve(table: EvaluatedTable) -> Figure | None:
    """Draw the decision curve; None without probabilities."""
    if table.evaluation.uncalibrated is None:
        return None
    return visualize.decision_curve_figure(
        table.evaluation.calibrated or table.evaluation.uncalibrated
    )


def draw_differences(models: ComparedModels) -> Figure:
    """Draw the difference of each pair of models."""
    return visualize.comparison_figure(models.comparisons)


def draw_all_rocs(models: ComparedModels) -> Figure:
    """Draw the ROC curves of all models."""
    return visualize.roc_figure(models.tables)
