"""Where in an image a network finds its evidence: Grad-CAM and occlusion, in 2D and 3D, by MONAI's
classes.
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
    """Draw where the target layer's activations raise the logit of a class.

    Grad-CAM: ReLU(sum_k w_k A_k), A_k the layer's channels and w_k the mean of the class logit's
    gradient over channel k; Grad-CAM++ weighs the gradients by their second and third powers. The
    map is interpolated to the image, each of its voxels at the place that kernels, strides and
    paddings give it, and divided by its maximum: 0 is no evidence for the class, 1 the most in that
    image. So maps of two images do not compare in strength, and an image without evidence keeps a
    map of zeros. A layer of 4 voxels per side, whose trained kernels may look to one side, tells a
    place to within some voxels of the image at best; far from the head the mean gradient says
    little, and Grad-CAM may miss the place.

    MONAI's `GradCAM` and `GradCAMpp` compute it, with their traps removed: they know no class 0 or
    1 of a network with one logit, fail on channels_last gradients and where an in-place operation
    follows the layer, mix up the cases of a batch (++), turn the map upside down, and leave hooks,
    cleared gradients and other modes behind.

    Args:
        network: network that gives logits (B, outputs), bare or wrapped; left as it was.
        images: (N, C, *spatial) as the network gets them, that is, transformed.
        class_index: the class for all images, or one each. A network with one logit has the classes
            0 and 1: the logit speaks for 1, its negative for 0. Otherwise the number of the output.
        target_layer: name of a layer of the bare network; by default `find_target_layer` chooses.
        method: "gradcam" or "gradcam++".

    Returns:
        float32 (N, 1, *spatial) in [0, 1].

    Raises:
        TypeError: a TorchScript network, or an output that is not a tensor.
        ValueError: no such layer, class or method, no image, images or an output of a wrong shape.

    References:
        Selvaraju et al., arXiv:1610.02391, equations 1 and 2; Chattopadhay et al.,
        arXiv:1710.11063, equation 19. The latter's factor exp(logit) is constant in an image and
        left out: it would overflow and cancels in the division.

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
                f"target_layer={layer!r} is not a layer that gives a map here; use one of "
                f"{', '.join(names[-8:])} or an earlier one of named_modules()."
            )
        cam = _CAMS[method](
            _Observed(network, layer),
            layer,
            upsampler=upsampler_for(runs, layer),
            postprocessing=_as_it_is,
        )
        # One at a time: a case's map does not depend, not even in the last bit, on what else is in
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
    """Draw by how much the logit of a class falls when a box of the image is covered.

    At each voxel: logit of the whole image minus the mean logit over the boxes that cover the voxel
    (weighed by the kernel for fill="gaussian"), positive part, divided by its maximum. 0: covering
    does not lower the logit; 1: the place that costs most. No gradients and no layer are needed,
    but one pass a box: about (2 n / m)^d of them.

    MONAI's `OcclusionSensitivity` covers and runs. Its own activation is not used: it takes a
    sigmoid if the *input* has one channel and a softmax otherwise, which makes an RGB network with
    one logit constant.

    Args:
        network: network that gives logits (B, outputs), bare or wrapped; left as it was.
        images: (N, C, *spatial) as the network gets them, that is, transformed.
        class_index: as for `grad_cam`.
        mask_size: voxels of the box, one number or one an axis; by default a quarter of each axis.
        overlap: part of a box that the next one covers again, in [0, 1).
        fill: what covers: "mean_img" (mean of the image), "mean_patch" (mean of the box),
            "gaussian" (fades to 0 toward the middle of the box), or a value.
        batch_size: boxes a forward pass.

    Returns:
        float32 (N, 1, *spatial) in [0, 1].

    Raises:
        TypeError: a TorchScript network, or an output that is not a tensor.
        ValueError: a box that does not fit, no such class or fill, no image, images or an output of
            a wrong shape.

    References:
        Zeiler and Fergus, arXiv:1311.2901, section 4.2; here the fall of the logit instead of the
        probability, which is flat where the network is sure.

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
        # MONAI takes an int for the name of a mode
        mode = fill if isinstance(fill, str) else float(fill)
        maps = []
        for i, c in enumerate(class_indices(network, x, class_index)):
            # MONAI puts back the mode it found, for the network inside as well
            score = _ClassScore(network, c).eval()
            occlude = OcclusionSensitivity(
                score, mask, batch_size, verbose=False, mode=mode, overlap=overlap, activate=False
            )
            whole = score(x[i : i + 1]).reshape(1, *[1] * (x.ndim - 1))
            with warnings.catch_warnings():  # of torch, about how MONAI writes an index
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
    """MONAI's hooks with a tensor hook instead of a module hook, which forbids in-place operations
    behind the layer.
    """

    def __init__(self, network: nn.Module, layer: str) -> None:
        super().__init__(network, layer, register_forward=True)
        self.register_backward = True

    def forward_hook(self, name: str) -> Callable:
        # The hooks of a graph hold this and not the object: it holds the graph (score), and Python
        # does not find a circle through autograd, so the copied network would stay for ever.
        gradients = self.gradients

        def hook(_layer: nn.Module, _inputs: tuple, output: torch.Tensor) -> torch.Tensor:
            # A leaf of its own: gradients arrive whether or not the weights before it are frozen.
            leaf = output.detach().contiguous().requires_grad_()
            leaf.register_hook(lambda gradient: gradients.__setitem__(name, gradient.contiguous()))
            self.activations[name] = leaf.detach()
            return leaf.clone()

        return hook

    def class_score(self, logits: torch.Tensor, class_idx: int) -> torch.Tensor:
        score = class_score(logits, class_idx)
        return (score - score.detach()).sum()  # value 0: Grad-CAM++ takes its exponential


def _as_it_is(x: torch.Tensor) -> torch.Tensor:
    return x


def _normalized(maps: torch.Tensor) -> np.ndarray:
    """Divide each map (N, 1, *spatial), 0 or more everywhere, by its maximum; a map of zeros stays
    one.
    """
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
    """The images as float32 on the network's device, gradients on and autocast off, whatever the
    caller runs in.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        first = next(network.parameters(), torch.empty(0))
        stack.enter_context(torch.autocast(first.device.type, enabled=False))
        yield as_images(images).to(first.device)
