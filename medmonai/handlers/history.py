"""One line of history.csv per epoch: what the loss, the AUC and the learning rate did."""

from __future__ import annotations

import csv
import logging
import time
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from medmonai.atomic_files import naming, replacing
from medmonai.run_files import parts_of

from .loss_output import EpochLoss
from .trainer import Trainer

logger = logging.getLogger("medmonai.handlers")

COLUMNS = ("epoch", "stage", "train_loss", "validation_auc", "learning_rate", "seconds")


class HistoryWriter:
    """Append epoch, stage, mean training loss, validation AUC, learning rate and seconds to a CSV
    file, on rank 0.

    A resumed run keeps the lines of the epochs before it and drops any later ones. Attach it after
    the validation, so that the epoch's AUC is known. The loss of the AUC stage is a min-max
    objective and may rise or be negative while the AUC improves: read the AUC.

    Args:
        path: the CSV file.
        evaluator: the validation engine, whose key metric is written.
        stage: an object with `name(engine)`, such as a `PESGStage`; None writes "train".
    """

    def __init__(self, path: str | Path, *, evaluator: Any, stage: Any = None) -> None:
        self.path = Path(path)
        self.evaluator = evaluator
        self.stage = stage
        self._loss = EpochLoss()
        self._began = 0.0
        self._opened = False

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        self._loss.attach(engine)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._write)

    def _start(self, engine: Trainer) -> None:
        self._opened = False

    def _open(self, engine: Trainer) -> None:
        self._opened = True
        if engine.state.rank != 0:
            return
        kept = self._rows_before(engine.state.epoch - 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(self.path, overwrite=True) as temporary,
            temporary.open("w", newline="") as file,
        ):
            writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(kept)

    def _rows_before(self, epoch: int) -> list[dict[str, str]]:
        """Return the whole lines up to an epoch; those that are missing or cut off are left out
        with a warning.
        """
        text = ""
        if epoch and self.path.is_file():
            with parts_of(self.path):
                text = self.path.read_text(encoding="utf-8-sig")
        whole = text[: text.rfind("\n") + 1].splitlines()
        with parts_of(self.path):
            rows = [
                row for row in csv.DictReader(whole) if None not in row and None not in row.values()
            ]
            kept = [row for row in rows if int(row["epoch"]) <= epoch]
        missing = sorted(set(range(1, epoch + 1)) - {int(row["epoch"]) for row in kept})
        if missing:
            logger.warning(
                "%s lacks epoch %s: deleted, or cut off. The training goes on; its curve shows the "
                "others.",
                self.path,
                ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else ""),
            )
        return kept

    def _begin(self, engine: Trainer) -> None:
        # not before the first epoch: until then a checkpoint may set which epoch that is
        if not self._opened:
            self._open(engine)
        self._began = time.perf_counter()

    def _write(self, engine: Trainer) -> None:
        if engine.state.rank != 0:
            return
        state = self.evaluator.state
        auc = (
            state.metrics.get(state.key_metric_name, "")
            if state.epoch == engine.state.epoch
            else ""
        )
        row = (
            engine.state.epoch,
            self.stage.name(engine) if self.stage else "train",
            self._loss.mean(),
            auc,
            engine.optimizer.param_groups[0]["lr"],
            round(time.perf_counter() - self._began, 3),
        )
        with naming(self.path), self.path.open("a", newline="") as file:
            csv.writer(file).writerow(row)
