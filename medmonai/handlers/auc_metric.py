"""The validation AUC as an engine's key metric, from all cases of all ranks at once."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from ignite.engine import Engine, Events

from medmonai.metrics import macro_auc_score
from medmonai.predictions import Predictions

from .predictions_collector import PredictionsCollector
from .trainer import Trainer


class AUCMetric:
    """Report the AUC of an evaluator's predictions after each epoch, and keep the predictions for
    whoever wants them.

    The AUC is the float64 one of `medmonai.metrics` on `Task.probabilities`, macro-averaged over
    the classes that are present; the same on every rank. Where no class has both positives and
    negatives it is -inf with a warning, never NaN: MONAI compares with `>`, and a first NaN would
    block every later best epoch. MONAI's `ROCAUC` keeps float32 labels, which shifts the AUC on
    large sets, and turns NaN.

    Args:
        cohort: the cases that the evaluator's loader goes through; the batches must carry "index".
    """

    def __init__(self, cohort: Any) -> None:
        self.cohort = cohort
        self.collector = PredictionsCollector(cohort)
        self.predictions: Predictions | None = None

    def attach(self, engine: Engine, name: str) -> None:
        """Attach to a MONAI evaluator as `key_val_metric={name: metric}`."""
        self.collector.attach(engine)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._report, name)

    def _report(self, engine: Trainer, name: str) -> None:
        self.predictions = self.collector.predictions()
        value = macro_auc_score(self.predictions.labels, self.predictions.y_score, self.cohort.task)
        if np.isnan(value):
            warnings.warn(
                f"the AUC of the {self.cohort.split} split is undefined: no class has positives "
                "and negatives.",
                stacklevel=2,
            )
            value = float("-inf")
        engine.state.metrics[name] = value
