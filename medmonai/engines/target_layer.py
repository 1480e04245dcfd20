"""The layer whose map Grad-CAM draws: which one it is, and where its voxels lie in the image."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from monai.visualize import default_upsampler
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
LEAST_MAP = 4  # voxels per side; a smaller map says little about where


class NoTargetLayer(ValueError):
    """A network without a layer that Grad-CAM could look at."""


class LayerRun(NamedTuple):
    """What one layer did with the spatial size when the network ran."""

    name: str
    layer: nn.Module
    size_in: tuple[int, ...]
    size_out: tuple[int, ...]


def private_copy(network: nn.Module) -> nn.Module:
    """Return a float32 copy in evaluation mode, without what wraps it (DDP, DataParallel,
    AveragedModel, compile).

    Whatever is done to the copy, the network keeps its weights, gradients, modes and hooks.

    Raises:
        TypeError: a TorchScript network, which hides its layers from Python.
    """
    while True:
        if isinstance(
            network, (nn.parallel.DistributedDataParallel, nn.DataParallel, AveragedModel)
        ):
            network = network.module
        elif isinstance(original := getattr(network, "_orig_mod", None), nn.Module):
            # torch.compile
            network = original
        else:
            break
    if isinstance(network, torch.jit.ScriptModule):
        raise TypeError(
            "network is a TorchScript module, whose layers cannot be observed; give the network it "
            "was made from."
        )
    # weights copied in inference mode could not take part in a backward pass
    with torch.inference_mode(False):
        return copy.deepcopy(network).float().eval()


def layer_runs(network: nn.Module, x: torch.Tensor) -> list[LayerRun]:
    """Run a private copy on x and return its layers that map (B, C, *spatial) to (B, C, *spatial),
    as they finished.
    """
    runs: list[LayerRun] = []

    def note(name: str) -> Callable:
        def hook(layer: nn.Module, inputs: tuple, output: object) -> None:
            given = inputs[0] if inputs else None
            if (
                isinstance(given, torch.Tensor)
                and isinstance(output, torch.Tensor)
                and given.ndim == output.ndim == x.ndim
            ):
                runs.append(LayerRun(name, layer, tuple(given.shape[2:]), tuple(output.shape[2:])))

        return hook

    handles = [
        layer.register_forward_hook(note(name)) for name, layer in network.named_modules() if name
    ]
    try:
        with torch.no_grad():
            network(x)
    finally:
        for handle in handles:
            handle.remove()
    return runs


def find_target_layer(
    network: nn.Module, spatial_size: Sequence[int], *, least_map: int = LEAST_MAP
) -> str:
    """Return the name of the layer that Grad-CAM should look at.

    It is the last convolution to run whose map has at least `least_map` voxels along every axis; if
    there is none, the last one with the largest map. From the convolution the name goes outward to
    the largest block that ends with a map of that size, so that a residual block counts with its
    shortcut ("layer4" of a ResNet on 28 pixels, not "layer4.1.conv2"). MONAI wants the name from
    the user. The network is left as it was.

    Args:
        network: network, bare or wrapped; names are those of the bare one.
        spatial_size: voxels of the input along each spatial axis.
        least_map: voxels per side that the map should have.

    Raises:
        TypeError: a TorchScript network.
        NoTargetLayer: no convolution of that dimension.

    Example:
        >>> from medmonai.networks import resnet18
        >>> (
        ...     find_target_layer(resnet18(width=4), (28, 28)),
        ...     find_target_layer(resnet18(width=4), (24, 24)),
        ... )
        ('layer4', 'layer3')
    """
    network = private_copy(network)
    first = next((layer for layer in network.modules() if isinstance(layer, _CONVOLUTIONS)), None)
    if first is None or first.weight.ndim - 2 != len(spatial_size):
        kind = "no convolution" if first is None else f"{first.weight.ndim - 2}D convolutions"
        raise NoTargetLayer(
            f"{type(network).__name__} has {kind}; spatial_size={tuple(spatial_size)} needs "
            f"{len(spatial_size)}D ones. Use occlusion_map, or another network."
        )
    blank = torch.zeros((1, first.in_channels, *spatial_size), device=first.weight.device)
    return target_of(layer_runs(network, blank), least_map=least_map)


def target_of(runs: Sequence[LayerRun], *, least_map: int = LEAST_MAP) -> str:
    """Return the target layer among the layers that ran; see `find_target_layer`.

    Raises:
        NoTargetLayer: no convolution ran.
    """
    sizes = {run.name: run.size_out for run in runs}
    convolutions = [run for run in runs if isinstance(run.layer, _CONVOLUTIONS)]
    if not convolutions:
        raise NoTargetLayer("no convolution ran, so there is no target layer; use occlusion_map.")
    enough = min(least_map, max(min(run.size_out) for run in convolutions))
    chosen = [run for run in convolutions if min(run.size_out) >= enough][-1]
    name = chosen.name
    while sizes.get(name.rpartition(".")[0]) == chosen.size_out:
        name = name.rpartition(".")[0]
    return name


def _tuple(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    return (value,) * dims if isinstance(value, int) else tuple(value)


def map_geometry(
    runs: Sequence[LayerRun], size: tuple[int, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
    """Return (step, start) per axis: voxel i of a map of that size is centered on image voxel
    start + step * i.

    A layer of kernel k, stride s, padding p and dilation d multiplies the step by s and moves the
    start by step * (d (k - 1) / 2 - p). Parallel branches reach the same size the same way, so the
    first way to a size counts. None where a size is reached by something else than convolutions and
    pools.
    """
    if not runs:
        return None
    dims = len(size)
    known = {runs[0].size_in: ((1.0,) * dims, (0.0,) * dims)}
    for run in runs:
        layer = run.layer
        plain = all(hasattr(layer, word) for word in ("kernel_size", "stride", "padding"))
        if not plain or getattr(layer, "transposed", False) or isinstance(layer.padding, str):
            continue
        if run.size_in not in known or run.size_out in known:
            continue
        step, start = known[run.size_in]
        kernel, stride, padding, dilation = (
            _tuple(getattr(layer, word, 1), dims)
            for word in ("kernel_size", "stride", "padding", "dilation")
        )
        known[run.size_out] = (
            tuple(a * s for a, s in zip(step, stride)),
            tuple(
                b + a * (d * (k - 1) / 2 - p)
                for a, b, k, p, d in zip(step, start, kernel, padding, dilation)
            ),
        )
    return known.get(size)


def upsampler_for(
    runs: Sequence[LayerRun], name: str
) -> Callable[[Sequence[int]], Callable[[torch.Tensor], torch.Tensor]]:
    """Return an upsampler for MONAI's CAM classes that puts every voxel of the layer's map where it
    looks.

    MONAI's stretches the map over the image as if its voxels tiled it. A padded 3x3 convolution of
    stride 2 puts voxel i on voxel 2i, not 2i + 1/2; after three of them on 28 voxels the stretched
    map is 0 to 3 voxels off, always toward the end of the axis (nominally: trained kernels shift
    by about as much, either way). Here the map is interpolated linearly between the centers that
    the kernels, strides and paddings give, and constant beyond the outermost; where they are not
    known, MONAI's stretching is used.
    """
    size = next(run.size_out for run in reversed(runs) if run.name == name)
    geometry = map_geometry(runs, size)
    if geometry is None:
        return default_upsampler

    def upsampler(spatial_size: Sequence[int]) -> Callable[[torch.Tensor], torch.Tensor]:
        def up(x: torch.Tensor) -> torch.Tensor:
            axes = []
            for n, m, step, start in zip(spatial_size, x.shape[2:], *geometry):
                place = (torch.arange(n, device=x.device, dtype=x.dtype) - start) / step
                # -1 and 1 are the centers of the outermost voxels
                axes.append(2 * place / max(1, m - 1) - 1)
            # grid_sample wants the last axis first.
            grid = torch.stack(torch.meshgrid(*axes, indexing="ij")[::-1], dim=-1).expand(
                len(x), *[-1] * (x.ndim - 1)
            )
            return functional.grid_sample(
                x, grid, mode="bilinear", padding_mode="border", align_corners=True
            )

        return up

    return upsampler
