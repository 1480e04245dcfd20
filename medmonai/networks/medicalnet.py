"""MedicalNet's weights for 3D ResNets, fetched by MONAI."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import torch
from monai.networks.nets import resnet as monai_resnet
from torch import nn

from .weight_files import require_whole_zip
from .weight_names import load_published

DEPTHS = {"resnet10": 10, "resnet18": 18, "resnet34": 34, "resnet50": 50}
PADDED = ("resnet18", "resnet34")  # with shortcuts that have no weights


class PaddedShortcut(nn.Module):
    """A shortcut without weights: every second voxel, and zeros for the channels that the block
    adds (option A).
    """

    def __init__(self, extra_channels: int, *, stride: int) -> None:
        super().__init__()
        self.extra_channels = extra_channels
        self.pick = nn.AvgPool3d(kernel_size=1, stride=stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, C + extra_channels, *smaller) for (B, C, *spatial)."""
        return nn.functional.pad(self.pick(x), [0, 0, 0, 0, 0, 0, 0, self.extra_channels])


def medicalnet_state(name: str) -> Mapping[str, torch.Tensor]:
    """Return MedicalNet's weights (23 data sets) from the Hugging Face cache, downloaded by MONAI
    if they are not there.

    The files have no published digest; they are read with `weights_only=True`, and the CRC of their
    parts is compared.

    Raises:
        FileNotFoundError: they are not there and cannot be downloaded.
        ValueError: the file is damaged.
        ModuleNotFoundError: huggingface_hub is not installed.
    """
    depth = DEPTHS[name]
    try:
        import huggingface_hub
    except ImportError as error:
        raise ModuleNotFoundError(
            "MedicalNet's weights need huggingface_hub; run: pip install huggingface_hub"
        ) from error
    try:
        state = monai_resnet.get_pretrained_resnet_medicalnet(depth, device="cpu", datasets23=True)
    except Exception as error:
        reason = " ".join(str(error).split())[:100]
        raise FileNotFoundError(
            f"resnet_{depth}_23dataset.pth is not in {huggingface_hub.constants.HF_HUB_CACHE} and "
            f"could not be downloaded ({type(error).__name__}: {reason}); run 'hf download "
            f"TencentMedicalNet/MedicalNet-Resnet{depth}' where there is a network and copy that "
            "folder, or use pretrained=false."
        ) from error
    _require_whole(huggingface_hub, depth)
    return state


def _require_whole(hub: ModuleType, depth: int) -> None:
    path = hub.try_to_load_from_cache(
        f"TencentMedicalNet/MedicalNet-Resnet{depth}", f"resnet_{depth}_23dataset.pth"
    )
    if isinstance(path, str):
        try:
            require_whole_zip(path)
        except ValueError as error:
            raise ValueError(f"{path}: {error}; delete it, and it is downloaded again.") from error


def load_medicalnet(
    backbone: nn.Module, name: str, *, state: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Load MedicalNet's weights into a 3D ResNet backbone, in place.

    ResNet-18 and -34 of MedicalNet have shortcuts without weights (option A): the backbone's own
    are replaced by them. MONAI's version of that shortcut stops gradients and does not go into
    TorchScript; `PaddedShortcut` does neither.

    Args:
        backbone: as `backbone_of` builds it, with spatial_dims=3; any number of input channels.
        name: resnet10, resnet18, resnet34 or resnet50.
        state: the weights, if they are at hand.

    Raises:
        ValueError: a network that MedicalNet has no weights for.
        FileNotFoundError: see `medicalnet_state`.

    References:
        Chen et al., Med3D: transfer learning for 3D medical image analysis, arXiv:1904.00625.
    """
    first = next(
        module for module in backbone.modules() if isinstance(module, (nn.Conv2d, nn.Conv3d))
    )
    if name not in DEPTHS or first.weight.ndim != 5:
        raise ValueError(
            f"pretrained='medicalnet' has no weights for {name} in {first.weight.ndim - 2}D; use "
            f"{', '.join(DEPTHS)} with spatial_dims=3, or pretrained='imagenet'."
        )
    state = medicalnet_state(name) if state is None else state
    if name in PADDED:
        _pad_shortcuts(backbone)
    load_published(
        backbone, name, {key.removeprefix("module."): value for key, value in state.items()}
    )


def follow_loaded_shortcuts(backbone: nn.Module) -> None:
    """Let a 3D ResNet-18 or -34 take the state dict of one that had MedicalNet's weights: without
    any in its shortcuts.

    Evaluation and inference build the network without pretrained weights, and learn from what they
    load what it was.
    """
    backbone.register_load_state_dict_pre_hook(_shortcuts_as_loaded)


def _shortcuts_as_loaded(
    backbone: nn.Module, state: Mapping[str, torch.Tensor], prefix: str, *_: object
) -> None:
    if (
        f"{prefix}layer2.0.conv1.weight" in state
        and f"{prefix}layer2.0.downsample.0.weight" not in state
    ):
        _pad_shortcuts(backbone)


def _pad_shortcuts(backbone: nn.Module) -> None:
    for stage in ("layer1", "layer2", "layer3", "layer4"):
        block = backbone.get_submodule(f"{stage}.0")
        if isinstance(block.downsample, nn.Sequential):
            convolution = block.downsample[0]
            assert isinstance(convolution, nn.Conv3d)
            block.downsample = PaddedShortcut(
                convolution.out_channels - convolution.in_channels, stride=convolution.stride[0]
            )
