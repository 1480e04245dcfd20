"""Write what an evaluator predicted as a predictions table."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine, Events

from medmonai.predictions import write_predictions

from .predictions_collector import PredictionsCollector


class PredictionsWriter:
    """Write an evaluator's predictions to a CSV file when it is done, on rank 0; with labels where there are labels.

    Without labels (inference) a column `predicted` names the class of the highest score. MONAI's `ClassificationSaver`
    writes no labels, groups or class names.

    Args:
        collector: what collects the predictions of the same evaluator; attached here.
        path: the CSV file.
        overwrite: replace an existing file; for an evaluation whose run folder guards its test split itself.

    Raises:
        FileExistsError: when the evaluation starts, if the file exists and may not be replaced.
    """

    def __init__(self, collector: PredictionsCollector, path: str | Path, *, overwrite: bool = False) -> None:
        self.collector, self.path, self.overwrite = collector, Path(path), overwrite

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI evaluator."""
        self.collector.attach(engine)
        engine.add_event_handler(Events.STARTED, self._check)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _check(self, engine: Engine) -> None:
        if self.path.exists() and not self.overwrite:
            raise FileExistsError(f"{self.path} exists and is left alone; choose another --output_dir, or move it away.")

    def __call__(self, engine: Engine) -> None:
        """Write the table."""
        predictions = self.collector.predictions()
        if engine.state.rank == 0:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_predictions(predictions, self.path, overwrite=True, with_predicted=predictions.y_true is None)
