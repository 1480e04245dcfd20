"""From the predictions of a run to its metrics.json and figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.metrics import summarize
from medmonai.predictions import Predictions, write_predictions
from medmonai.visualize import history_figure, roc_figure, samples_figure, save_figure

from .run_folder import write_json

NOT_CLINICAL = "Research software: not for clinical use."


def write_results(
    predictions: Mapping[str, Predictions], *, output_dir: str | Path, cohort: Any,
    references: Mapping[str, Predictions] | None = None,
) -> dict[str, Any]:
    """Write metrics.json and the figures of an evaluated run; return the metrics.

    Called last in the "run" list of a bundle's evaluate.json; under torch.distributed by rank 0 only.

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
    for name, table in references.items():
        write_predictions(table, folder / f"predictions_test_{name}.csv", overwrite=True)
    write_json(metrics, folder / "metrics.json")
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    save_figure(roc_figure(predictions["test"], references=references), figures / "roc")
    save_figure(samples_figure(cohort), figures / "samples")
    if (folder / "history.csv").is_file():
        save_figure(history_figure(folder / "history.csv"), figures / "history")
    return metrics
