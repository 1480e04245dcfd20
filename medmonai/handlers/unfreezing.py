"""Let a frozen backbone learn part by part, the deepest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ignite.engine import Engine, Events

from medmonai.distributed import together
from medmonai.networks import TransferNetwork

from .trainer import Trainer


class GradualUnfreezing:
    """Unfreeze parts of a `TransferNetwork` when their epochs begin.

    What is unfrozen follows from the epoch, so the handler has no state and a resumed run goes on
    exactly. The optimizer is built on all parameters, as usual: it passes over those without
    gradients until they have some. MONAI's `freeze_network` is a function for one moment, and
    leaves batch norm learning.

    Args:
        network: the network, not wrapped for distributed training.
        epochs: epoch, from 1 -> name of a part of the backbone, or several: {"3": "layer4", "6":
            ["layer3", "layer2"]} (JSON's keys are strings); "" for all of it. Empty: nothing is
            ever unfrozen, and any network will do.
        cached_features: whether the trainer is fed with cached features, which never pass the
            backbone.

    Raises:
        TypeError: `epochs` is not a mapping of epochs to names.
        ValueError: an epoch below 1 or no number, a part that the backbone does not have, a
            backbone that is not frozen or whose features are cached; when attached: several ranks,
            whose DistributedDataParallel does not see parameters that were frozen when it was
            built.

    Example:
        >>> from medmonai.networks import transfer_network
        >>> handler = GradualUnfreezing(
        ...     transfer_network("resnet18", pretrained=False), epochs={"3": "layer4"}
        ... )
        >>> handler.epochs
        {3: ('layer4',)}
    """

    def __init__(
        self,
        network: TransferNetwork,
        epochs: Mapping[int | str, str | Sequence[str]],
        *,
        cached_features: bool = False,
    ) -> None:
        self.network, self.epochs = network, _plan(epochs)
        if not self.epochs:
            return
        if not getattr(network, "frozen", False):
            raise ValueError(
                f"epochs={dict(epochs)!r}: no backbone of this network is frozen, so there is "
                "nothing to unfreeze; use freeze='backbone', or leave epochs empty."
            )
        if cached_features:
            raise ValueError(
                f"epochs={dict(epochs)!r}: the features are cached, so the backbone cannot learn; "
                "use cache_features=false."
            )
        known = {name for name, _ in network.backbone.named_modules()}
        if missing := [
            name for names in self.epochs.values() for name in names if name not in known
        ]:
            raise ValueError(
                f"epochs={dict(epochs)!r}: the backbone has no module {missing[0]!r}; use names "
                f"such as {', '.join(name for name, _ in network.backbone.named_children())}."
            )

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer.

        Raises:
            ValueError: several processes train together.
        """
        if not self.epochs:
            return
        if together():
            raise ValueError(
                "GradualUnfreezing runs in one process: DistributedDataParallel would not average "
                "the gradients of parts unfrozen later. Use one process, or freeze='none'."
            )
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Trainer) -> None:
        """Unfreeze what this epoch and those before it unfreeze."""
        for epoch, names in self.epochs.items():
            if epoch <= engine.state.epoch:
                for name in names:
                    self.network.unfreeze(name)


def _plan(epochs: Mapping[int | str, str | Sequence[str]]) -> dict[int, tuple[str, ...]]:
    if not isinstance(epochs, Mapping):
        raise TypeError(
            f"epochs={epochs!r}; a mapping of epochs to names is needed, such as {{'3': 'layer4'}}."
        )
    plan: dict[int, tuple[str, ...]] = {}
    for epoch, names in epochs.items():
        if not str(epoch).isdecimal() or int(epoch) < 1:
            raise ValueError(
                f"epochs={dict(epochs)!r}: {epoch!r} is not an epoch; use whole numbers from 1."
            )
        parts = [names] if isinstance(names, str) else names
        if not isinstance(parts, Sequence) or not all(isinstance(name, str) for name in parts):
            raise TypeError(
                f"epochs={dict(epochs)!r}: {names!r} is not the name of a module; use one such as "
                "'layer4', or a list of names."
            )
        plan[int(epoch)] = tuple(parts)
    return plan
