"""What a run keeps of itself: enough to go on bit for bit."""

from __future__ import annotations

import copy
import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import nn

from medmonai.data import CovariateEncoder
from medmonai.run_files import parts_of

from .weights import load_checkpoint, require_finite, save_atomically

if TYPE_CHECKING:
    from medmonai.handlers import Trainer

logger = logging.getLogger("medmonai.engines")

_OF_LAST = {
    "objects",
    "epoch",
    "iteration",
    "best_metric",
    "best_metric_epoch",
    "validation_epoch",
    "scaler",
    "random",
}


class RunCheckpoint:
    """Keep `models/model.pt` (best validation AUC), `models/model_final.pt` and `models/last.pt` of
    a run, on rank 0.

    `model.pt` and `model_final.pt` are plain state dicts of `network` (the averaged one, if weights
    are averaged), as MONAI's tools read them, with `class_names` as an attribute of the dict
    (`recorded_classes`), so that a file alone says what its outputs mean. `last.pt` holds
    everything that decides the epochs to come: network, average, optimizers, loss, scheduler,
    GradScaler (fp16), engine counters, random states. With it, a run that is started again goes on
    after the last whole epoch and ends with the same bits as an uninterrupted one (on a CPU).
    MONAI's `CheckpointSaver` keeps what it is given and neither counters nor random states, and its
    best score is forgotten by a new process.

    While a run goes on, `previous.pt` is the `last.pt` of the epoch before. Where `last.pt` is
    damaged the run goes on from there, and says so; the end is the same.

    Args:
        folder: where the files are kept.
        network: the network whose weights are kept as the result.
        evaluator: the validation engine; its best epoch decides.
        state: name -> object with `state_dict`/`load_state_dict`; what `last.pt` holds besides
            counters.
        job: for federated learning, what identifies the job, see `medmonai.bundle.federated_job`;
            None elsewhere.
        job_epochs: the epochs of the whole job.
        covariates: the encoder of a network that takes covariates; kept as `covariates.json`
            beside the weights.

    Attributes:
        class_names: noted with the weights where it is set; in the order of the labels.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        network: nn.Module,
        evaluator: Any,
        state: Mapping[str, Any],
        job: str | None = None,
        job_epochs: int = 0,
        covariates: CovariateEncoder | None = None,
    ) -> None:
        self.folder, self.network, self.evaluator, self.state = (
            Path(folder),
            network,
            evaluator,
            dict(state),
        )
        self._scaler: dict[str, Any] = {}
        self.class_names: list[str] | None = None
        self.job = job
        self.job_epochs = job_epochs
        self.covariates = covariates

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler and everything that changes state at the
        end of an epoch.
        """
        if self.job is not None:
            engine.add_event_handler(Events.STARTED, self._take_up_job)
        engine.add_event_handler(Events.STARTED, self._restore_scaler)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)
        engine.add_event_handler(Events.COMPLETED, self.finish)

    def _save(self, engine: Trainer) -> None:
        if engine.state.rank != 0:
            return
        best = self.evaluator.state
        if self.covariates is not None:
            self.covariates.write(self.folder / "covariates.json")
        if best.best_metric_epoch == engine.state.epoch:
            save_atomically(self._named_weights(), self.folder / "model.pt")
        last = self.folder / "last.pt"
        if last.is_file():
            last.replace(self.folder / "previous.pt")
        save_atomically(
            {
                "objects": {name: item.state_dict() for name, item in self.state.items()},
                "epoch": engine.state.epoch,
                "iteration": engine.state.iteration,
                "best_metric": float(best.best_metric),
                "best_metric_epoch": best.best_metric_epoch,
                "validation_epoch": best.epoch,
                "scaler": engine.scaler.state_dict() if engine.scaler is not None else {},
                "random": _random_state(),
                "job": self.job,
            },
            last,
        )

    def _take_up_job(self, engine: Trainer) -> None:
        """Go on with a federated job whose earlier rounds ran in other processes; only the first
        round of a process does.

        The network keeps the round's global weights, and the average and PESG's reference begin
        from them, as they do for a client that lives on. The iterations count those of this
        process, from which MONAI takes the weight of a client.
        """
        if engine.state.epoch or not (saved := self._last_whole()):
            return
        path = self.folder / "last.pt"
        done = saved["epoch"]
        if saved.get("job") != self.job:
            raise ValueError(
                f"{path} is not of this federated job: its config differs; choose another "
                "output_dir."
            )
        if done >= self.job_epochs:
            raise ValueError(
                f"{path} is of a federated job that is finished ({done} of "
                f"max_epochs={self.job_epochs}); choose another output_dir, or set max_epochs to "
                "rounds x local epochs."
            )
        for name, item in self.state.items():
            if name not in ("network", "average"):
                item.load_state_dict(copy.deepcopy(saved["objects"][name]))
            if hasattr(item, "set_reference"):
                item.set_reference()
        self._scaler = saved["scaler"]
        self.evaluator.state.best_metric = saved["best_metric"]
        self.evaluator.state.best_metric_epoch = saved["best_metric_epoch"]
        _restore_random_state(saved["random"])
        engine.state.epoch += done
        engine.state.max_epochs += done

    def _restore_scaler(self, engine: Trainer) -> None:
        # MONAI's trainer makes a new scaler whenever it runs, so before that there is none to
        # restore.
        state = self._scaler
        self._scaler = {}
        if state and engine.scaler is not None:
            engine.scaler.load_state_dict(state)

    def _named_weights(self) -> dict[str, Any]:
        state: Any = self.network.state_dict()  # an OrderedDict, which takes attributes
        if self.class_names is not None:
            state.class_names = list(self.class_names)
        return state

    def finish(self, engine: Trainer) -> None:
        """Write what the end of a training leaves: `model_final.pt`."""
        if engine.state.rank == 0:
            save_atomically(self._named_weights(), self.folder / "model_final.pt")
            (self.folder / "previous.pt").unlink(missing_ok=True)

    def resume(self, engine: Any) -> int:
        """Restore the last whole epoch into the engine and all objects; return its number, 0 if
        there is none.

        Call it before `engine.run()`.

        Raises:
            ValueError: neither `last.pt` nor `previous.pt` can be read, they are of another
                training, `model.pt` is damaged or missing, or the covariates are other ones.
        """
        saved = self._last_whole()
        if self.covariates is not None:
            self.covariates.write(self.folder / "covariates.json")
        best = self.folder / "model.pt"
        if not saved:
            if best.is_file():
                logger.warning(
                    "%s has no last.pt: the training begins with its first epoch again.",
                    self.folder,
                )
            return 0
        # The best epoch so far: better missed now than when the training is done.
        if best.is_file():
            load_checkpoint(best)
        elif saved["best_metric_epoch"] > 0:
            raise ValueError(
                f"{best}, the best epoch so far ({saved['best_metric_epoch']} of "
                f"{saved['epoch']}), is missing; put back a copy of it, or delete {self.folder} to "
                "train from the start."
            )
        for name, item in self.state.items():
            # LibAUC's optimizers empty the dict they load from, and torch's keep references to it.
            item.load_state_dict(copy.deepcopy(saved["objects"][name]))
        self._scaler = saved["scaler"]
        self.evaluator.state.best_metric = saved["best_metric"]
        self.evaluator.state.best_metric_epoch = saved["best_metric_epoch"]
        self.evaluator.state.epoch = saved["validation_epoch"]
        _restore_random_state(saved["random"])
        engine.state.epoch = saved["epoch"]
        engine.state.iteration = saved["iteration"]
        return saved["epoch"]

    def _last_whole(self) -> dict[str, Any]:
        """Return what `last.pt` holds, or `previous.pt` where that is damaged or missing; nothing
        if there is neither.
        """
        damaged = []
        for path in (self.folder / "last.pt", self.folder / "previous.pt"):
            if not path.is_file():
                continue
            try:
                saved = self._checked(load_checkpoint(path), path)
            except ValueError as error:
                damaged.append(str(error))
                continue
            if damaged:
                logger.warning(
                    "%s The run goes on from %s, epoch %d: nothing is lost but the time of an "
                    "epoch.",
                    damaged[0],
                    path,
                    saved["epoch"],
                )
            return saved
        if damaged:
            first = damaged[0].removesuffix("; use another file.").removesuffix(".")
            raise ValueError(
                f"{first}; and there is no sound previous.pt beside it: put back a copy of it, or "
                "train with another --output_dir."
            )
        return {}

    def _checked(self, saved: Any, path: Path) -> dict[str, Any]:
        with parts_of(path):
            missing = _OF_LAST - set(saved)
            if missing:
                raise ValueError(f"no {sorted(missing)[0]} in it")
            objects = dict(saved["objects"])
        if set(objects) != set(self.state):
            raise ValueError(
                f"{path} holds {sorted(objects)}, this run needs {sorted(self.state)}; use another "
                "--output_dir."
            )
        for name, item in self.state.items():
            if isinstance(item, nn.Module):
                require_finite(item, objects[name], path)
        return saved


def _random_state() -> dict[str, Any]:
    legacy = np.random.get_state()  # noqa: NPY002 (the global state is what is kept)
    assert isinstance(legacy, tuple)
    name, keys, position, has_gauss, cached = legacy
    version, words, gauss = random.getstate()
    state = {
        "torch": torch.get_rng_state(),
        "numpy": [name, keys.tolist(), position, has_gauss, cached],
        "python": [version, list(words), gauss],
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def _restore_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    name, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), position, has_gauss, cached))  # noqa: NPY002
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
