"""Features of a frozen backbone, computed once, and the head trained on them."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from medmonai.data import Cohort, ResidentLoader
from medmonai.networks import TransferNetwork

from .inference import PrecisionInferer


def frozen_features(
    cohort: Cohort,
    network: TransferNetwork,
    *,
    transform: Any = None,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
) -> Cohort:
    """Compute the features of a wholly frozen backbone once for every case.

    Without random augmentation a frozen backbone gives a case the same features in every epoch. The
    cohort that comes back holds them as images (N, F, 1, 1) in float32, in 3D as well; labels, ids
    and groups stay. A trainer with `HeadInferer` trains the head of the same network on it, and
    what it saves is the whole network. Bundles of transfer learning do both with
    `--cache_features true`.

    The logits are exactly those of the whole network in evaluation mode where the library computes
    a case alike whatever shares its batch; with other batches, threads or memory layouts
    convolutions may differ in the last bits.

    Args:
        cohort: the cases.
        network: with a frozen backbone of which nothing was unfrozen; put on the device, left in
            the mode it had.
        transform: what the network's input gets, without anything random; as for `ResidentLoader`.
        batch_size: cases of a batch.
        device: where the backbone runs.
        precision: as for `PrecisionInferer`; what training would use.

    Raises:
        TypeError: a network of another class.
        ValueError: a backbone that is not frozen as a whole.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> from medmonai.networks import transfer_network
        >>> network = transfer_network("resnet18", pretrained=False, in_channels=1)
        >>> frozen_features(lesion_phantom(split="val").subset(range(4)), network).images.shape
        (4, 512, 1, 1)
    """
    if not isinstance(network, TransferNetwork):
        raise TypeError(
            f"network is a {type(network).__name__}; a medmonai.networks.TransferNetwork is needed."
        )
    if not network.frozen or network.unfrozen:
        state = (
            f"unfrozen in {', '.join(map(repr, network.unfrozen))}"
            if network.frozen
            else "not frozen"
        )
        raise ValueError(
            f"the backbone is {state}, so its features change while it learns; use "
            "freeze='backbone'."
        )
    loader = ResidentLoader(cohort, batch_size=batch_size, transform=transform, device=device)
    # under torch.distributed every rank needs the features of all cases
    loader.rank = 0
    loader.world = 1
    inferer = PrecisionInferer(precision)
    training = network.training
    network.to(device).eval()
    features = (
        torch.cat([_features(batch["image"], network, inferer) for batch in loader]).cpu().numpy()
    )
    network.train(training)
    images = np.ascontiguousarray(features.reshape(len(cohort), -1, 1, 1))
    return dataclasses.replace(cohort, images=images, places=None)  # features lie nowhere in space


def training_cohort(
    cohort: Cohort,
    network: TransferNetwork,
    *,
    cached: bool,
    transform: Any = None,
    batch_size: int = 64,
    device: str | torch.device = "cpu",
    precision: Literal["fp32", "bf16", "fp16"] = "fp32",
) -> Cohort:
    """Return what a network is trained on: the features of its frozen backbone if they are cached,
    else the images.

    Args:
        cohort: the cases.
        network: as for `frozen_features`.
        cached: whether features are computed once; the id `cache_features` of a bundle.
        transform: what the network's input gets, without anything random.
        batch_size: cases per batch while features are computed.
        device: where the backbone runs.
        precision: as for `PrecisionInferer`.
    """
    if not cached:
        return cohort
    return frozen_features(
        cohort,
        network,
        transform=transform,
        batch_size=batch_size,
        device=device,
        precision=precision,
    )


@torch.no_grad()
def _features(
    images: torch.Tensor, network: TransferNetwork, inferer: PrecisionInferer
) -> torch.Tensor:
    return inferer(images, network.backbone)


class HeadInferer(PrecisionInferer):
    """Run a `TransferNetwork` from features (B, F, 1, 1), as `frozen_features` gives them, instead
    of images.

    Args:
        precision: as for `PrecisionInferer`.

    Raises:
        ValueError: when called: a part of the backbone was unfrozen, but nothing passes it.
    """

    def __call__(
        self, inputs: torch.Tensor, network: nn.Module, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Return the logits of the head as float32; the network may be wrapped."""
        if unfrozen := getattr(getattr(network, "module", network), "unfrozen", ()):
            raise ValueError(
                "the features are cached, so the backbone cannot learn, but its "
                f"{unfrozen[0]!r} is unfrozen; use cache_features=false."
            )
        return super().__call__(inputs.flatten(1), network, *args, from_features=True, **kwargs)


def training_inferer(
    precision: Literal["fp32", "bf16", "fp16"], *, cached: bool
) -> PrecisionInferer:
    """Return the inferer that goes with `training_cohort`: of the head on cached features, else of
    the whole network.

    Args:
        precision: as for `PrecisionInferer`.
        cached: as for `training_cohort`.
    """
    return HeadInferer(precision) if cached else PrecisionInferer(precision)
