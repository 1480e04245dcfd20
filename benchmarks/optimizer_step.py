"""Time of one optimizer step: PESG here, LibAUC's, and torch's SGD, on the tensors of ResNet-18 and
DenseNet-121.

    OMP_NUM_THREADS=1 python -m benchmarks.optimizer_step [--rounds 15] [--device cpu] [--threads 1]

All optimizers step on their own copy of the same weights and gradients in one process, one after
the other in each round; the first rounds are not counted. The ratio is to torch's foreach SGD with
momentum and without weight decay (the least it can do). PESG does more: it clips, decays toward
zero and toward a reference, and sums the weights.
"""

from __future__ import annotations

import argparse
import copy
import platform
import statistics
import time
from collections.abc import Callable

import libauc
import monai
import monai.losses
import torch
from libauc.optimizers import PESG as LibAUC
from torch import nn

from medmonai.networks import densenet121, resnet18
from medmonai.optimizers import PESG

WARM_UP = 3
BASE = "torch SGD momentum, foreach"


def with_gradients(network: nn.Module) -> nn.Module:
    network = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.grad = (0.01 * torch.randn(parameter.shape, generator=generator)).to(
            parameter.device
        )
    return network


def loss_with_gradients(device: torch.device) -> nn.Module:
    loss_fn = monai.losses.AUCMLoss().to(device)
    for variable in (loss_fn.a, loss_fn.b, loss_fn.alpha):
        variable.grad = torch.zeros_like(variable)
    return loss_fn


def steps(network: nn.Module, device: torch.device) -> dict[str, Callable[[], object]]:
    """Build every contender on its own copy; the learning rate is small so that the weights stay
    what they are.
    """

    def parameters():
        return list(with_gradients(network).parameters())

    sgd = {"lr": 1e-3, "momentum": 0.9}
    contenders = {
        BASE: torch.optim.SGD(parameters(), foreach=True, **sgd),
        "torch SGD momentum + weight decay, foreach": torch.optim.SGD(
            parameters(), foreach=True, weight_decay=1e-5, **sgd
        ),
        "torch SGD momentum + weight decay, fused": torch.optim.SGD(
            parameters(), fused=True, weight_decay=1e-5, **sgd
        ),
        "medmonai PESG": PESG(parameters(), loss_fn=loss_with_gradients(device), lr=1e-3),
        "LibAUC PESG": LibAUC(
            parameters(), loss_fn=loss_with_gradients(device), lr=1e-3, verbose=False, device=device
        ),
    }
    return {name: optimizer.step for name, optimizer in contenders.items()}


def milliseconds(step: Callable[[], object], device: torch.device) -> float:
    """Time one step: CPU time on one thread, which other programs disturb least, else the clock."""
    clock = (
        time.process_time
        if device.type == "cpu" and torch.get_num_threads() == 1
        else time.perf_counter
    )
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = clock()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (clock() - start)


def measure(network: nn.Module, device: torch.device, rounds: int) -> dict[str, list[float]]:
    contenders = steps(network.to(device), device)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(WARM_UP + rounds):
        for name, step in contenders.items():
            passed = milliseconds(step, device)
            if number >= WARM_UP:
                times[name].append(passed)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.rounds < 5:
        parser.error(f"--rounds {arguments.rounds}: at least 5 are needed for a median.")
    torch.set_num_threads(arguments.threads)
    device = torch.device(arguments.device)
    place = (
        torch.cuda.get_device_name()
        if device.type == "cuda"
        else platform.processor() or platform.machine()
    )
    print(
        f"torch {torch.__version__}, monai {monai.__version__}, libauc "
        f"{getattr(libauc, '__version__', '2')}, {place}, {arguments.threads} thread(s), median of "
        f"{arguments.rounds} rounds, ms (fastest round)"
    )
    for title, build in (("ResNet-18 2D", resnet18), ("DenseNet-121", densenet121)):
        torch.manual_seed(0)
        network = build()
        tensors = list(network.parameters())
        print(
            "\n"
            f"{title}: {sum(p.numel() for p in tensors) / 1e6:.1f} M weights in "
            f"{len(tensors)} tensors"
        )
        times = measure(network, device, arguments.rounds)
        base = statistics.median(times[BASE])
        for name, values in times.items():
            middle = statistics.median(values)
            print(f"  {name:44s} {middle:8.2f} ({min(values):.2f})   x{middle / base:.2f}")


if __name__ == "__main__":
    main()
