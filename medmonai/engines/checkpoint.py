"""Checkpoints: written whole or not at all, loaded without running anything, enough to go on bit for bit."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from torch import nn

from medmonai.whole_files import replacing


def save_atomically(content: Any, path: str | Path) -> None:
    """Write a checkpoint, and its folder if need be, so that a kill at any moment leaves the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Through an open file: given a path, torch writes its name into the archive, and equal weights get different hashes.
    with replacing(path, overwrite=True) as temporary, temporary.open("wb") as file:
        torch.save(content, file)


def load_checkpoint(path: str | Path) -> Any:
    """Load a checkpoint onto the CPU with `weights_only=True`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut off, damaged, or holds more than tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}; train first, or name one with --ckpt_path FILE.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} is not a readable checkpoint of weights ({reason}); use another file.") from error


def load_weights(network: nn.Module, path: str | Path) -> nn.Module:
    """Load a state dict (plain, or under "model") into a network of the same make and return the network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read, or its names or shapes are those of another network.
    """
    state = load_checkpoint(path)
    state = state.get("model", state) if isinstance(state, Mapping) else state
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        detail = lines[1] if len(lines) > 1 else lines[0]
        raise ValueError(f"{path} holds the weights of another network ({detail[:160]}); use the network_def it was "
                         "trained with.") from error
    return network


class RunCheckpoint:
    """Keep `models/model.pt` (best validation AUC), `models/model_final.pt` and `models/last.pt` of a run, on rank 0.

    `model.pt` and `model_final.pt` are plain state dicts of `network` (the averaged one, if weights are averaged), as
    MONAI's tools read them. `last.pt` holds everything that decides the epochs to come: network, average, optimisers,
    loss, scheduler, GradScaler (fp16), engine counters, random states. With it, a run that is started again goes on after
    the last whole epoch and ends with the same bits as an uninterrupted one (on a CPU). MONAI's `CheckpointSaver` keeps
    what it is given and neither counters nor random states, and its best score is forgotten by a new process.

    Args:
        folder: where the files are kept.
        network: the network whose weights are kept as the result.
        evaluator: the validation engine; its best epoch decides.
        state: name -> object with `state_dict`/`load_state_dict`; what `last.pt` holds besides counters.
    """

    def __init__(self, folder: str | Path, *, network: nn.Module, evaluator: Any, state: Mapping[str, Any]) -> None:
        self.folder, self.network, self.evaluator, self.state = Path(folder), network, evaluator, dict(state)
        self._scaler: dict[str, Any] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer, after its ValidationHandler and everything that changes state at the end of an epoch."""
        engine.add_event_handler(Events.STARTED, self._restore_scaler)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._save)
        engine.add_event_handler(Events.COMPLETED, self.finish)

    def _save(self, engine: Engine) -> None:
        if engine.state.rank != 0:
            return
        best = self.evaluator.state
        if best.best_metric_epoch == engine.state.epoch:
            save_atomically(self.network.state_dict(), self.folder / "model.pt")
        save_atomically(
            {
                "objects": {name: item.state_dict() for name, item in self.state.items()},
                "epoch": engine.state.epoch, "iteration": engine.state.iteration,
                "best_metric": float(best.best_metric), "best_metric_epoch": best.best_metric_epoch,
                "validation_epoch": best.epoch,
                "scaler": engine.scaler.state_dict() if engine.scaler is not None else {},
                "random": _random_state(),
            },
            self.folder / "last.pt",
        )

    def _restore_scaler(self, engine: Engine) -> None:
        # MONAI's trainer makes a new scaler whenever it runs, so before that there is none to restore.
        state, self._scaler = self._scaler, {}
        if state and engine.scaler is not None:
            engine.scaler.load_state_dict(state)

    def finish(self, engine: Engine) -> None:
        """Write what the end of a training leaves: `model_final.pt`."""
        if engine.state.rank == 0:
            save_atomically(self.network.state_dict(), self.folder / "model_final.pt")

    def resume(self, engine: Any) -> int:
        """Restore the last whole epoch into the engine and all objects; return its number, 0 if there is none.

        Call it before `engine.run()`.
        """
        path = self.folder / "last.pt"
        if not path.is_file():
            return 0
        saved = load_checkpoint(path)
        if set(saved["objects"]) != set(self.state):
            raise ValueError(f"{path} holds {sorted(saved['objects'])}, this run needs {sorted(self.state)}; "
                             "use another --output_dir.")
        for name, item in self.state.items():
            # LibAUC's optimisers empty the dict they load from, and torch's keep references to it.
            item.load_state_dict(copy.deepcopy(saved["objects"][name]))
        self._scaler = saved["scaler"]
        self.evaluator.state.best_metric = saved["best_metric"]
        self.evaluator.state.best_metric_epoch = saved["best_metric_epoch"]
        self.evaluator.state.epoch = saved["validation_epoch"]
        _restore_random_state(saved["random"])
        engine.state.epoch, engine.state.iteration = saved["epoch"], saved["iteration"]
        return saved["epoch"]


def _random_state() -> dict[str, Any]:
    name, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002 (the global state is what is kept)
    version, words, gauss = random.getstate()
    state = {
        "torch": torch.get_rng_state(), "numpy": [name, keys.tolist(), position, has_gauss, cached],
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
