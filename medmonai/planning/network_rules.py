"""The network of a plan: by rule, or one that was asked for by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medmonai.nearest import did_you_mean
from medmonai.networks.pretrained import IMAGENET

from .choice import Choice
from .look import Look

SMALL = 64  # pixels up to which an image is small
_LARGE = 52**3  # voxels above which a volume is large
# Width of the first stage from scratch, a half (2D) and a quarter (3D) of the papers': few medical
# images and two cores do not pay for more (bundles/recipes.json).
_WIDTH = {2: 32, 3: 16}
_RESNETS = ("resnet10", "resnet18", "resnet34", "resnet50")
_SE_RESNETS = tuple(f"se_{name}" for name in _RESNETS)
_OTHERS = ("densenet121", "efficientnet_b0", "vit")
NETWORKS = (*_RESNETS, *_SE_RESNETS, *_OTHERS)
_TIMM = "timm/"
# Mean and deviation of ImageNet's colors, and of their gray.
_IMAGENET = {3: ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), 1: (0.449, 0.226)}


@dataclass(frozen=True)
class AskedNetwork:
    """A network that somebody asks for instead of the rule's.

    Args:
        name: one of `NETWORKS`, "timm/" and a name of timm, or "" for the rule's.
        weights: what training starts from: "imagenet", "medicalnet" (ResNets on volumes), the path
            of a file, or "" for random weights.

    Raises:
        ValueError: an unknown name, or weights of a network that takes none.
    """

    name: str = ""
    weights: str = ""

    def __post_init__(self) -> None:
        if self.name and self.name not in NETWORKS and not self.name.startswith(_TIMM):
            raise ValueError(
                f"network={self.name!r} is unknown; {did_you_mean(self.name, NETWORKS)} Use one of "
                f"{', '.join(NETWORKS)}, or {_TIMM}NAME."
            )
        if self.weights and (self.name in _SE_RESNETS or self.name == "vit"):
            raise ValueError(
                f"weights={self.weights!r}: there are none for {self.name}; choose another network."
            )

    @property
    def transfer(self) -> bool:
        """Whether the bundle is one of transfer learning, with the id `pretrained`."""
        return bool(self.weights) or self.name.startswith(_TIMM)

    @property
    def transformer(self) -> bool:
        """Whether it trains like a transformer: with Adam and a small step."""
        return self.name == "vit" or self.name.startswith(_TIMM)

    def overrides(self) -> dict[str, Any]:
        """Return the ids with which a planned bundle reads its weights."""
        if not self.transfer:
            return {}
        path = Path(self.weights).expanduser()
        given = str(path.resolve()) if path.is_file() else self.weights
        return {"pretrained": given or False}


def network_choice(
    look: Look, size: list[int], asked: AskedNetwork | None = None
) -> tuple[dict[str, Any], Choice]:
    """Choose the network: by rule a ResNet-18 whose stem and width fit the size of the images.

    Args:
        look: at the data.
        size: voxels along each axis.
        asked: what somebody asks for; None for the rule's.

    Returns:
        The recipe's "network", and the choice.

    Raises:
        ValueError: weights that do not exist for this network and these images.
    """
    asked = asked or AskedNetwork()
    name = asked.name or "resnet18"
    if asked.weights:
        _check_weights(look, name, asked.weights)
    if asked.transfer:
        shown = f"{name}, weights {asked.weights}" if asked.weights else f"{name}, from scratch"
        network = {
            "_target_": "medmonai.networks.transfer_network",
            "backbone": name,
            "hidden": [],
            "dropout": 0.0,
            "freeze": "none",
        }
        return network, Choice("network", shown, "asked for; all of it is trained")
    if name == "vit":
        network = {"_target_": "medmonai.networks.vit", "spatial_size": list(size)}
        return network, Choice("network", "ViT-Ti, from scratch", "asked for")
    if name == "efficientnet_b0":
        network = {"_target_": "medmonai.networks.efficientnet_b0"}
        return network, Choice("network", "EfficientNet-B0, from scratch", "asked for")
    if look.spatial_dims == 3 and math.prod(size) <= _LARGE:
        stem, why = "small_stride2", "volumes: the first stride saves seven eighths"
    elif look.spatial_dims == 3:
        stem, why = "standard", "volumes above 52^3 voxels: the stem of the paper"
    elif max(size) <= SMALL:
        stem, why = "small", "small images: nothing is lost before the first block"
    else:
        stem, why = "standard", f"images above {SMALL} pixels: the stem of the paper"
    network: dict[str, Any] = {
        "_target_": f"medmonai.networks.{name.removeprefix('se_')}",
        "stem": stem,
    }
    shown = f"{name}, stem {stem}"
    if name != "densenet121":
        network["width"] = _WIDTH[look.spatial_dims]
        shown += f", width {network['width']}"
    if name in _SE_RESNETS:
        network["squeeze_excitation"] = True
    reason = f"asked for; stem for {why}" if asked.name else why
    return network, Choice("network", f"{shown}, from scratch", reason)


def _check_weights(look: Look, name: str, weights: str) -> None:
    """Refuse weights that the training could not load, before anything is trained."""
    if weights == "imagenet":
        known = name in IMAGENET
        wanted = f"there are ImageNet weights of {', '.join(IMAGENET)}"
    elif weights == "medicalnet":
        known = look.spatial_dims == 3 and name in _RESNETS
        wanted = f"MedicalNet's weights are of {', '.join(_RESNETS)} for volumes"
    else:
        known = Path(weights).expanduser().is_file()
        wanted = "no such file; use imagenet, medicalnet or a file of weights"
    if not known:
        raise ValueError(f"weights={weights!r} for {name} in {look.spatial_dims}D: {wanted}.")


def published_normalization(look: Look, asked: AskedNetwork) -> dict[str, Any] | None:
    """Return the normalization that weights of images expect; None where the data's own serves.

    Args:
        look: at the data.
        asked: the network with its weights.
    """
    images = look.in_color or look.in_channels == 1
    if not asked.weights or asked.weights == "medicalnet" or not images:
        return None
    mean, deviation = _IMAGENET[look.in_channels]
    several = {"channel_wise": True} if look.in_color else {}
    return {"subtrahend": mean, "divisor": deviation, **several}
