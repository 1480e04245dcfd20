"""From the predictions of a run to its metrics.json and figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.metrics import summarize
from medmonai.predictions import Predictions, write_predictions
from medmonai.ranks import rank
from medmonai.visualize import history_figure, roc_figure, samples_figure, save_figure

from .run_folder import write_json

NOT_CLINICAL = "Research software: not for clinical use."


def write_results(
    predictions: Mapping[str, Predictions], *, output_dir: str | Path, cohort: Any,
    references: Mapping[str, Predictions] | None = None,
) -> dict[str, Any]:
    """Write the figures and metrics.json of an evaluated run on rank 0; return the metrics.

    Called last in the "run" list of a bundle's evaluate.json. metrics.json comes last: it says that all else is there.

    Args:
        predictions: split -> predictions, with "test" among them.
        output_dir: the run folder.
        cohort: the test cohort: its provenance goes into metrics.json, a grid of its cases into figures/.
        references: name -> predictions on the test cases to stand beside (an ideal observer); also written as tables.
    """
    folder, references = Path(output_dir), dict(references or {})
    metrics = {
        "disclaimer": NOT_CLINICAL,
        "data": cohort.provenance.as_dict(),
        "splits": {split: summarize(table) for split, table in predictions.items()},
        "references": {name: summarize(table) for name, table in references.items()},
    }
    if rank() != 0:
        return metrics
    for name, table in references.items():
        write_predictions(table, folder / f"predictions_test_{name}.csv", overwrite=True)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    drawn = {"roc": roc_figure(predictions["test"], references=references), "samples": samples_figure(cohort)}
    if (folder / "history.csv").is_file():
        drawn["history"] = history_figure(folder / "history.csv")
    for name, figure in drawn.items():
        save_figure(figure, figures / name, overwrite=True)
    write_json(metrics, folder / "metrics.json")
    return metrics
