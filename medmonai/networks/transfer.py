"""Transfer learning: a backbone that may be frozen, and a head on its features."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from .backbones import backbone_of
from .heads import mlp_head
from .medicalnet import PADDED, follow_loaded_shortcuts
from .pretrained import load_pretrained

Freeze = Literal["backbone", "none"]


class TransferNetwork(nn.Module):
    """logits = head(backbone(x)), where the backbone may be frozen as a whole and unfrozen part by
    part.

    A frozen part has no gradients, and it stays in evaluation mode whatever `train()` says:
    batch-norm statistics keep the values they came with, and there is no dropout in it. So a wholly
    frozen backbone is a fixed function, whose features can be computed once
    (`medmonai.engines.frozen_features`). MONAI's `freeze_network` stops gradients only: batch norm
    goes on to learn the new data's statistics.

    An optimizer may be given all parameters: torch's optimizers and PESG pass over those without a
    gradient, weight decay included.

    Args:
        backbone: maps images (B, C, *spatial) to features (B, F).
        head: maps features (B, F) to logits (B, outputs).
        freeze: "backbone", or "none" to train everything.

    Raises:
        ValueError: another word for freeze.

    Example:
        >>> network = TransferNetwork(
        ...     nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), mlp_head(4, 1, hidden=())
        ... )
        >>> [name for name, p in network.named_parameters() if p.requires_grad]
        ['head.1.weight', 'head.1.bias']
    """

    def __init__(
        self, backbone: nn.Module, head: nn.Module, *, freeze: Freeze = "backbone"
    ) -> None:
        super().__init__()
        if freeze not in ("backbone", "none"):
            raise ValueError(f"freeze={freeze!r} does not exist; use 'backbone' or 'none'.")
        self.backbone = backbone
        self.head = head
        self.frozen = freeze == "backbone"
        self.unfrozen = ()  # a tuple: TorchScript cannot tell what an empty list holds
        if self.frozen:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    @torch.jit.export
    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Return features (B, F) for images (B, C, *spatial)."""
        return self.backbone(x)

    def forward(self, x: torch.Tensor, from_features: bool = False) -> torch.Tensor:
        """Return logits (B, outputs) for images (B, C, *spatial), or for features (B, F) with
        `from_features`.
        """
        return self.head(x if from_features else self.backbone(x))

    def train(self, mode: bool = True) -> TransferNetwork:
        """Set training or evaluation mode; what is frozen stays in evaluation mode.

        Warns of training on a frozen backbone that `transfer_network` gave random weights, and that
        has loaded no others.
        """
        super().train(mode)
        if mode and self.frozen:
            if getattr(self.backbone, "random_weights", False) and not self.unfrozen:
                warnings.warn(
                    "training a head on a frozen backbone of random weights, which learns little; "
                    "use pretrained=True, or freeze='none' to train everything.",
                    stacklevel=2,
                )
            self.backbone.eval()
            for name in self.unfrozen:
                self.backbone.get_submodule(name).train()
        return self

    def unfreeze(self, name: str) -> None:
        """Let a part of the backbone learn, batch-norm statistics too; nothing happens if it learns
        already.

        Args:
            name: of a module inside the backbone, for example "layer4" or "features.denseblock4";
                "" for all of it.

        Raises:
            ValueError: the backbone has no such module.
        """
        if name not in dict(self.backbone.named_modules()):
            parts = [
                child for child, module in self.backbone.named_children() if [*module.parameters()]
            ]
            raise ValueError(
                f"unfreeze: the backbone has no module {name!r}; use one of {', '.join(parts)} or "
                "a module inside them."
            )
        if not self.frozen or name in self.unfrozen:
            return
        self.unfrozen = (*self.unfrozen, name)
        self.backbone.get_submodule(name).requires_grad_(True)
        self.train(self.training)


def transfer_network(
    backbone: str = "resnet50",
    *,
    pretrained: bool | str = True,
    in_channels: int = 3,
    num_classes: int = 1,
    spatial_dims: int = 2,
    hidden: Sequence[int] = (512,),
    dropout: float | Sequence[float] = 0.5,
    freeze: Freeze = "backbone",
    pool_size: int = 1,
) -> TransferNetwork:
    """Build a published network with the weights it was published with and a fresh head.

    The head is `mlp_head`: dropout - linear - ReLU - dropout - linear. Weights of ImageNet become
    those of another number of channels or of volumes by `adapt_channels` and `inflate`; they expect
    what ImageNet's images got: scaled to [0, 1], then mean (.485, .456, .406) and standard
    deviation (.229, .224, .225) for each channel.

    A network whose own weights are loaded next (evaluation, inference) is built with
    `pretrained=False`: nothing is read from anywhere then. With random weights a frozen backbone is
    of little use for training: `train()` warns.

    Args:
        backbone: resnet10, resnet18, resnet34, resnet50, densenet121, vgg16, efficientnet_b0, or
            "timm/" and the name of a network of timm.
        pretrained: True or "imagenet", "medicalnet" (ResNets on volumes), False, or the path of a
            file with the backbone's weights (.safetensors, or what `torch.save` wrote).
        in_channels: channels of the input.
        num_classes: logits per case: `Task.num_outputs`, so 1 for a binary task.
        spatial_dims: 2 for images, 3 for volumes.
        hidden: hidden layers of the head.
        dropout: of the head, one number or one for each linear layer.
        freeze: "backbone" trains the head alone, "none" everything.
        pool_size: VGG-16 only: voxels per side of the last map that become features; 1 is its mean
            (512 features), 7 what torchvision and Keras flatten (25,088 features in 2D).

    Raises:
        ValueError: an argument that is not possible, or weights that do not exist or do not fit.
        ImportError: a network of timm, which is not installed.
        FileNotFoundError: the weights are not on this machine and cannot be downloaded; the message
            says where to put them.

    References:
        Yosinski et al., How transferable are features in deep neural networks?, arXiv:1411.1792.

    Example:
        >>> network = transfer_network("resnet18", pretrained=False, num_classes=7)
        >>> (
        ...     network(torch.zeros(2, 3, 32, 32)).shape,
        ...     network.features(torch.zeros(2, 3, 32, 32)).shape,
        ... )
        (torch.Size([2, 7]), torch.Size([2, 512]))
    """
    published = pretrained in (True, False, "imagenet", "medicalnet")
    if not published and not Path(str(pretrained)).expanduser().is_file():
        raise ValueError(
            f"pretrained={pretrained!r} does not exist; use true, 'imagenet', 'medicalnet', false, "
            "or a file of weights."
        )
    body, num_features, classifiers = backbone_of(
        backbone, spatial_dims=spatial_dims, in_channels=in_channels, pool_size=pool_size
    )
    head = mlp_head(num_features, num_classes, hidden=hidden, dropout=dropout)
    if pretrained:
        weights = "imagenet" if pretrained is True else pretrained
        load_pretrained(body, backbone, weights=weights, classifiers=classifiers)
    else:
        if spatial_dims == 3 and backbone in PADDED:
            follow_loaded_shortcuts(body)
        _mark_random(body, True)
        body.register_load_state_dict_post_hook(_weights_loaded)
    return TransferNetwork(body, head, freeze=freeze)


def _weights_loaded(backbone: nn.Module, _: object) -> None:
    _mark_random(backbone, False)


def _mark_random(backbone: nn.Module, random: bool) -> None:
    # what nn.Module's __setattr__ does with whatever is neither tensor nor module
    vars(backbone)["random_weights"] = random
