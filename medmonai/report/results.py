"""What an evaluation leaves in a folder: metrics.json, metrics.csv and the figures of the test
table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmonai.atomic_files import write_json
from medmonai.metrics import summarize
from medmonai.predictions import Predictions

from .evaluation import NOT_CLINICAL, Evaluation
from .figure_material import EvaluatedTable
from .figures import FIGURES, drawn_figures, write_figures
from .long_table import write_metrics_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_evaluation(
    evaluation: Evaluation,
    folder: str | Path,
    *,
    data: Mapping[str, Any] | None = None,
    references: Mapping[str, Predictions] | None = None,
    verdict: str = "",
    diagnosis: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write the figures of the table, metrics.csv and, last, metrics.json, over older ones; return
    the metrics.

    Args:
        evaluation: what `evaluate` returned.
        folder: where to; created if missing.
        data: what is known of the data set, for the report.
        references: name -> predictions on the same cases to compare with, such as an ideal
            observer's.
        verdict: a sentence that the report begins with.
        diagnosis: why the training failed; its "text" follows the verdict.
    """
    folder = Path(folder)
    references = dict(references or {})
    write_figures(EvaluatedTable(evaluation, references), folder / "figures")
    splits = {"test": evaluation.metrics}
    if evaluation.validation is not None:
        splits = {"validation": summarize(evaluation.validation), **splits}
    metrics = {
        "disclaimer": NOT_CLINICAL,
        **({"verdict": verdict} if verdict else {}),
        **({"diagnosis": dict(diagnosis)} if diagnosis else {}),
        "data": dict(data or {}),
        "splits": splits,
        "references": {name: summarize(table) for name, table in references.items()},
    }
    write_metrics_csv(splits, folder / "metrics.csv", overwrite=True)
    write_json(metrics, folder / "metrics.json")
    return metrics


def write_decision(evaluation: Evaluation, folder: Path) -> None:
    """Store threshold and temperature, and what they were chosen on, beside the weights; nothing in
    a folder without weights.
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
    """Remove all results of an earlier evaluation that depend on its table or threshold.

    metrics.json goes first: a folder without it is not an evaluation, so an interrupted removal
    cannot be mistaken for a complete one.
    """
    (folder / "metrics.json").unlink(missing_ok=True)
    for name in ("metrics.csv", "report.html", "report.tex", "saliency.json", "evaluation.json"):
        (folder / name).unlink(missing_ok=True)
    for row in FIGURES.values():
        for suffix in (".png", ".pdf") if row.of_scores else ():
            (folder / "figures" / f"{row.name}{suffix}").unlink(missing_ok=True)


def evaluation_figures(
    evaluation: Evaluation, *, references: Mapping[str, Predictions] | None = None
) -> dict[str, Figure]:
    """Return the figures of a test table: name -> figure.

    ROC curve (with a band and the operating point for a binary task), precision-recall curve,
    scores per outcome, confusion matrix, reliability diagram before and after the temperature, and
    decision curve of the calibrated scores. Logits without a validation table have the first four
    only.
    """
    material = EvaluatedTable(evaluation, references or {})
    return {row.name: figure for row, figure in drawn_figures(material)}
