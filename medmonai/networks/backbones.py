"""Networks without their classifier: what turns an image into a vector of features."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from .densenet import densenet121
from .efficientnet import efficientnet_b0
from .resnet import resnet10, resnet18, resnet34, resnet50
from .timm_backbone import PREFIX, timm_backbone
from .vgg import vgg16
from .weight_names import CLASSIFIERS

RESNETS = {"resnet10": resnet10, "resnet18": resnet18, "resnet34": resnet34, "resnet50": resnet50}
BACKBONES = (*RESNETS, "densenet121", "vgg16", "efficientnet_b0")


class Backbone(NamedTuple):
    """A network that maps images (B, C, *spatial) to features (B, num_features).

    `classifiers` is what the names of its classifier's weights begin with in files of weights.
    """

    network: nn.Module
    num_features: int
    classifiers: tuple[str, ...] = CLASSIFIERS


def backbone_of(
    name: str, *, spatial_dims: int = 2, in_channels: int = 3, pool_size: int = 1
) -> Backbone:
    """Build the network of that name with its classifier replaced by the identity, and say how many
    features it gives.

    The stem is the papers' ("standard"), as in published weights. The parameters keep the names
    that they have in the whole network.

    Args:
        name: one of resnet10, resnet18, resnet34, resnet50, densenet121, vgg16, efficientnet_b0,
            or "timm/" and the name of a network of timm (2D; the extra medmonai[timm]).
        spatial_dims: 2 for images, 3 for volumes.
        in_channels: channels of the input.
        pool_size: voxels per side of the map that become features; 1 is the mean over the map, and
            VGG-16 alone allows more (7 is torchvision's: 25,088 features).

    Raises:
        ValueError: no such network, or a pool_size that it does not have.
        ImportError: a network of timm, which is not installed.

    Example:
        >>> backbone_of("densenet121").num_features, backbone_of("vgg16", pool_size=7).num_features
        (1024, 25088)
    """
    if name not in BACKBONES and not name.startswith(PREFIX):
        raise ValueError(
            f"backbone={name!r} does not exist; use one of {', '.join(BACKBONES)}, or {PREFIX}NAME."
        )
    if pool_size != 1 and name != "vgg16":
        raise ValueError(
            f"pool_size={pool_size!r}: {name} ends with the mean over its map; use pool_size=1, or "
            "vgg16."
        )
    if name.startswith(PREFIX):
        return Backbone(*timm_backbone(name, spatial_dims=spatial_dims, in_channels=in_channels))
    if name in RESNETS:
        network = RESNETS[name](spatial_dims=spatial_dims, in_channels=in_channels, stem="standard")
        num_features = _without_classifier(network, "fc")
    elif name == "densenet121":
        network = densenet121(spatial_dims=spatial_dims, in_channels=in_channels, stem="standard")
        num_features = _without_classifier(network, "class_layers.out")
    elif name == "vgg16":
        network = vgg16(
            spatial_dims=spatial_dims, in_channels=in_channels, pool_size=pool_size, hidden=()
        )
        num_features = network.num_features
        network.set_submodule("classifier", nn.Identity())
    else:
        network = efficientnet_b0(spatial_dims=spatial_dims, in_channels=in_channels)
        num_features = _without_classifier(network, "_fc")
        network.set_submodule("_dropout", nn.Identity())  # the head brings its own
    return Backbone(network, num_features)


def _without_classifier(network: nn.Module, name: str) -> int:
    """Replace the linear layer of that name by the identity, and return how many features it
    took.
    """
    classifier = network.get_submodule(name)
    assert isinstance(classifier, nn.Linear)
    network.set_submodule(name, nn.Identity())
    return classifier.in_features
