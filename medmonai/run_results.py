"""What a run left in its folder, read when it is asked for."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmonai.notebook import Card, InNotebook, number, one_line
from medmonai.run_files import parts_of, read_record

if TYPE_CHECKING:
    from medmonai.predictions import Predictions


class TrainingHistory(InNotebook):
    """The course of a training: one row per epoch.

    Args:
        columns: name -> text of every epoch, as history.csv has it: epoch, stage, train_loss,
            validation_auc, learning_rate, seconds.
        kept: the epoch whose weights are kept, if known.
    """

    def __init__(self, columns: Mapping[str, list[str]], *, kept: int | None = None) -> None:
        self.columns = dict(columns)
        self.kept = kept

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> list[float | str]:
        """Return a column: numbers where all of its values are, NaN where one is missing."""
        values = self.columns[name]
        try:
            return [float(value or "nan") for value in values]
        except ValueError:
            return list(values)

    def __repr__(self) -> str:
        kept = "" if self.kept is None else f", epoch {self.kept} is kept"
        stages = ", ".join(dict.fromkeys(self.columns.get("stage", ())))
        last = self.columns.get("validation_auc", [""])[-1:] or [""]
        auc = f", last validation AUC {number(float(last[0]))}" if last[0] else ""
        return one_line(f"TrainingHistory({len(self)} epochs: {stages or 'no stage'}{auc}{kept})")

    def _card(self) -> Card:
        aucs = self["validation_auc"] if "validation_auc" in self.columns else []
        numbers = [value if isinstance(value, float) else math.nan for value in aucs]
        known = [row for row, value in enumerate(numbers) if not math.isnan(value)]
        best = max(known, key=lambda row: numbers[row], default=0)
        epochs = self.columns.get("epoch", ())
        kept = [row for row, epoch in enumerate(epochs) if epoch == str(self.kept)]
        chosen = sorted({0, best, *kept, len(self) - 1} & set(range(len(self))))
        pictures = [("loss and validation AUC", self._figure())] if len(self) and known else []
        return Card(
            repr(self),
            header=tuple(self.columns),
            rows=[[values[row] for values in self.columns.values()] for row in chosen],
            pictures=pictures,
            width=340,
        )

    def _figure(self) -> bytes:
        import io

        from medmonai.visualize import history_figure

        file = io.BytesIO()
        history_figure(self.columns, kept=self.kept).savefig(file, format="png", dpi=150)
        return file.getvalue()


class RunFolder(InNotebook):
    """A run folder: metrics, predictions, figures and the report, read on demand.

    Args:
        folder: written by `medmonai run` or by a bundle's training and evaluation.

    Raises:
        FileNotFoundError: the folder does not exist.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"no run folder at {folder}; pass the output_dir of a run.")

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """What metrics.json holds: splits -> "validation", "test" -> every metric with its
        interval; {} before evaluation.
        """
        return read_record(self.folder / "metrics.json")

    @cached_property
    def config(self) -> dict[str, Any]:
        """The merged config that was trained."""
        return read_record(self.folder / "config.json")

    def predictions(self, split: str = "test") -> Predictions:
        """Return the predictions table of a split, "test" or "val".

        Raises:
            FileNotFoundError: the run was not evaluated, or has no such split.
        """
        from medmonai.report import read_table

        return read_table(self.folder / f"predictions_{split}.csv")

    @property
    def figures(self) -> dict[str, Path]:
        """Name -> PNG file of every figure."""
        return {path.stem: path for path in sorted((self.folder / "figures").glob("*.png"))}

    @property
    def report(self) -> Path | None:
        """The HTML report; None before it is written."""
        path = self.folder / "report.html"
        return path if path.is_file() else None

    @cached_property
    def history(self) -> TrainingHistory:
        """The course of the training, one row per epoch; empty before the first one is finished.

        Raises:
            ValueError: history.csv is damaged.
        """
        path = self.folder / "history.csv"
        columns: dict[str, list[str]] = {}
        if path.is_file():
            with parts_of(path), path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file, strict=True))
                columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
        kept = read_record(self.folder / "run.json").get("best_epoch")
        return TrainingHistory(columns, kept=kept)

    def __repr__(self) -> str:
        return one_line(f"RunFolder({str(self.folder)!r}: {self._auc()})", most=500)

    def __str__(self) -> str:
        """Return what `medmonai run` says at the end."""
        if not self.metrics:
            return repr(self)
        from medmonai.bundle import describe

        return describe(self.metrics, self.folder)

    def _auc(self) -> str:
        if not self.metrics:
            return "not evaluated"
        with parts_of(self.folder / "metrics.json"):
            test = self.metrics["splits"]["test"]
            auc = test["auc"]
            return (
                f"test AUC {number(auc['estimate'])} ({auc['confidence']:.0%} "
                f"{number(auc['low'])} to {number(auc['high'])}), n = {test['n']}"
            )

    def _card(self) -> Card:
        record = read_record(self.folder / "run.json")
        facts = {
            "test AUC": self._auc().removeprefix("test AUC "),
            "classes": ", ".join(record.get("class_names", ())),
            "kept epoch": record.get("best_epoch"),
            "report": self.report or "",
            "figures": ", ".join(self.figures),
        }
        title = record.get("title", "Run")
        return Card(f"{title} ({self.folder})", facts, notes=("Not for clinical use.",))
