"""How a training uses the device: waits of the host, an epoch against bare compute, peak memory."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.bundle import ConfigParser

from benchmarks.training_epoch import epoch_times
from medmonai.networks import resnet18

from .commands import PHANTOM, PHANTOM_3D, ROOT
from .setting import Setting

# Calls of the CUDA runtime with which the host waits for the device.
WAITS = ("cudaStreamSynchronize", "cudaDeviceSynchronize", "cudaEventSynchronize", "cudaMemcpy")


def _trainer(setting: Setting, bundle: str, output: Path, **ids: object) -> Any:
    parser = ConfigParser()
    folder = ROOT / "bundles" / bundle
    parser.read_config(str(folder / "configs" / "train.json"))
    parser["bundle_root"] = str(folder)
    parser["output_dir"] = str(output)
    parser["device"] = f"$torch.device('{setting.device}')"
    for name, value in ids.items():
        parser[name] = value
    parser.parse()
    (output / "models").mkdir(parents=True, exist_ok=True)
    parser.get_parsed_content("initialize", instantiate=True)
    return parser.get_parsed_content("train#trainer")


def synchronisations(setting: Setting) -> dict[str, object]:
    """Count the host's waits inside the training loop of a bundle, where they are, and per epoch.

    Inside: between the first and the last iteration of an epoch, by torch's own warnings
    (`set_sync_debug_mode`) and by the profiler. A whole epoch has the validation and the checkpoint
    besides.
    """
    found = {}
    cases = 256 if setting.small else 1000
    for bundle, precision in (
        (PHANTOM, "auto"),
        (PHANTOM, "fp16" if setting.cuda else "fp32"),
        (PHANTOM_3D, "auto"),
    ):
        output = setting.output / f"{bundle}-{precision}"
        epochs = {"max_epochs": 4, "warmup_epochs": 2, "precision": precision}
        trainer = _trainer(setting, bundle, output, train_cases=cases, **epochs)
        found[f"{bundle} {precision}"] = _waits(setting, trainer)
    return found


class _Waits:
    """Where the host waits for the device while it listens, by torch's own warnings."""

    def __init__(self, cuda: bool) -> None:
        self.cuda = cuda
        self.places: Counter[str] = Counter()
        self._shown = warnings.showwarning

    def listen(self) -> None:
        warnings.simplefilter("always")
        warnings.showwarning = self._note
        if self.cuda:
            torch.cuda.set_sync_debug_mode("warn")

    def rest(self) -> None:
        if self.cuda:
            torch.cuda.set_sync_debug_mode("default")
        warnings.showwarning = self._shown

    def _note(self, message: Any, category: Any, filename: str, line: int, *rest: Any) -> None:
        if "synchronizing CUDA operation" in str(message):
            self.places[f"{Path(filename).name}:{line}"] += 1


def _waits(setting: Setting, trainer: Any) -> dict[str, object]:
    # The first epoch allocates and warms up; the second and the fourth are one of each stage.
    length = trainer.state.epoch_length
    waits = _Waits(setting.cuda)
    for epoch in (2, 4):
        first, last = (epoch - 1) * length + 2, epoch * length
        trainer.add_event_handler(Events.ITERATION_STARTED(once=first), waits.listen)
        trainer.add_event_handler(Events.ITERATION_STARTED(once=last), waits.rest)
    with warnings.catch_warnings(), _profiler(setting) as profiler:
        trainer.run()
    calls = Counter(event.name for event in profiler.events() if event.name in WAITS)
    return {
        "iterations looked at": 2 * (length - 2),
        "waits in them": dict(waits.places),
        "runtime calls in all 4 epochs, validation and checkpoint included": dict(calls),
    }


def _profiler(setting: Setting) -> torch.profiler.profile:
    activity = torch.profiler.ProfilerActivity
    kind = activity.CUDA if setting.cuda else activity.CPU
    return torch.profiler.profile(activities=[kind], acc_events=True)


def epochs(setting: Setting) -> dict[str, object]:
    """Compare an epoch of the bundle's way with the bare loop on batches that lie ready."""
    found = {}
    cases = 256 if setting.small else 6400
    for name, dims, width, batch, chosen in (
        ("ResNet-18 width 32, 28 x 28, fp32", 2, 32, 128, "fp32"),
        ("ResNet-18 width 32, 28 x 28, bf16", 2, 32, 128, "bf16"),
        ("ResNet-18 width 16, 28 x 28 x 28, bf16", 3, 16, 32, "bf16"),
    ):
        if setting.small and (dims == 3 or width > 32 or chosen == "bf16"):
            continue
        stem = "small" if dims == 2 else "small_stride2"
        if setting.cuda:
            torch.cuda.reset_peak_memory_stats()
        took = epoch_times(
            lambda: resnet18(spatial_dims=dims, width=width, stem=stem),  # noqa: B023
            (28,) * dims,
            cases=cases if dims == 2 else cases // 10,
            batch_size=batch,
            precision=chosen,
            device=setting.device,
            rounds=1 if setting.small else 5,
        )
        peak = torch.cuda.max_memory_allocated() / 2**20 if setting.cuda else None
        found[name] = {
            "seconds": took,
            "bare / bundle": took["bare"] / took["bundle"],
            "images a second": (cases if dims == 2 else cases // 10)
            // batch
            * batch
            / took["bundle"],
            "peak MiB": peak,
        }
    return found
