"""What an epoch with a frozen backbone costs: against bare compute, and with its features computed
once.

    python -m benchmarks.frozen_backbone [--backbone resnet50] [--size 224] [--cases 64]
        [--rounds 5] [--precision fp32]

Side by side in one process, in turn, warm-up left out, random weights:
- bare: forward of the frozen backbone, forward/backward/step of the head, on float batches that
  already lie in memory;
- bundle: ResidentLoader on uint8 images, the bundles' trainer and handlers; scaling only, and with
  flips, affine and noise;
- features: the same trainer on features that were computed once, before the epoch.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time

import numpy as np
import torch
from monai.engines import SupervisedTrainer

from benchmarks.training_epoch import augmentation
from medmonai.data import Balance, Cohort, Provenance, ResidentLoader
from medmonai.engines import HeadInferer, PrecisionInferer, frozen_features, prepare_process
from medmonai.handlers import LoaderEpoch, LossOutput, NonFiniteGuard, WeightAverage
from medmonai.losses import TaskLoss
from medmonai.networks import TransferNetwork, to_channels_last, transfer_network
from medmonai.task import Task
from medmonai.transforms import BatchCompose, NormalizeIntensity, ScaleIntensityRange

TASK = Task("multiclass", 7)
SCALING = BatchCompose(
    [
        ScaleIntensityRange(a_min=0.0, a_max=255.0, b_min=0.0, b_max=1.0),
        NormalizeIntensity(subtrahend=0.45, divisor=0.225),
    ]
)


def cohort(size: int, cases: int) -> Cohort:
    images = np.random.default_rng(0).integers(0, 256, (cases, 3, size, size), dtype=np.uint8)
    return Cohort(
        images,
        labels=np.arange(cases) % 7,
        ids=np.array([f"{i:06d}" for i in range(cases)]),
        task=TASK,
        class_names=tuple("abcdefg"),
        provenance=Provenance("random"),
        split="train",
    )


def network_of(options) -> TransferNetwork:
    torch.manual_seed(0)
    network = transfer_network(options.backbone, pretrained=False, num_classes=7).to(options.device)
    return to_channels_last(network) if options.channels_last else network


def bare_epoch(batches, options):
    network = network_of(options)
    inferer = PrecisionInferer(options.precision)
    loss = TaskLoss(TASK)
    optimizer = torch.optim.Adam(network.head.parameters(), lr=1e-4)
    network.backbone.eval()

    def run() -> None:
        for image, label in batches:
            optimizer.zero_grad(set_to_none=True)
            loss(inferer(image, network), label).backward()
            optimizer.step()

    return run


def bundle_epoch(cases: Cohort, transform, inferer, options):
    network = network_of(options)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    loader = ResidentLoader(
        cases,
        batch_size=options.batch_size,
        transform=transform,
        balance=Balance(),
        drop_last=True,
        device=options.device,
    )
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.98)
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
    handlers = [
        LoaderEpoch(loader),
        NonFiniteGuard(),
        LossOutput(),
        WeightAverage(average, network),
    ]

    def run() -> None:
        SupervisedTrainer(
            max_epochs=1,
            device=torch.device(options.device),
            train_data_loader=loader,
            network=network,
            optimizer=optimizer,
            loss_function=TaskLoss(TASK),
            inferer=inferer,
            train_handlers=handlers,
            decollate=False,
            optim_set_to_none=True,
        ).run()

    return run


def in_turn(ways: dict, rounds: int, device: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return each way's median wall and CPU seconds over the rounds; the first round is not
    counted.
    """
    wall: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, run in ways.items():
            began = time.perf_counter()
            began_cpu = time.process_time()
            run()
            if device != "cpu":
                torch.cuda.synchronize()
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - began_cpu)
    return tuple(
        {name: statistics.median(values[1:]) for name, values in kind.items()}
        for kind in (wall, cpu)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--cases", type=int, default=64)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--channels_last", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    # as a training does: it keeps memory instead of giving it back after each step
    prepare_process(0, device=options.device)
    torch.set_num_threads(options.threads)
    cases = cohort(options.size, options.cases)
    inferer = PrecisionInferer(options.precision)
    plain = ResidentLoader(
        cases,
        batch_size=options.batch_size,
        transform=SCALING,
        balance=Balance(),
        drop_last=True,
        device=options.device,
    )
    resident = [(batch["image"].clone(), batch["label"]) for batch in plain]
    began = time.perf_counter()
    features = frozen_features(
        cases,
        network_of(options),
        transform=SCALING,
        batch_size=options.batch_size,
        device=options.device,
        precision=options.precision,
    )
    once = time.perf_counter() - began
    took, cpu = in_turn(
        {
            "bare": bare_epoch(resident, options),
            "bundle": bundle_epoch(cases, SCALING, inferer, options),
            "augmented": bundle_epoch(cases, augmentation(), inferer, options),
            "features": bundle_epoch(features, None, HeadInferer(options.precision), options),
        },
        options.rounds,
        options.device,
    )
    print(
        f"torch {torch.__version__}, {platform.machine()}, {options.threads} thread(s), "
        f"{options.device}, median of {options.rounds} rounds; {options.backbone}, "
        f"{options.size} px, {len(resident)} iterations of {options.batch_size}, "
        f"{options.precision}{', channels_last' if options.channels_last else ''}"
    )
    print(
        f"an epoch: bare {took['bare']:.3f} s, bundle {took['bundle']:.3f} s, with augmentation "
        f"{took['augmented']:.3f} s, on features {took['features']:.4f} s; computing them once "
        f"{once:.3f} s"
    )
    print(
        f"speed bundle / bare {took['bare'] / took['bundle']:.3f}, with augmentation "
        f"{took['bare'] / took['augmented']:.3f} (aim: 0.95); by CPU seconds "
        f"{cpu['bare'] / cpu['bundle']:.3f} and {cpu['bare'] / cpu['augmented']:.3f}"
    )
    print(
        f"an epoch on features is {took['bundle'] / took['features']:.0f} times as fast; 20 epochs "
        f"with their computation {20 * took['bundle'] / (once + 20 * took['features']):.1f} times"
    )


if __name__ == "__main__":
    main()
