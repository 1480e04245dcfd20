"""One training step: of the optimizers, eager beside captured, and of many networks at once."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional as F

from benchmarks.optimizer_step import BASE, measure
from medmonai.networks import densenet121, resnet18, to_channels_last

from .setting import Setting

STEPS = 10


def optimizers(setting: Setting) -> dict[str, object]:
    """Time a step of PESG here and in LibAUC beside torch's foreach SGD."""
    found = {}
    for name, make in (("ResNet-18", resnet18), ("DenseNet-121", densenet121)):
        times = measure(make(), torch.device(setting.device), 1 if setting.small else 30)
        medians = {way: statistics.median(values) for way, values in times.items()}
        base = medians[BASE]
        found[name] = {
            "milliseconds": medians,
            "times torch's foreach SGD": {way: value / base for way, value in medians.items()},
        }
        if setting.small:
            break
    return found


def _networks(setting: Setting) -> dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]]:
    all_ = {
        "ResNet-18 width 32, 128 x 28 x 28": (
            lambda: resnet18(width=32, stem="small"),
            (128, 1, 28, 28),
        ),
        "ResNet-18 width 16, 32 x 28 x 28 x 28": (
            lambda: resnet18(spatial_dims=3, width=16, stem="small_stride2"),
            (32, 1, 28, 28, 28),
        ),
        "DenseNet-121, 64 x 64 x 64": (densenet121, (64, 1, 64, 64)),
    }
    if setting.small:
        return {"ResNet-18 width 8": (lambda: resnet18(width=8, stem="small"), (8, 1, 28, 28))}
    return all_


def captured(setting: Setting) -> dict[str, object]:
    """Time a step (bf16 forward, backward, fused SGD) eager, as a CUDA graph, and compiled."""
    found = {}
    for name, (make, shape) in _networks(setting).items():
        torch.manual_seed(0)
        x = torch.randn(shape, device=setting.device)
        y = (torch.rand(shape[0], 1, device=setting.device) > 0.5).float()
        ways = {"eager": _step(make, x, y, setting)}
        failed = {}
        builds = {}
        if setting.cuda:
            # One network is enough to compare compiling: it takes most of a minute for each.
            compiled = {} if found else {"torch.compile": _compiled}
            for way, build in {"CUDA graph": _graph, **compiled}.items():
                began = time.perf_counter()
                try:
                    ways[way] = build(make, x, y, setting)
                    builds[way] = time.perf_counter() - began
                except Exception as error:  # a way that fails is a finding; the others go on
                    failed[way] = f"{type(error).__name__}: {error}"[:400]
        repeated = {way: partial(_repeat, step) for way, step in ways.items()}
        took = setting.in_turn(repeated)
        milliseconds = {way: 1e3 * t["median"] / STEPS for way, t in took.items()}
        found[name] = {
            "milliseconds a step": milliseconds,
            "times as fast as eager": {
                way: milliseconds["eager"] / value for way, value in milliseconds.items()
            },
            "seconds to build": builds,
            "failed": failed,
        }
    return found


def _repeat(step: Callable[[], object]) -> None:
    for _ in range(STEPS):
        step()


def _loss(
    network: nn.Module, x: torch.Tensor, y: torch.Tensor, *, half: bool = True
) -> torch.Tensor:
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        logits = network(x)
    return F.binary_cross_entropy_with_logits(logits.float(), y)


def _parts(
    make: Callable[[], nn.Module], setting: Setting
) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = to_channels_last(make().to(setting.device)).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, fused=True)
    return network, optimizer


def _step(
    make: Callable[[], nn.Module], x: torch.Tensor, y: torch.Tensor, setting: Setting
) -> Callable[[], object]:
    network, optimizer = _parts(make, setting)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        _loss(network, x, y).backward()
        optimizer.step()

    return step


def _compiled(
    make: Callable[[], nn.Module], x: torch.Tensor, y: torch.Tensor, setting: Setting
) -> Callable[[], object]:
    network, optimizer = _parts(make, setting)
    compiled = torch.compile(network)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        _loss(compiled, x, y).backward()
        optimizer.step()

    step()
    return step


def _graph(
    make: Callable[[], nn.Module], x: torch.Tensor, y: torch.Tensor, setting: Setting
) -> Callable[[], object]:
    network, optimizer = _parts(make, setting)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            optimizer.zero_grad(set_to_none=True)
            _loss(network, x, y).backward()
            optimizer.step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        _loss(network, x, y).backward()
        optimizer.step()
    return graph.replay


def stacked(setting: Setting) -> dict[str, object]:
    """Time one float32 step of K networks: one after the other, and stacked by torch.func."""
    found: dict[str, object] = {}
    for name, (make, shape) in list(_networks(setting).items())[:2]:
        for count in (1, 2) if setting.small else (1, 4, 16, 64):
            found[f"{name}, K={count}"] = _stacked(make, shape, count, setting)
    return found


def _stacked(
    make: Callable[[], nn.Module], shape: tuple[int, ...], count: int, setting: Setting
) -> dict[str, object]:
    torch.manual_seed(0)
    networks = [make().to(setting.device).train() for _ in range(count)]
    x = torch.randn(count, *shape, device=setting.device)
    y = (torch.rand(count, shape[0], 1, device=setting.device) > 0.5).float()
    alone = networks[0]
    optimizer = torch.optim.SGD(alone.parameters(), lr=0.01, momentum=0.9, fused=True)

    def one() -> None:
        optimizer.zero_grad(set_to_none=True)
        _loss(alone, x[0], y[0], half=False).backward()
        optimizer.step()

    params, buffers = stack_module_state(networks)
    together = list(params.values())
    for value in together:
        value.requires_grad_(False)
    base = copy.deepcopy(networks[0])
    many = torch.optim.SGD(together, lr=0.01, momentum=0.9, fused=True)

    def loss(own: dict, state: dict, image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        logits = functional_call(base, (own, state), (image,))
        return F.binary_cross_entropy_with_logits(logits, label)

    gradient = vmap(grad_and_value(loss), randomness="different")

    def all_at_once() -> None:
        gradients, _ = gradient(params, buffers, x, y)
        for key, value in params.items():
            value.grad = gradients[key]
        many.step()

    steps = {"one network": partial(_repeat, one), "stacked": partial(_repeat, all_at_once)}
    took = setting.in_turn(steps, rounds=5)
    each = 1e3 * took["one network"]["median"] / STEPS
    stack = 1e3 * took["stacked"]["median"] / STEPS
    return {
        "milliseconds of one network": each,
        "milliseconds stacked": stack,
        "times as fast as one by one": count * each / stack,
    }
