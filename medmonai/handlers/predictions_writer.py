"""Write what an evaluator predicted as a predictions table."""

from __future__ import annotations

import logging
from pathlib import Path

from ignite.engine import Engine, Events

from medmonai.claims import release, take
from medmonai.metrics import OperatingPoint, decide, default_operating_point
from medmonai.predictions import write_predictions
from medmonai.run_files import parts_of, read_record

from .predictions_collector import PredictionsCollector
from .trainer import Trainer

logger = logging.getLogger("medmonai.handlers")


class PredictionsWriter:
    """Write an evaluator's predictions to a CSV file when it is done, on rank 0; with labels where
    there are labels.

    Without labels (inference) a column `predicted` names the decided class: at the operating point
    stored beside the weights where there is one, else at the default one (0.5, or the highest
    score). MONAI's `ClassificationSaver` writes no labels, groups or class names. From the start to
    the end of the evaluation this process holds the folder of the file, see `medmonai.claims`.

    Args:
        collector: what collects the predictions of the same evaluator; attached here.
        path: the CSV file.
        overwrite: replace an existing file; for an evaluation whose run folder guards its test
            split itself.
        decision: a decision.json as an evaluation leaves it in models/; passed over where there is
            no such file.

    Raises:
        ValueError: a decision for other classes.
        FileExistsError: when the evaluation starts, if the file exists and may not be replaced.
    """

    def __init__(
        self,
        collector: PredictionsCollector,
        path: str | Path,
        *,
        overwrite: bool = False,
        decision: str | Path | None = None,
    ) -> None:
        self.collector, self.path, self.overwrite = collector, Path(path), overwrite
        self.decision = None if decision is None else Path(decision)
        self._holds = False

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI evaluator."""
        self.collector.attach(engine)
        engine.add_event_handler(Events.STARTED, self._begin)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)
        engine.add_event_handler(Events.EXCEPTION_RAISED, self._break_off)

    def _begin(self, engine: Trainer) -> None:
        if self.path.exists() and not self.overwrite:
            raise FileExistsError(
                f"{self.path} exists and is left alone; choose another --output_dir, or move it "
                "away."
            )
        if engine.state.rank == 0:
            take(self.path.parent)
            self._holds = True

    def _break_off(self, engine: Trainer, error: BaseException) -> None:
        self._give_back()
        raise error  # Ignite holds an error back that a handler has seen

    def _give_back(self) -> None:
        if self._holds:
            self._holds = False
            release(self.path.parent)

    def __call__(self, engine: Trainer) -> None:
        """Write the table."""
        predictions = self.collector.predictions()
        if engine.state.rank == 0:
            unlabelled = predictions.y_true is None
            predicted = (
                predictions.predicted_names(decide(predictions, self._point()))
                if unlabelled
                else None
            )
            write_predictions(predictions, self.path, overwrite=True, predicted=predicted)
            self._give_back()

    def _point(self) -> OperatingPoint:
        if self.decision is None or not (stored := read_record(self.decision)):
            logger.info(
                "decided at 0.5 or by the highest score: no operating point is stored beside the "
                "weights"
            )
            return default_operating_point(self.collector.task)
        with parts_of(self.decision):
            names = tuple(stored["class_names"])
            point = OperatingPoint.from_dict(stored["operating_point"])
        if names != self.collector.class_names:
            raise ValueError(
                f"{self.decision} is for the classes {list(names)}, not "
                f"{list(self.collector.class_names)}; name another --decision_path."
            )
        logger.info(
            "decided at thresholds %s (%s, chosen on %d validation cases)",
            point.thresholds,
            point.rule,
            point.n,
        )
        return point
