"""Where in an image a network finds its evidence: Grad-CAM and occlusion in 2D and 3D, using
MONAI's classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal, get_args

import numpy as np
import torch
from monai.visualize import GradCAM, GradCAMpp, ModelWithHooks, OcclusionSensitivity
from torch import nn

from .saliency_input import as_images, class_indices, class_score, logits_of
from .target_layer import layer_runs, private_copy, target_of, upsampler_for

CamMethod = Literal["gradcam", "gradcam++"]
_CAMS = {"gradcam": GradCAM, "gradcam++": GradCAMpp}
_FILLS = ("mean_img", "mean_patch", "gaussian")


def grad_cam(
    network: nn.Module,
    images: torch.Tensor | np.ndarray,
    *,
    class_index: int | Sequence[int],
    target_layer: str | None = None,
    method: CamMethod = "gradcam",
) -> np.ndarray:
    """Map where the target layer's activations raise the logit of a class.

    Grad-CAM: ReLU(sum_k w_k A_k), where A_k are the layer's channels and w_k is the mean of the
    class logit's gradient over channel k; Grad-CAM++ weights the gradients by their second and
    third powers. The map is interpolated to the image, with each map voxel at the position given by
    kernels, strides and paddings, and divided by its maximum: 0 is no evidence for the class, 1 the
    most in that image. The strength of maps is therefore not comparable between images, and an
    image without evidence keeps a map of zeros. A layer with 4 voxels per side, whose trained
    kernels may be off-center, localizes to within several image voxels at best. Far from the head,
    the mean gradient is less informative, and Grad-CAM may miss the location.

    MONAI's `GradCAM` and `GradCAMpp` compute it, with workarounds for their problems: they have no
    class 0 or 1 for a network with one logit, fail on channels_last gradients and if an in-place
    operation follows the layer, mix up the cases of a batch (++), invert the map, and leave hooks,
    cleared gradients and changed modes behind.

    Args:
        network: network that returns logits (B, outputs), bare or wrapped; left unchanged.
        images: (N, C, *spatial) as input to the network, that is, transformed.
        class_index: the class for all images, or one each. A network with one logit has the classes
            0 and 1: the logit scores class 1, its negative class 0. Otherwise, the index of the
            output.
        target_layer: name of a layer of the bare network; by default `find_target_layer` chooses.
        method: "gradcam" or "gradcam++".

    Returns:
        float32 (N, 1, *spatial) in [0, 1].

    Raises:
        TypeError: a TorchScript network, or an output that is not a tensor.
        ValueError: no such layer, class or method, no image, or images or output of a wrong shape.

    References:
        Selvaraju et al., arXiv:1610.02391, equations 1 and 2; Chattopadhay et al.,
        arXiv:1710.11063, equation 19. The latter's factor exp(logit) is constant within an image
        and is omitted: it would overflow, and it cancels in the division.

    Example:
        >>> from medmonai.networks import resnet10
        >>> grad_cam(resnet10(width=4), torch.rand(2, 1, 28, 28), class_index=[0, 1]).shape
        (2, 1, 28, 28)
    """
    if method not in get_args(CamMethod):
        raise ValueError(
            f"method={method!r} is unknown; use one of {', '.join(get_args(CamMethod))}."
        )
    network = private_copy(network)
    with _plain_float32(network, images) as x:
        classes = class_indices(network, x, class_index)
        runs = layer_runs(network, x[:1])
        layer = target_of(runs) if target_layer is None else target_layer
        names = [run.name for run in runs]
        if layer not in names:
            raise ValueError(
                f"target_layer={layer!r} is not a layer that produces a map here; use one of "
                f"{', '.join(names[-8:])} or an earlier one of named_modules()."
            )
        cam = _CAMS[method](
            _Observed(network, layer),
            layer,
            upsampler=upsampler_for(runs, layer),
            postprocessing=_as_it_is,
        )
        # One at a time, so that a case's map does not depend, even in the last bit, on the rest of
        # the batch.
        maps = [cam(x[i : i + 1], class_idx=classes[i]) for i in range(len(x))]
        return _normalized(torch.cat(maps))


def occlusion_map(
    network: nn.Module,
    images: torch.Tensor | np.ndarray,
    *,
    class_index: int | Sequence[int],
    mask_size: int | Sequence[int] | None = None,
    overlap: float = 0.5,
    fill: str | float = "mean_img",
    batch_size: int = 64,
) -> np.ndarray:
    """Map how much the logit of a class falls when a box of the image is covered.

    At each voxel: logit of the whole image minus the mean logit over the boxes that cover the voxel
    (weighted by the kernel for fill="gaussian"), positive part, divided by its maximum. 0: covering
    does not lower the logit; 1: the location where it lowers the logit most. It needs no gradients
    or layer, but one pass per box: about (2 n / m)^d of them.

    MONAI's `OcclusionSensitivity` does the covering and the passes. Its own activation is not used:
    it applies a sigmoid if the *input* has one channel and a softmax otherwise, which makes the
    output of an RGB network with one logit constant.

    Args:
        network: network that returns logits (B, outputs), bare or wrapped; left unchanged.
        images: (N, C, *spatial) as input to the network, that is, transformed.
        class_index: as for `grad_cam`.
        mask_size: voxels of the box, one number or one per axis; by default a quarter of each axis.
        overlap: fraction of a box that the next one covers again, in [0, 1).
        fill: fill value of the box: "mean_img" (mean of the image), "mean_patch" (mean of the box),
            "gaussian" (fades to 0 toward the middle of the box), or a value.
        batch_size: boxes per forward pass.

    Returns:
        float32 (N, 1, *spatial) in [0, 1].

    Raises:
        TypeError: a TorchScript network, or an output that is not a tensor.
        ValueError: a box that does not fit, no such class or fill, no image, or images or output of
            a wrong shape.

    References:
        Zeiler and Fergus, arXiv:1311.2901, section 4.2; here with the decrease of the logit instead
        of the probability, which is flat where the network is certain.

    Example:
        >>> from medmonai.networks import resnet10
        >>> occlusion_map(resnet10(width=4), torch.rand(1, 1, 16, 16), class_index=1).shape
        (1, 1, 16, 16)
    """
    network = private_copy(network)
    with _plain_float32(network, images) as x, torch.no_grad():
        mask = _mask_size(mask_size, tuple(x.shape[2:]))
        if not 0 <= overlap < 1:
            raise ValueError(f"overlap={overlap}; at least 0 and less than 1 is needed.")
        if isinstance(fill, str) and fill not in _FILLS:
            raise ValueError(
                f"fill={fill!r} is unknown; use one of {', '.join(_FILLS)}, or a value."
            )
        # MONAI treats an int as the name of a mode
        mode = fill if isinstance(fill, str) else float(fill)
        maps = []
        for i, c in enumerate(class_indices(network, x, class_index)):
            # MONAI restores the mode it found, also for the wrapped network
            score = _ClassScore(network, c).eval()
            occlude = OcclusionSensitivity(
                score, mask, batch_size, verbose=False, mode=mode, overlap=overlap, activate=False
            )
            whole = score(x[i : i + 1]).reshape(1, *[1] * (x.ndim - 1))
            with warnings.catch_warnings():  # torch warns about MONAI's indexing
                warnings.filterwarnings("ignore", "Using a non-tuple sequence", UserWarning)
                covered = torch.as_tensor(occlude(x[i : i + 1])[0])
            maps.append((whole - covered).clamp(min=0))
        return _normalized(torch.cat(maps))


class _ClassScore(nn.Module):
    """The logit of one class, (B, 1)."""

    def __init__(self, network: nn.Module, class_index: int) -> None:
        super().__init__()
        self.network = network
        self.class_index = class_index

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return class_score(logits_of(self.network(x)), self.class_index)[:, None]


class _Observed(ModelWithHooks):
    """MONAI's hooks with a tensor hook instead of a module hook, which would forbid in-place
    operations after the layer.
    """

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__(network, layer, register_forward=True)
        self.register_backward = True

    def forward_hook(self, name: str) -> Callable:
        def hook(_layer: nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
            # A separate leaf, so that gradients arrive whether or not the weights before it are
            # frozen.
            leaf = output.detach().contiguous().requires_grad_()
            leaf.register_hook(
                lambda gradient: self.gradients.__setitem__(name, gradient.contiguous())
            )
            self.activations[name] = leaf.detach()
            return leaf.clone()

        return hook

    def class_score(self, logits: torch.Tensor, class_idx: int) -> torch.Tensor:
        score = class_score(logits, class_idx)
        return (score - score.detach()).sum()  # value 0: Grad-CAM++ takes its exponential


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x


def _normalized(maps: torch.Tensor) -> np.ndarray:
    """Divide each non-negative map (N, 1, *spatial) by its maximum; a map of zeros is unchanged."""
    highest = maps.amax(dim=tuple(range(1, maps.ndim)), keepdim=True)
    return torch.where(highest > 0, maps / highest, 0.0).detach().float().cpu().numpy()


def _mask_size(
    mask_size: int | Sequence[int] | None, spatial_size: tuple[int, ...]
) -> tuple[int, ...]:
    if mask_size is None:
        return tuple(max(1, n // 4) for n in spatial_size)
    mask = tuple(mask_size) if isinstance(mask_size, Sequence) else (mask_size,) * len(spatial_size)
    if len(mask) != len(spatial_size) or not all(
        isinstance(m, int) and 1 <= m <= n for m, n in zip(mask, spatial_size)
    ):
        raise ValueError(
            f"mask_size={mask_size!r}; whole numbers from 1 to the image's {spatial_size} are "
            "needed."
        )
    return mask


@contextmanager
def _plain_float32(network: nn.Module, images: torch.Tensor | np.ndarray) -> Iterator[torch.Tensor]:
    """The images as float32 on the network's device, with gradients on and autocast off, whatever
    the caller's context.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        first = next(network.parameters(), torch.empty(0))
        stack.enter_context(torch.autocast(first.device.type, enabled=False))
        yield as_images(images).to(first.device)
