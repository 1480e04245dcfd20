"""Backbones of the timm library by name."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import nn

from medmonai.nearest import did_you_mean

PREFIX = "timm/"


class TimmBackbone(NamedTuple):
    """A network of timm without its classifier.

    Args:
        network: maps images (B, C, H, W) to features (B, num_features).
        num_features: of a case.
        classifiers: what the names of its classifier's weights begin with, in files of weights.
    """

    network: nn.Module
    num_features: int
    classifiers: tuple[str, ...]


def timm_backbone(name: str, *, spatial_dims: int, in_channels: int) -> TimmBackbone:
    """Build a network of timm without its classifier, with random weights.

    Args:
        name: "timm/" and timm's name, such as "timm/convnext_tiny".
        spatial_dims: 2; timm has no networks for volumes.
        in_channels: channels of the input.

    Raises:
        ImportError: timm is not installed, or its torchvision does not fit torch.
        ValueError: volumes, or a name that timm does not have.

    References:
        Wightman, PyTorch image models, doi:10.5281/zenodo.4414861.
    """
    if spatial_dims != 2:
        raise ValueError(
            f"backbone={name!r} takes images and spatial_dims={spatial_dims}; choose a network for "
            "volumes, such as resnet18."
        )
    try:
        import timm
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ImportError(
            f"backbone={name!r} needs timm, which cannot be imported ({reason}); install "
            "medmonai[timm], with a torchvision made for this torch."
        ) from error
    wanted = name.removeprefix(PREFIX)
    if not timm.is_model(wanted):
        hint = did_you_mean(wanted, timm.list_models()) or "timm.list_models() has the names."
        raise ValueError(f"backbone={name!r} is not a network of timm; {hint}")
    network: Any = timm.create_model(wanted, pretrained=False, in_chans=in_channels, num_classes=0)
    stated = network.pretrained_cfg.get("classifier") or ()
    names = (stated,) if isinstance(stated, str) else tuple(stated)
    return TimmBackbone(network, int(network.num_features), tuple(f"{name}." for name in names))
