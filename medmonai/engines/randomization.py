"""Does a saliency map depend on what the network learned? The parameter-randomisation check."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from scipy.stats import rankdata
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from .saliency import grad_cam
from .saliency_input import as_images
from .target_layer import private_copy

RandomizationMode = Literal["full", "cascading"]
# mean rank correlations; a convention of this module, none is agreed on
DIFFERENT = 0.3
ALIKE = 0.7

_CAVEAT = (
    "This check says only whether the maps depend on the network's weights. It cannot say that a "
    "map is right, that it shows all that the network used, or that the marked place matters "
    "medically: the maps of an untrained or wrongly trained network depend on its weights as well "
    "and pass."
)


@dataclass(frozen=True)
class RandomizationCheck:
    """Rank correlation between the maps of a network and of the same network with random weights.

    Args:
        rank_correlation: Spearman's, mean over cases and repeats; all weights random.
        per_repeat: the mean over cases for each draw of random weights.
        between_random: the same between two networks with random weights: what image and
            architecture alone give. NaN with one repeat.
        cascade: (block, rank correlation) with the weights of that block and of all behind it
            random, from the head on; the last is `rank_correlation`. One entry, named "all", for
            mode "full".
        n: cases with at least one map that is not constant.
        verdict: "depend on the weights" (below 0.3), "depend on the weights in part", "hardly
            depend on the weights" (0.7 and more) or "undefined" (all maps are constant).
        caveat: what the check cannot say; to be shown with the verdict.
        seed: of the random weights.
    """

    rank_correlation: float
    per_repeat: tuple[float, ...]
    between_random: float
    cascade: tuple[tuple[str, float], ...]
    n: int
    verdict: str
    caveat: str
    seed: int

    @property
    def line(self) -> str:
        """One line for a figure or a log."""
        return (
            (
                f"Parameter-randomisation check: the maps {self.verdict} (rank correlation "
                f"{self.rank_correlation:.2f}, {len(self.per_repeat)} random networks, n = "
                f"{self.n})."
            )
            if self.n
            else ("Parameter-randomisation check: undefined, every map is constant.")
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold; NaN becomes None."""
        fields = asdict(self)
        fields["per_repeat"] = [_or_none(value) for value in self.per_repeat]
        fields["cascade"] = [
            {"block": name, "rank_correlation": _or_none(value)} for name, value in self.cascade
        ]
        return {
            **fields,
            "rank_correlation": _or_none(self.rank_correlation),
            "between_random": _or_none(self.between_random),
        }


def randomization_check(
    network: nn.Module,
    images: torch.Tensor | np.ndarray,
    *,
    class_index: int | Sequence[int],
    method: Callable[..., np.ndarray] = grad_cam,
    mode: RandomizationMode = "full",
    repeats: int = 5,
    seed: int = 0,
) -> RandomizationCheck:
    """Compare a network's maps with those of the same network after its weights were drawn afresh.

    Maps that stay the same show the image or the architecture, not what was learned. Weights of two
    and more dimensions are drawn from a normal distribution with mean 0 and their own root mean
    square, biases become 0 and scales of normalization 1; the running statistics of batch
    normalization are measured again on the images, or the random network would be out of its range.
    The network itself is left as it was, and so is torch's random state.

    Args:
        network: trained network that gives logits (B, outputs), bare or wrapped.
        images: (N, C, *spatial) as the network gets them; at least 2, better 10 or more.
        class_index: as for `grad_cam`.
        method: `grad_cam`, `occlusion_map` or another function (network, images,
            class_index=...) -> (N, 1, *spatial); set options with `functools.partial`.
        mode: "full" draws all weights at once; "cascading" block by block from the head to the
            input.
        repeats: how many times weights are drawn.
        seed: the same seed gives the same weights.

    Raises:
        ValueError: unknown mode, fewer than 1 repeat or 2 images, and what `method` raises.

    References:
        Adebayo et al., Sanity checks for saliency maps, arXiv:1810.03292, section 3.1; they
        reinitialize as for training and keep the running statistics. Arun et al.,
        doi:10.1148/ryai.2021200267: eight of eight methods failed at least one test of trust on
        medical images.

    Example:
        >>> from medmonai.networks import resnet10
        >>> randomization_check(
        ...     resnet10(width=4), torch.rand(4, 1, 16, 16), class_index=1, repeats=2
        ... ).n
        4
    """
    if mode not in get_args(RandomizationMode):
        raise ValueError(
            f"mode={mode!r} is unknown; use one of {', '.join(get_args(RandomizationMode))}."
        )
    x = as_images(images)
    if repeats < 1 or len(x) < 2:
        raise ValueError(
            f"repeats={repeats} with {len(x)} images; at least 1 repeat and 2 images are needed."
        )
    original = method(network, x, class_index=class_index)
    steps = _blocks(private_copy(network)) if mode == "cascading" else [("all", None)]
    changes = np.empty((len(steps), repeats, len(x)))
    last = []
    for r in range(repeats):
        chosen: list[str] | None = []
        for s, (_, modules) in enumerate(steps):
            chosen = None if modules is None else [*(chosen or ()), *modules]
            other = _with_random_weights(network, x, chosen, seed=seed + r)
            maps = method(other, x, class_index=class_index)
            changes[s, r] = rank_correlations(original, maps)
            if s == len(steps) - 1:
                last.append(maps)
    pairs = [rank_correlations(last[a], last[b]) for a in range(repeats) for b in range(a)]
    value = _mean(changes[-1])
    if math.isnan(value):
        warnings.warn(
            "every saliency map is constant; the randomization check is undefined.",
            UserWarning,
            stacklevel=2,
        )
    return RandomizationCheck(
        rank_correlation=value,
        per_repeat=tuple(_mean(values) for values in changes[-1]),
        between_random=_mean(np.array(pairs)),
        cascade=tuple((name, _mean(changes[s])) for s, (name, _) in enumerate(steps)),
        n=int(np.isfinite(changes[-1]).any(axis=0).sum()),
        verdict=_verdict(value),
        caveat=_CAVEAT,
        seed=seed,
    )


