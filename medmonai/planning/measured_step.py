"""What a training step of a plan takes on this machine, measured with the plan's own trainer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medmonai.baselines import image_features
from medmonai.bundle import trial_of_training
from medmonai.data import Cohort, Provenance
from medmonai.task import Task

from .look import Look

if TYPE_CHECKING:
    import torch

_STEPS = 3  # timed, after one of warm-up
_TEXTURES = 16  # images


@dataclass(frozen=True)
class MeasuredStep:
    """One training step of a plan.

    Args:
        seconds: of a step: gather, augment, forward, loss, backward, update (median of 3).
        forward_seconds: of the network alone on a batch, without gradients.
        kept_bytes: what the network keeps of a batch for the way back.
        weight_bytes: of its weights.
        texture_seconds: for the texture features of one image.
    """

    seconds: float
    forward_seconds: float
    kept_bytes: int
    weight_bytes: int
    texture_seconds: float


def measure_step(look: Look, recipe: Mapping[str, Any], size: list[int]) -> MeasuredStep:
    """Measure the trainer that a recipe describes on a few batches of noise.

    The bundle is rendered and its own trainer runs without its handlers, so augmentation,
    precision, memory layout, loss and optimizer are those of the training.

    Args:
        look: at the data.
        recipe: of the bundle.
        size: voxels along each axis.
    """
    import torch
    from ignite.engine import Events

    batches = recipe["batch_size"] * (_STEPS + 1)
    noise = _noise(look.task, batches, (look.in_channels, *size))
    # Covariates take no time beside the images, and noise has none.
    of_images = {name: one for name, one in recipe["dataset"].items() if name != "covariates"}
    trainer, inferer = trial_of_training({**recipe, "dataset": of_images}, noise)
    ends: list[float] = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda _: ends.append(_now()))
    trainer.run()
    network = trainer.network
    x = torch.rand((recipe["batch_size"], look.in_channels, *size), device=trainer.state.device)
    kept = _kept_bytes(lambda: inferer(x, network))
    network.eval()
    with torch.no_grad():
        forward = _seconds(lambda: inferer(x, network))
    few = noise.images[:_TEXTURES]
    textures = _seconds(lambda: image_features(few, "intensity_texture"))
    return MeasuredStep(
        seconds=float(np.median(np.diff(ends))),
        forward_seconds=forward,
        kept_bytes=kept,
        weight_bytes=sum(p.numel() * p.element_size() for p in network.parameters()),
        texture_seconds=textures / len(few),
    )


def _seconds(run: Callable[[], Any]) -> float:
    """Return the median time of three calls, after one of warm-up."""
    run()
    seconds = []
    for _ in range(_STEPS):
        begun = _now()
        run()
        seconds.append(_now() - begun)
    return float(np.median(seconds))


def _now() -> float:
    """Return the time when a GPU has done what it was given."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _noise(task: Task, cases: int, shape: tuple[int, ...]) -> Cohort:
    """Return cases of uniform noise; each class or label occurs."""
    rows = np.arange(cases)
    labels = rows % task.num_classes
    if not task.exclusive:
        labels = (rows[:, None] + np.arange(task.num_classes)) % 2
    return Cohort(
        np.random.default_rng(0).integers(0, 256, (cases, *shape), dtype=np.uint8),
        labels=labels,
        ids=rows.astype(str),
        task=task,
        class_names=tuple(f"class {i}" for i in range(task.num_classes)),
        provenance=Provenance("noise"),
        split="train",
    )


def _kept_bytes(run: Callable[[], Any]) -> int:
    """Return the bytes that autograd keeps of a forward pass for the way back."""
    from torch.autograd.graph import saved_tensors_hooks

    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        output = run()
    del output
    return sum(kept.values())
