"""How much a training loses to everything that is not the network: a whole epoch, and the engine's
time per iteration.

    python -m benchmarks.training_epoch [--rounds 5] [--threads 1] [--device cpu]

Side by side in one process, in turn, warm-up left out: a bare forward/backward/step loop on float
batches that already lie in memory, and the bundle's way (ResidentLoader, augmentation, MONAI's
SupervisedTrainer with the bundle's handlers).
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import numpy as np
import torch
from monai.engines import SupervisedTrainer
from torch import nn

from medmonai.data import Balance, Cohort, Provenance, ResidentLoader
from medmonai.engines import PrecisionInferer
from medmonai.handlers import LoaderEpoch, LossOutput, NonFiniteGuard, WeightAverage
from medmonai.losses import TaskLoss
from medmonai.networks import resnet18, to_channels_last
from medmonai.task import Task
from medmonai.transforms import (
    BatchCompose,
    NormalizeIntensity,
    RandAffine,
    RandFlip,
    RandGaussianNoise,
    ScaleIntensityRange,
)

TASK = Task("binary", 2)


class Nothing(nn.Module):
    """The smallest network there is: a weight times the mean of the image."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 1)."""
        return self.linear(x.flatten(1)[:, :1])


def cohort(shape: tuple[int, ...], cases: int) -> Cohort:
    rng = np.random.default_rng(0)
    return Cohort(
        rng.integers(0, 256, (cases, 1, *shape), dtype=np.uint8),
        labels=np.arange(cases) % 2,
        ids=np.array([f"{i:06d}" for i in range(cases)]),
        task=TASK,
        class_names=("a", "b"),
        provenance=Provenance("random"),
        split="train",
    )


def augmentation() -> BatchCompose:
    return BatchCompose(
        [
            ScaleIntensityRange(a_min=0.0, a_max=255.0, b_min=0.0, b_max=1.0),
            RandFlip(prob=0.5, spatial_axis=1),
            RandAffine(
                prob=0.5,
                rotate_range=0.2,
                scale_range=0.1,
                translate_range=2.0,
                padding_mode="zeros",
            ),
            RandGaussianNoise(prob=0.5, std=0.05),
            NormalizeIntensity(subtrahend=0.5, divisor=0.25),
        ]
    )


def network_and_optimizer(make, device: str) -> tuple[nn.Module, torch.optim.Optimizer]:
    network = make().to(device)
    network = network if isinstance(network, Nothing) else to_channels_last(network)
    return network, torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)


def bare_epoch(make, batches, inferer, device: str):
    network, optimizer = network_and_optimizer(make, device)
    loss_function = TaskLoss(task=TASK)

    def run() -> None:
        network.train()
        for image, label in batches:
            optimizer.zero_grad(set_to_none=True)
            loss_function(inferer(image, network), label).backward()
            optimizer.step()

    return run


def engine_epoch(make, loader, inferer, device: str, *, average: bool):
    network, optimizer = network_and_optimizer(make, device)
    handlers = [LoaderEpoch(loader), NonFiniteGuard(), LossOutput()]
    if average:
        ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)
        averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
        handlers.append(WeightAverage(averaged, network))

    def run() -> None:
        SupervisedTrainer(
            max_epochs=1,
            device=torch.device(device),
            train_data_loader=loader,
            network=network,
            optimizer=optimizer,
            loss_function=TaskLoss(task=TASK),
            inferer=inferer,
            train_handlers=handlers,
            decollate=False,
            optim_set_to_none=True,
        ).run()

    return run


def in_turn(ways: dict, rounds: int, device: str) -> dict[str, float]:
    """Return each way's median seconds over the rounds; the first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, run in ways.items():
            began = time.perf_counter()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def epoch_times(
    make, shape, *, cases: int, batch_size: int, precision: str, device: str, rounds: int
) -> dict[str, float]:
    """Return the seconds of an epoch: bare loop, engine, and engine with the weight average."""
    inferer = PrecisionInferer(precision)
    loader = ResidentLoader(
        cohort(shape, cases),
        batch_size=batch_size,
        transform=augmentation(),
        balance=Balance(),
        drop_last=True,
        device=device,
    )
    plain = ResidentLoader(
        cohort(shape, cases),
        batch_size=batch_size,
        balance=Balance(),
        drop_last=True,
        device=device,
    )
    resident = [(b["image"].clone(), b["label"]) for b in plain]
    return in_turn(
        {
            "bare": bare_epoch(make, resident, inferer, device),
            "engine": engine_epoch(make, loader, inferer, device, average=False),
            "bundle": engine_epoch(make, loader, inferer, device, average=True),
        },
        rounds,
        device,
    )


def compare(
    name: str, make, shape, *, cases: int, batch_size: int, precision: str, options
) -> None:
    took = epoch_times(
        make,
        shape,
        cases=cases,
        batch_size=batch_size,
        precision=precision,
        device=options.device,
        rounds=options.rounds,
    )
    print(
        f"{name}: {cases // batch_size} iterations of {batch_size}; bare {took['bare']:.3f} s, "
        f"bundle {took['bundle']:.3f} s, speed bundle / bare {took['bare'] / took['bundle']:.3f} "
        f"(without weight average {took['bare'] / took['engine']:.3f})"
    )


def overhead(options) -> None:
    """The engine's time above a bare loop, with a network of nothing and no augmentation."""
    loader = ResidentLoader(
        cohort((28, 28), 128 * 200), batch_size=128, balance=Balance(), drop_last=True
    )
    fixed = next(iter(loader))

    class Constant(list):
        def set_epoch(self, epoch: int) -> None:
            pass

    batches = Constant([fixed] * 200)
    took = in_turn(
        {
            "bare": bare_epoch(
                Nothing, [(fixed["image"], fixed["label"])] * 200, PrecisionInferer(), "cpu"
            ),
            "engine": engine_epoch(Nothing, batches, PrecisionInferer(), "cpu", average=True),
        },
        options.rounds,
        "cpu",
    )
    print(
        f"engine overhead above a bare loop: {(took['engine'] - took['bare']) / 200 * 1e3:.3f} ms "
        "an iteration (SupervisedTrainer, LoaderEpoch, NonFiniteGuard, LossOutput, WeightAverage)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"torch {torch.__version__}, {platform.machine()}, {options.threads} thread(s), "
        f"{options.device}, median of {options.rounds} rounds"
    )
    compare(
        "ResNet-18 width 32, 28 x 28, bf16",
        lambda: resnet18(width=32),
        (28, 28),
        cases=1280,
        batch_size=128,
        precision="bf16",
        options=options,
    )
    compare(
        "ResNet-18 width 16, 28 x 28 x 28, fp32",
        lambda: resnet18(spatial_dims=3, width=16, stem="small_stride2"),
        (28, 28, 28),
        cases=160,
        batch_size=32,
        precision="fp32",
        options=options,
    )
    overhead(options)


if __name__ == "__main__":
    main()