def rank_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation over the voxels of each case, (N,): maps (N, ...) against maps
    (N, ...).

    Ties get their mean rank. A constant map carries no order: against another map the correlation
    is 0, against another constant map NaN.
    """
    ranks = [rankdata(values.reshape(len(values), -1), axis=1) for values in (a, b)]
    centred = [values - values.mean(axis=1, keepdims=True) for values in ranks]
    norms = [np.sqrt((values**2).sum(axis=1)) for values in centred]
    both = norms[0] * norms[1]
    result = (centred[0] * centred[1]).sum(axis=1) / np.where(both > 0, both, 1.0)
    return np.where((norms[0] == 0) & (norms[1] == 0), np.nan, result)


def _verdict(value: float) -> str:
    if math.isnan(value):
        return "undefined"
    if value < DIFFERENT:
        return "depend on the weights"
    return "hardly depend on the weights" if value >= ALIKE else "depend on the weights in part"


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _blocks(network: nn.Module) -> list[tuple[str, list[str]]]:
    """Return (name, names of its modules) of the outermost blocks with weights, last first; the
    root's own come last.
    """
    root = network
    prefix = ""
    while True:
        children = [
            (name, child)
            for name, child in root.named_children()
            if any(True for _ in child.parameters())
        ]
        if len(children) != 1 or not any(True for _ in children[0][1].children()):
            break
        root = children[0][1]
        prefix = f"{prefix}{children[0][0]}."
    blocks = [
        (prefix + name, [n for n, _ in child.named_modules(prefix=prefix + name)])
        for name, child in reversed(children)
    ]
    known = {name for _, names in blocks for name in names}
    rest = [
        name for name, module in network.named_modules() if name not in known and module._parameters
    ]
    return [*blocks, ("what is left", rest)] if rest or not blocks else blocks


@torch.no_grad()
def _with_random_weights(
    network: nn.Module, x: torch.Tensor, names: list[str] | None, *, seed: int
) -> nn.Module:
    network = private_copy(network)
    generator = torch.Generator().manual_seed(seed)
    device = next((p.device for p in network.parameters()), x.device)
    for name, module in network.named_modules():
        for kind, weight in module.named_parameters(recurse=False):
            scale = float(weight.square().mean().sqrt())
            # Drawn for every weight, used or not: the head's weights are the same at every step of
            # a cascade.
            drawn = torch.randn(weight.shape, generator=generator) * scale
            if names is None or name in names:
                weight.copy_(drawn) if weight.ndim > 1 else weight.fill_(float(kind == "weight"))
        if (
            isinstance(module, _BatchNorm)
            and module.track_running_stats
            and (names is None or name in names)
        ):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over the images
            module.train()
    network(x.to(device))
    return network.eval()
