"""The figures of a report. One table owns each figure's file name, section, words and drawing
function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmonai import visualize

from . import figure_drawing
from .figure_material import ComparedModels, EvaluatedTable, FinishedRun
from .wording import positive_class

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class ReportFigure:
    """A row of the table of figures.

    Args:
        name: the file in figures/, without its suffix.
        section: the section of the page, a key of `SECTIONS`.
        title: a few words.
        caption: what the figure shows.
        reading: one sentence that says how to read it.
        drawn_from: the type that `draw` takes.
        draw: returns the figure; None where there is nothing to draw.
        about_class: whether the figure of a binary task is about its positive class.
        of_scores: whether another table or threshold changes the figure.
    """

    name: str
    section: str
    title: str
    caption: str
    reading: str
    drawn_from: type
    draw: Callable[[Any], Figure | None]
    about_class: bool = False
    of_scores: bool = True

    def caption_for(self, split: Mapping[str, Any]) -> str:
        """Return the caption, with the positive class where the figure is about it.

        Args:
            split: the metrics of the test split.
        """
        positive = positive_class(split)
        if positive is None or not self.about_class:
            return self.caption
        return f"{self.caption} Positive class: {positive}."


SECTIONS = {
    "data": "Data",
    "plan": "Plan",
    "training": "Training",
    "performance": "Performance",
    "calibration": "Calibration and decision curve",
    "shift": "Shift from the training",
    "failures": "Failure gallery",
    "saliency": "Saliency",
    "repeat": "How to repeat this",
    "comparison": "Comparison",
}


_ROWS = (
    ReportFigure(
        "samples",
        "data",
        "Examples",
        "Cases of each class from the test split, drawn at random.",
        "Look for burned-in text, borders or devices that occur in one class only: a network can "
        "learn them instead of the disease.",
        FinishedRun,
        figure_drawing.draw_samples,
        of_scores=False,
    ),
    ReportFigure(
        "labels",
        "data",
        "Class balance",
        "Share of each class in each split, with the number of cases.",
        "Bars of one class that differ in length between splits mean that the splits have "
        "different prevalences.",
        FinishedRun,
        figure_drawing.draw_labels,
        of_scores=False,
    ),
    ReportFigure(
        "history",
        "training",
        "Learning curves",
        "Loss and validation AUC per epoch. A circle marks the best epoch of each stage; the "
        "filled one was kept.",
        "A validation AUC that falls while the training loss still falls means overfitting; the "
        "loss of an AUC stage is a saddle-point objective, so its value does not show progress.",
        FinishedRun,
        figure_drawing.draw_history,
        of_scores=False,
    ),
    ReportFigure(
        "roc",
        "performance",
        "ROC curve",
        "Sensitivity against 1 - specificity on the test split. A marker, if there is one, is the "
        "operating point, chosen on other cases.",
        "The closer a curve runs to the upper left corner, the better the ranking; the dashed "
        "diagonal is chance.",
        EvaluatedTable,
        figure_drawing.draw_roc,
        about_class=True,
    ),
    ReportFigure(
        "precision_recall",
        "performance",
        "Precision-recall curve",
        "Precision against recall on the test split.",
        "A dashed line is the prevalence, the precision of scores without information; a curve is "
        "better the further it stays above it.",
        EvaluatedTable,
        figure_drawing.draw_precision_recall,
        about_class=True,
    ),
    ReportFigure(
        "confusion",
        "performance",
        "Confusion matrix",
        "Decisions on the test split at the operating point.",
        "Each row is a true class and adds up to 100 %; the diagonal is the recall, and every "
        "other cell is a kind of mistake.",
        EvaluatedTable,
        figure_drawing.draw_confusion,
    ),
    ReportFigure(
        "scores",
        "performance",
        "Score distribution",
        "Scores on the test split, separately for each outcome.",
        "The less two histograms overlap, the better the scores separate the outcomes; cases on "
        "the wrong side of a threshold line are mistakes.",
        EvaluatedTable,
        figure_drawing.draw_scores,
        about_class=True,
    ),
    ReportFigure(
        "calibration",
        "calibration",
        "Reliability diagram",
        "Observed frequency against predicted probability, with the number of cases. If a "
        "temperature was fitted on validation: before and after it.",
        "On the diagonal, probabilities can be taken at face value; below it they are too high, "
        "above it too low.",
        EvaluatedTable,
        figure_drawing.draw_calibration,
        about_class=True,
    ),
    ReportFigure(
        "decision_curve",
        "calibration",
        "Decision curve",
        "Net benefit of acting on the calibrated score, on everyone or on nobody.",
        "The model is useful at threshold probabilities where its curve lies above both "
        "gray lines.",
        EvaluatedTable,
        figure_drawing.draw_decision_curve,
        about_class=True,
    ),
    ReportFigure(
        "failures",
        "failures",
        "Most confident mistakes",
        "Wrong decisions with the highest scores: id, true class, decided class and its score.",
        "Look first for wrong labels and artifacts; a twin is an almost identical image with "
        "another label, so one of the two labels may be wrong.",
        FinishedRun,
        figure_drawing.draw_failures,
    ),
    ReportFigure(
        "saliency",
        "saliency",
        "Grad-CAM",
        "Where the last layers find evidence for the decided class.",
        "Bright areas raised the score of the class named above the image; compare places within "
        "an image, not brightness between images.",
        FinishedRun,
        figure_drawing.draw_maps("saliency"),
    ),
    ReportFigure(
        "occlusion",
        "saliency",
        "Occlusion",
        "How far the logit of the decided class falls when a part of the image is covered.",
        "Covering a bright area lowered the score most; where both methods agree, the place is "
        "more likely to matter to the network.",
        FinishedRun,
        figure_drawing.draw_maps("occlusion"),
    ),
    ReportFigure(
        "comparison",
        "comparison",
        "Differences",
        "Difference of each pair of models, with its interval.",
        "An interval that excludes 0 is evidence of a difference for that pair alone; the "
        "verdict also corrects for the number of pairs.",
        ComparedModels,
        figure_drawing.draw_differences,
    ),
    ReportFigure(
        "comparison_roc",
        "comparison",
        "ROC curves",
        "All models on the same cases.",
        "If curves cross, each model is better at different operating points; the intervals are "
        "those of each model alone and do not compare models.",
        ComparedModels,
        figure_drawing.draw_all_rocs,
    ),
)
FIGURES = {row.name: row for row in _ROWS}


def drawn_figures(
    material: EvaluatedTable | FinishedRun | ComparedModels,
) -> Iterator[tuple[ReportFigure, Figure]]:
    """Yield each row that is drawn from this kind of material, with its figure."""
    for row in FIGURES.values():
        if isinstance(material, row.drawn_from):
            figure = row.draw(material)
            if figure is not None:
                yield row, figure


def write_figures(material: EvaluatedTable | FinishedRun, folder: str | Path) -> None:
    """Draw all figures of the material and save them in a folder, over older ones.

    Args:
        material: what they are drawn from.
        folder: where to; created if missing.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for row, figure in drawn_figures(material):
        visualize.save_figure(figure, folder / row.name, overwrite=True)
