"""The names that published weights have for the parameters of the networks here."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import nn

from .weight_shapes import adapt_channels, inflate

CLASSIFIERS = ("fc.", "classifier.", "_fc.")
_COUNTER = "num_batches_tracked"  # older files lack it; it only counts


def published_name(network: str, name: str) -> str:
    """Return the published name of a parameter or buffer of a backbone.

    ResNets and VGG-16 have torchvision's names. DenseNet's layers lie one level deeper in MONAI
    ("denselayer1.layers.norm1" for "denselayer1.norm1"), and so do EfficientNet's blocks
    ("_blocks.1.2." for "_blocks.2." of EfficientNet-PyTorch).

    Example:
        >>> published_name("efficientnet_b0", "_blocks.1.2._bn0.weight")
        '_blocks.2._bn0.weight'
    """
    if network.startswith("densenet"):
        return re.sub(r"(denselayer\d+)\.layers\.", r"\1.", name)
    if network.startswith("efficientnet"):
        return re.sub(r"^_blocks\.\d+\.(\d+)\.", r"_blocks.\1.", name)
    return name


def load_published(
    backbone: nn.Module,
    network: str,
    state: Mapping[str, torch.Tensor],
    *,
    classifiers: tuple[str, ...] = CLASSIFIERS,
) -> None:
    """Give a backbone every weight of a published state dict, changed in shape where it has to be.

    Args:
        backbone: as `backbone_of` builds it.
        network: its name.
        state: name -> tensor; the classifier in it is left out.
        classifiers: what the names of the classifier's weights begin with.

    Raises:
        ValueError: a weight that is missing, left over, or of a shape that cannot be made to fit.
            Nothing is loaded then.
    """
    # torchvision's DenseNet file is older than its code: "norm.1" there is "norm1" here.
    published = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", name): v
        for name, v in state.items()
    }
    first = _first_convolution(backbone)
    fitted = {}
    used = set()
    for name, own in backbone.state_dict().items():
        theirs = published_name(network, name)
        if theirs not in published:
            if name.endswith(_COUNTER):
                fitted[name] = own
                continue
            raise ValueError(
                f"the weights have no {theirs!r}, which {network} needs; use the file made for "
                f"{network}."
            )
        used.add(theirs)
        fitted[name] = _fitted(published[theirs], own, name=theirs, is_first=name == first)
    left = [name for name in published if name not in used and not name.startswith(classifiers)]
    if left:
        raise ValueError(
            f"the weights hold {left[0]!r} ({len(left)} such), which {network} does not have; use "
            f"the file made for {network}."
        )
    backbone.load_state_dict(fitted)


def _first_convolution(network: nn.Module) -> str:
    name = next(
        name
        for name, module in network.named_modules()
        if isinstance(module, (nn.Conv2d, nn.Conv3d))
    )
    return f"{name}.weight"


def _fitted(value: torch.Tensor, own: torch.Tensor, *, name: str, is_first: bool) -> torch.Tensor:
    fits = value
    if value.ndim == 4 and own.ndim == 5:
        fits = inflate(value)
    if is_first:
        fits = adapt_channels(fits, own.shape[1])
    if fits.shape != own.shape:
        raise ValueError(
            f"the weight {name!r} has shape {tuple(value.shape)}, which does not fit "
            f"{tuple(own.shape)}; use the file made for this network."
        )
    return fits
