"""What an evaluation leaves in a folder: metrics.json, metrics.csv and the figures of the test
split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from medmonai.atomic_files import write_json
from medmonai.metrics import summarize
from medmonai.predictions import Predictions
from medmonai.visualize import (
    calibration_figure,
    confusion_figure,
    decision_curve_figure,
    precision_recall_figure,
    roc_figure,
    save_figure,
    score_distribution_figure,
)

from .evaluation import NOT_CLINICAL, Evaluation
from .long_table import write_metrics_csv
from .tables import chosen_decisions

# Classes or labels from which a confusion matrix gets two columns of the page.
_MANY = 7
OF_TEST = ("roc", "precision_recall", "scores", "confusion", "calibration", "decision_curve")


def write_evaluation(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    data: Mapping[str, Any] | None = None,
    references: Mapping[str, Predictions] | None = None,
) -> dict[str, Any]:
    """Write the figures, metrics.csv and, last, metrics.json over older ones; return the metrics.

    Args:
        evaluation: what `evaluate` returned.
        folder: where to; made if need be.
        data: what is known of the data set, for the report.
        references: name -> predictions on the test cases to stand beside, such as an ideal
            observer's.
    """
    folder = Path(folder)
    references = dict(references or {})
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, figure in evaluation_figures(evaluation, references=references).items():
        save_figure(figure, folder / "figures" / name, overwrite=True)
    splits = {"test": evaluation.metrics}
    if evaluation.validation is not None:
        splits = {"validation": summarize(evaluation.validation), **splits}
    metrics = {
        "disclaimer": NOT_CLINICAL,
        "data": dict(data or {}),
        "splits": splits,
        "references": {name: summarize(table) for name, table in references.items()},
    }
    write_metrics_csv(splits, folder / "metrics.csv", overwrite=True)
    write_json(metrics, folder / "metrics.json")
    return metrics


def write_decision(evaluation: Evaluation, folder: Path) -> None:
    """Store threshold and temperature, and what they were chosen on, beside the weights if the
    folder has any.
    """
    if (folder / "models").is_dir():
        write_json(
            {
                "class_names": list(evaluation.test.class_names),
                "operating_point": evaluation.point.as_dict(),
                "temperature": evaluation.metrics["calibration"]["temperature"],
            },
            folder / "models" / "decision.json",
        )


def remove_evaluation(folder: Path) -> None:
    """Remove what an earlier evaluation left that depends on its table or threshold; metrics.json
    first.

    A folder without metrics.json is no evaluation, so one that is killed half way cannot be taken
    for a whole.
    """
    (folder / "metrics.json").unlink(missing_ok=True)
    for name in ("metrics.csv", "report.html", "report.tex", "saliency.json", "evaluation.json"):
        (folder / name).unlink(missing_ok=True)
    for name in (*OF_TEST, "failures", "saliency", "occlusion"):
        for suffix in (".png", ".pdf"):
            (folder / "figures" / f"{name}{suffix}").unlink(missing_ok=True)


def evaluation_figures(
    evaluation: Evaluation, *, references: Mapping[str, Predictions] | None = None
) -> dict[str, Figure]:
    """Return the figures of a test table: name -> figure.

    ROC (with a band and the operating point for a binary task), precision and recall, confusion
    matrix, scores per outcome, calibration before and after the temperature, decision curve of the
    calibrated scores. Logits without a validation table have the first four only.
    """
    test = evaluation.test
    binary = evaluation.test.task.kind == "binary"
    points = evaluation.point if binary and evaluation.point.chosen_on == "validation" else None
    curve = {
        "band": binary,
        "operating_points": points,
        "confidence": evaluation.metrics["auc"]["confidence"],
    }
    drawn = {
        "roc": roc_figure(test, references=references, **curve),
        "precision_recall": precision_recall_figure(test, references=references, **curve),
        "scores": score_distribution_figure(
            test, operating_point=evaluation.point if points else None
        ),
    }
    decided = chosen_decisions(evaluation.metrics)
    if decided:
        wide: dict[str, Any] = (
            {"width": 7.0} if test.task.exclusive and test.task.num_classes >= _MANY else {}
        )
        drawn["confusion"] = confusion_figure(decided["confusion_matrix"], test.class_names, **wide)
    if evaluation.uncalibrated is not None:
        drawn["calibration"] = calibration_figure(evaluation.uncalibrated, evaluation.calibrated)
        drawn["decision_curve"] = decision_curve_figure(
            evaluation.calibrated or evaluation.uncalibrated
        )
    return drawn
