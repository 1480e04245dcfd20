"""Memory layout and low precision: what a given network may use."""

from __future__ import annotations

import torch
from torch import nn

from .covariates import fixed_covariates

_CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
LEAST_BF16_MAP = 3


def memory_format_for(network: nn.Module) -> torch.memory_format:
    """Return the channels-last layout that fits the network's convolutions, 2D or 3D.

    Raises:
        ValueError: the network has neither 2D nor 3D convolutions, or both.

    Example:
        >>> memory_format_for(nn.Conv3d(1, 2, 3))
        torch.channels_last_3d
    """
    dims = sorted(
        {
            module.weight.ndim - 2
            for module in network.modules()
            if isinstance(module, _CONVOLUTIONS)
        }
    )
    if dims == [2]:
        return torch.channels_last
    if dims == [3]:
        return torch.channels_last_3d
    raise ValueError(
        f"{type(network).__name__} has convolutions of dimensions {dims}; channels_last needs 2D "
        "or 3D ones."
    )


def to_channels_last(network: nn.Module) -> nn.Module:
    """Move the network's weights to the channels-last layout, in place, and return the network.

    Give it inputs of the same layout (`x.to(memory_format=memory_format_for(network))`). It is not
    always faster: measured on a CPU it gives 1.1 to 1.45 times the speed in 2D and 1.0 to 1.1 times
    in 3D, but 0.42 times for a 3D ResNet with the "standard" stem. So it is a choice, not a
    default; time one step before and after. Call it before the optimizer is built.

    Raises:
        ValueError: see `memory_format_for`.

    Example:
        >>> network = to_channels_last(nn.Conv2d(2, 4, 3))
        >>> network.weight.is_contiguous(memory_format=torch.channels_last)
        True
    """
    # torch's overloads of Module.to leave memory_format out.
    return network.to(memory_format=memory_format_for(network))  # pyright: ignore[reportCallIssue]


def bf16_is_safe(network: nn.Module, spatial_size: tuple[int, ...] | list[int]) -> tuple[bool, str]:
    """Say whether the network may train in bf16 on a CPU with inputs of that size, and why.

    On CPUs the weight gradient of a bf16 convolution over a map with fewer than 3 voxels per side
    is wrong and differs from run to run, sometimes non-finite (torch 2.13, oneDNN; float32 and
    larger maps are exact). One blank sample is sent through the network to see the input and output
    map of every convolution. The network is left as it was: evaluation mode while it runs, no
    gradients, no random numbers, no change of buffers. On CUDA the question does not arise.

    Args:
        network: network, bare or wrapped; on any device, in any mode.
        spatial_size: voxels of the input along each spatial axis.

    Returns:
        (safe, reason): the reason is one line that can be logged.

    Example:
        >>> bf16_is_safe(nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1)), (28, 28))
        (True, 'the smallest map of a convolution is 14x14 (layer 0); bf16 is exact from 3 a side')
        >>> bf16_is_safe(nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1)), (4, 4))[0]
        False
    """
    if isinstance(network, torch.jit.ScriptModule):
        return (
            False,
            "a TorchScript network hides its convolutions, so their maps cannot be checked",
        )
    network = (
        network.module if isinstance(network, nn.parallel.DistributedDataParallel) else network
    )
    maps = _maps(network, tuple(spatial_size))
    if not maps:
        return True, "the network has no convolutions"
    size, name = min(maps, key=lambda item: min(item[0]))
    text = (
        f"the smallest map of a convolution is {'x'.join(map(str, size))} (layer "
        f"{name or 'itself'})"
    )
    if min(size) < LEAST_BF16_MAP:
        return False, f"{text}; bf16 gradients on a CPU are wrong below {LEAST_BF16_MAP} a side"
    return True, f"{text}; bf16 is exact from {LEAST_BF16_MAP} a side"


def _maps(network: nn.Module, spatial_size: tuple[int, ...]) -> list[tuple[tuple[int, ...], str]]:
    """Return the smaller of input and output size of every convolution that ran, with the layer's
    name.
    """
    convolutions = [
        (name, module)
        for name, module in network.named_modules()
        if isinstance(module, _CONVOLUTIONS)
    ]
    if not convolutions:
        return []
    maps: list[tuple[tuple[int, ...], str]] = []

    def note(name: str):
        def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            maps.append((min(tuple(inputs[0].shape[2:]), tuple(output.shape[2:]), key=min), name))

        return hook

    first = convolutions[0][1]
    blank = torch.zeros(
        (1, first.in_channels, *spatial_size), dtype=first.weight.dtype, device=first.weight.device
    )
    modes = [(module, module.training) for module in network.modules()]
    handles = [module.register_forward_hook(note(name)) for name, module in convolutions]
    try:
        network.eval()
        with torch.no_grad(), fixed_covariates(network):
            network(blank)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
    return maps
