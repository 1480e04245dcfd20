"""The rules of a plan: from the look at the data to size, gray values, network and schedule."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .choice import Choice
from .grey_levels import GreyLevels
from .look import Look
from .network_rules import SMALL, AskedNetwork

# Steps of the optimizer: PneumoniaMNIST's recipe takes 720, BreastMNIST's 480
# (bundles/recipes.json). VesselMNIST3D, folds of training and validation: AUC .956 after 400 steps,
# .963 after 800, .967 after 1,600 (docs/results/gpu.md).
_STEPS = {2: 700, 3: 800}
# More images are worth more steps, and so are several classes or labels in 2D; the recipes of
# DermaMNIST (7,007 images), ChestMNIST (78,468), PathMNIST (89,996) take 1,640, 3,700, 14,000.
_MANY = 5000  # images for which the steps are meant; they follow the square root of the number
# Share of the steps that few images get at least: the validation AUC of 2,000 phantoms of 32 pixels
# was highest after 240 of 700 steps.
_LEAST_SHARE = {2: 0.57, 3: 1.0}
_SEVERAL = {2: 2.0, 3: 1.0}
_FEWEST_EPOCHS = 4
_MOST_EPOCHS = 60
_AVERAGED = 0.27  # share of the steps that the average of the weights looks back on, as there
_PIXELS = 128  # pixels of the longer side of a larger one
_VOXELS = 48**3
_NARROW = 32  # of 256 gray values
_LEAST = 16
_LARGE = 2000  # training images from which SGD with a large step is faster
_FINE_TUNING = 0.0003  # learning rate of AdamW for published weights and for transformers
# Cases of the rarest class below which they are shown more often, as a share of those that it would
# have if all classes had the same number.
_IMBALANCED = 0.7


def size_choice(look: Look, *, scale: float = 1.0) -> tuple[dict[str, Any], Choice]:
    """Choose the size of the images that the network sees, with the spacing of volumes.

    Args:
        look: at the data.
        scale: of every axis, to make a plan cheaper.

    Returns:
        "size", and for volumes that state their spacing "spacing"; and the choice.
    """
    if look.listing is None:
        return {"size": list(look.size)}, Choice("size", list(look.size), "as the set has them")
    smaller = "" if scale == 1 else f"; {scale:g} of that along each axis, for --minutes"
    if look.spatial_dims == 2:
        return _picture_size(look, scale, smaller)
    voxels = _VOXELS * scale**3
    if look.spacing is None:
        step = max(1.0, (np.prod(look.size, dtype=float) / voxels) ** (1 / 3))
        size = [_rounded(n / step) for n in look.size]
        known = "; the files do not all state a spacing"
        return {"size": size}, Choice(
            "size",
            size,
            f"about {_VOXELS:,} voxels at most; the median volume has {_times(look.size)}{known}"
            f"{smaller}",
        )
    field = np.multiply(look.size, look.spacing)
    chosen = _spacing(field, np.array(look.spacing), voxels)
    size = [_rounded(f / mm) for f, mm in zip(field, chosen)]
    return {"size": size, "spacing": chosen}, Choice(
        "size and spacing",
        f"{_times(size)} voxels of {_times(chosen)} mm",
        f"the median volume covers {_times([round(f) for f in field])} mm; about "
        f"{_VOXELS:,} voxels at most, and none finer than the files'{smaller}"
        f"{_cut(look, np.multiply(size, chosen))}",
    )


def _cut(look: Look, field: np.ndarray) -> str:
    """Return how many of the sampled volumes a field of view (mm) keeps less than half of."""
    own = [np.multiply(*pair) for pair in zip(look.sizes or (), look.spacings)]
    lost = sum(np.prod(np.minimum(1, field / one)) < 0.5 for one in own)
    return f"; {lost} of {len(own)} sampled volumes lose more than half outside it" if lost else ""


def _picture_size(look: Look, scale: float, smaller: str) -> tuple[dict[str, Any], Choice]:
    longest = max(look.size)
    if longest <= SMALL:
        size = list(look.size) if scale == 1 else [_rounded(n * scale) for n in look.size]
        why = f"the images are small: {_times(look.size)}{smaller}"
        return {"size": size}, Choice("size", size, why)
    target = min(longest, _PIXELS * scale)
    size = [_rounded(n * target / longest) for n in look.size]
    return {"size": size}, Choice(
        "size",
        size,
        f"{_PIXELS} pixels on the longer side of the median image of {_times(look.size)}{smaller}",
    )


def _spacing(field: np.ndarray, own: np.ndarray, voxels: float) -> list[float]:
    """Return one spacing for all axes that makes so many voxels of a field of view (mm).

    An axis is never finer than the files have it, and never has fewer than 16 voxels unless they
    have fewer.
    """
    coarsest = np.maximum(field / _LEAST, own)
    free = np.full(3, True)
    spacing = own.copy()
    for _ in range(3):
        rest = voxels / np.prod(field[~free] / spacing[~free])
        target = (np.prod(field[free]) / rest) ** (1 / free.sum())
        spacing[free] = np.clip(target, own[free], coarsest[free])
        bound = free & (spacing != target)
        if not bound.any() or bound.sum() == free.sum():
            break
        free &= ~bound
    return [float(f"{mm:.3g}") for mm in spacing]


def _rounded(n: float) -> int:
    """Return a whole number of fours, which the strides of a network divide."""
    return max(_LEAST, 4 * round(n / 4))


def _times(numbers: Any) -> str:
    return " x ".join(f"{n:g}" for n in numbers)


def form_choice(look: Look) -> tuple[dict[str, Any], Choice]:
    """Choose the range of gray values that the network sees, and the indicators of missing
    channels: entries of the recipe's "form".
    """
    fixed = {"indicators": list(look.indicators)} if look.indicators else {}
    plain = all(level.eight_bits and not _is_narrow(level) for level in look.levels)
    if look.listing is None or plain:
        return fixed, Choice("intensity range", "as they are", "the images hold 8 bits")
    chosen = [_range(level) for level in look.levels]
    reasons = [reason for _, reason in chosen]
    if len(chosen) == 1:
        value: Any = chosen[0][0]
        reason = reasons[0]
    else:
        value = [pair for pair, _ in chosen]
        names = [f"{level.channel}: {why}" for level, why in zip(look.levels, reasons)]
        reason = reasons[0] if len(set(reasons)) == 1 else "; ".join(names)
        reason = f"each channel on its own: {reason}"
    return {"intensity_range": value, **fixed}, Choice("intensity range", value, reason)


def _range(level: GreyLevels) -> tuple[list[float], str]:
    """Return the range of one channel, with its reason."""
    if level.eight_bits and not _is_narrow(level):
        return [0.0, 255.0], "the images hold 8 bits"
    low = level.low
    if level.hounsfield:
        low = max(low, -1000.0)
        reason = "Hounsfield units, from air to the 99.5th percentile of the training images"
    else:
        reason = "0.5th to 99.5th percentile of the training images"
    high = level.high if level.high > low else low + 1
    # Four digits of the width: large values that differ little stay apart.
    digits = 3 - math.floor(math.log10(high - low))
    return [round(low, digits), round(high, digits)], reason


def _is_narrow(level: GreyLevels) -> bool:
    """Return whether images of 8 bits use so few of them that noise and normalization, which are
    meant for all, would hide them: masks of 0 and 1, or 12 bits that were cut to 8.
    """
    return level.eight_bits and level.high - level.low < _NARROW


def channels_choice(look: Look) -> list[Choice]:
    """Return what the channels are; [] for gray images and for colors."""
    if len(look.levels) == 1:
        return []
    names = [level.channel for level in look.levels]
    lacking = [names[i] for i in look.indicators]
    value = ", ".join([*names, *(f"whether {name} is there" for name in lacking)])
    what = "one file for each" if look.listing and look.listing.modalities else "as the files hold"
    more = "; a missing one is 0, and a channel of 0 or 1 says so" if lacking else ""
    return [Choice("channels", value, f"{what}{more}")]


def normalization_choice(look: Look, levels: dict[str, Any]) -> tuple[dict[str, Any], Choice]:
    """Choose what is subtracted and divided by, after the range has become 0 to 1. Indicators stay
    0 and 1.
    """
    stated = levels.get("intensity_range", (0.0, 255.0))
    ranges = stated if len(look.levels) > 1 and "intensity_range" in levels else None
    means = []
    deviations = []
    for number, level in enumerate(look.levels):
        low, high = stated if ranges is None else ranges[number]
        means.append(round((level.mean - low) / (high - low), 3))
        deviations.append(round(max(level.deviation / (high - low), 0.01), 3))
    if len(look.levels) == 1:
        value: dict[str, Any] = {"subtrahend": means[0], "divisor": deviations[0]}
        shown = f"minus {means[0]}, divided by {deviations[0]}"
        return value, Choice("normalization", shown, "mean and deviation of the training sample")
    shown = f"minus {means}, divided by {deviations}"
    value = {
        "subtrahend": means + [0.0] * len(look.indicators),
        "divisor": deviations + [1.0] * len(look.indicators),
        "channel_wise": True,
    }
    reason = "mean and deviation of each channel of the training sample"
    return value, Choice("normalization", shown, reason)


def schedule_choice(
    look: Look, training_cases: int, *, share: float = 1.0
) -> tuple[dict[str, Any], list[Choice]]:
    """Choose batch size, epochs and the average of the weights.

    Args:
        look: at the data.
        training_cases: of one member.
        share: of the epochs, to make a plan cheaper.
    """
    most = 128 if look.spatial_dims == 2 else 64
    batch = 2 ** round(math.log2(max(16, min(most, training_cases / 12))))
    # Folds differ by a few cases, and a batch has to be full.
    batch = min(batch, 2 ** int(math.log2(max(2.0, training_cases / 1.5))))
    steps = max(training_cases // batch, 1)
    of_cases = max(_LEAST_SHARE[look.spatial_dims], math.sqrt(training_cases / _MANY))
    wanted = share * _STEPS[look.spatial_dims] * of_cases
    if look.task.num_outputs > 1:
        wanted *= _SEVERAL[look.spatial_dims]
    epochs = int(np.clip(round(wanted / steps), _FEWEST_EPOCHS, _MOST_EPOCHS))
    decay = round(1 - 1 / max(2.0, _AVERAGED * epochs * steps), 4)
    values = {"batch_size": batch, "epochs": epochs, "average_decay": decay}
    reason = f"a twelfth of {training_cases} training cases, 16 to {most}"
    return values, [
        Choice("batch size", batch, reason),
        Choice("epochs", epochs, f"about {wanted:.0f} steps, {steps} per epoch"),
        Choice("average of the weights", decay, "over the last quarter of the steps"),
    ]


def optimizer_choice(
    look: Look, training_cases: int, asked: AskedNetwork | None = None
) -> tuple[dict[str, Any], list[Choice]]:
    """Choose optimizer, learning rates, loss and its AUC stage.

    Args:
        look: at the data.
        training_cases: of one member.
        asked: the network that somebody asks for; None for the rule's.
    """
    asked = asked or AskedNetwork()
    adam = asked.weights or asked.transformer
    large = look.spatial_dims == 2 and training_cases >= _LARGE and not adam
    optimizer: dict[str, Any] = (
        {"_target_": "torch.optim.SGD", "momentum": 0.9, "nesterov": True, "weight_decay": 0.0005}
        if large
        else {"_target_": "torch.optim.AdamW", "weight_decay": 0.05}
    )
    rate = 0.1 if large else 0.002 if look.spatial_dims == 3 else 0.001
    why = f"{_LARGE:,} or more training images" if large else "few training cases, or volumes"
    if adam:
        rate = _FINE_TUNING
        why = "weights are tuned" if asked.weights else "a network that SGD does not train well"
    binary = look.task.kind == "binary"
    smoothing = {2: 0.1, 3: 0.05}[look.spatial_dims]
    values: dict[str, Any] = {
        "optimizer": optimizer,
        "learning_rate": rate,
        "auc_learning_rate": 0.05 if large or look.spatial_dims == 3 else 0.02,
        "label_smoothing": 0.0 if look.task.kind == "multilabel" else smoothing,
    }
    if not binary:
        values["warmup_epochs"] = "@max_epochs"
    return values, [
        Choice(
            "optimizer",
            f"{optimizer['_target_'].rpartition('.')[2]}, learning rate {rate}",
            why,
        ),
        Choice(
            "loss",
            "cross-entropy, then the AUC margin loss with PESG" if binary else "cross-entropy",
            "a binary task is ranked by its AUC" if binary else "more than one AUC is at stake",
        ),
    ]


def balance_choice(look: Look) -> tuple[str, Choice]:
    """Choose whether the cases of rare classes are shown more often."""
    share = look.rarest * look.task.num_classes / max(look.training_cases, 1)
    rare = look.task.exclusive and share < _IMBALANCED
    value = "oversample" if rare else "none"
    reason = f"the rarest class has {look.rarest} of {look.training_cases} cases"
    return value, Choice("balance", value, reason)
