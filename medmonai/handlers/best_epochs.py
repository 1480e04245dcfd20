"""Which epoch of a training was the best: of each stage, and of the whole run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ignite.engine import Engine, Events

from .trainer import Trainer

_NAMES = {"cross_entropy": "the warm-up", "auc": "the AUC stage", "train": "the training"}


class BestEpochs:
    """Note the best validated epoch of each stage, and say which of them is kept and why.

    The evaluator knows one best epoch, the one whose weights `RunCheckpoint` keeps. That is the
    best of the whole run, or, where a `PESGStage` says keep_best="stage", the best of the last
    stage. Here stand both, so that console, history figure and report can show them.

    Of two equal epochs the earlier one is the best, as for MONAI's evaluator.

    Args:
        evaluator: the validation engine.
        stage: the `PESGStage`, if there is one.
    """

    def __init__(self, *, evaluator: Any, stage: Any = None) -> None:
        self.evaluator = evaluator
        self.stage = stage
        self.found: dict[str, tuple[int, float]] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler and before what shows or keeps the best
        epoch.
        """
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, engine: Trainer) -> None:
        """Compare the epoch's key metric with the best of its stage, if the epoch was validated."""
        state = self.evaluator.state
        name = self.name(engine)
        if state.epoch != engine.state.epoch:
            return
        value = float(state.metrics[state.key_metric_name])
        if name not in self.found or value > self.found[name][1]:
            self.found[name] = (engine.state.epoch, value)

    def name(self, engine: Any) -> str:
        """Return the stage that the engine is in; "train" where there is but one."""
        return "train" if self.stage is None else self.stage.name(engine)

    def epoch_of(self, name: str) -> int:
        """Return the best epoch of a stage, -1 if none was validated."""
        return self.found.get(name, (-1, 0.0))[0]

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        return {name: list(best) for name, best in self.found.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` returned."""
        self.found = {name: (int(epoch), float(value)) for name, (epoch, value) in state.items()}

    def summary(self) -> dict[str, Any]:
        """Return stage -> best epoch and validation AUC, and the line that says which is kept;
        JSON-able.
        """
        stages = {
            name: {"epoch": epoch, "validation_auc": value}
            for name, (epoch, value) in self.found.items()
        }
        return {"stages": stages, "kept": self.line()}

    def line(self) -> str:
        """Return one line: the epoch that is kept, and the best of the other stage; "" before the
        first validation.
        """
        kept = next(
            (
                name
                for name, (epoch, _) in self.found.items()
                if epoch == self.evaluator.state.best_metric_epoch
            ),
            None,
        )
        if kept is None:
            return ""
        epoch, value = self.found[kept]
        others = [(name, *best) for name, best in self.found.items() if name != kept]
        if not others:
            return f"kept: epoch {epoch}, validation AUC {_number(value)}"
        line = f"kept: epoch {epoch} of {_NAMES[kept]}, validation AUC {_number(value)}"
        name, other_epoch, other = others[0]
        if kept == "auc" and other >= value:
            return (
                f"{line}, as keep_best='stage' asks; {_NAMES[name]} was as good or better "
                f"({_number(other)}, epoch {other_epoch})"
            )
        if kept == "auc":
            return f"{line} (best of {_NAMES[name]}: {_number(other)}, epoch {other_epoch})"
        return (
            f"{line}; {_NAMES[name]} did not improve on it (best {_number(other)}, epoch "
            f"{other_epoch})"
        )


def _number(value: float) -> str:
    return f"{value:.4f}" if math.isfinite(value) else "undefined"
