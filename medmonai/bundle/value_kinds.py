"""What the value of each config id may be, checked before any data is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pydoc import locate
from typing import Any

from medmonai.config_text import unescaped
from medmonai.nearest import did_you_mean


@dataclass(frozen=True)
class ValueKind:
    """What a value may be.

    Args:
        wanted: what is allowed, in words that end the sentence "... is needed".
        fits: whether a value is allowed.
        optional: whether null is allowed too.
    """

    wanted: str
    fits: Callable[[Any], bool]
    optional: bool = False


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(low: int, high: int | None = None, *, optional: bool = False) -> ValueKind:
    words = f"a whole number from {low}" + ("" if high is None else f" to {high}")
    return ValueKind(
        words,
        lambda value: _is_whole(value) and value >= low and (high is None or value <= high),
        optional,
    )


def _choice(*words: str, optional: bool = False) -> ValueKind:
    return ValueKind(f"one of {', '.join(words)}", lambda value: value in words, optional)


def _list_of(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, (list, tuple)) and all(map(fits, value))


def _is_range(value: Any) -> bool:
    return _list_of(_is_number)(value) and len(value) == 2 and value[0] < value[1]


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _is_device(value: Any) -> bool:
    import torch

    try:
        device = torch.device(value)
    except (RuntimeError, TypeError):
        return False
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    return device.type in ("cpu", "mps", "xpu")


_TRUTH = ValueKind("true or false", lambda value: isinstance(value, bool))
_TEXT = ValueKind("a text, or null,", lambda value: isinstance(value, str), optional=True)
_RATE = ValueKind("a number above 0", lambda value: _is_number(value) and value > 0)
_SHARE = ValueKind("a share from 0 to below 1", lambda value: _is_number(value) and 0 <= value < 1)
_FRACTION = ValueKind(f"{_SHARE.wanted}, or null,", _SHARE.fits, optional=True)

KINDS: dict[str, ValueKind] = {
    "seed": _whole(0, 2**32 - 1),
    "phantom_seed": _whole(0),
    "split_seed": _whole(0),
    "max_epochs": _whole(1),
    "warmup_epochs": _whole(0),
    "val_interval": _whole(1),
    "patience": _whole(1, optional=True),
    "batch_size": _whole(1),
    "train_cases": _whole(1),
    "image_size": _whole(1),
    "learning_rate": _RATE,
    "auc_learning_rate": _RATE,
    "average_decay": _SHARE,
    "label_smoothing": _SHARE,
    "val_fraction": _FRACTION,
    "test_fraction": _FRACTION,
    "class_weights": ValueKind(
        "balanced, a list of numbers above 0, or null,",
        lambda value: value == "balanced" or _list_of(_RATE.fits)(value),
        optional=True,
    ),
    "precision": _choice("auto", "fp32", "bf16", "fp16"),
    "aspect": _choice("stretch", "crop", "pad"),
    "keep_best": _choice("run", "stage"),
    "splits_file_missing": _choice("error", "skip"),
    "rows_without_image": _choice("error", "skip"),
    "federated": _TRUTH,
    **dict.fromkeys(
        (
            "allow_leakage",
            "jpeg_scaling",
            "skip_unreadable",
            "verify_checksum",
            "cache_features",
            "load_pretrain",
            "published_images",
        ),
        _TRUTH,
    ),
    "pretrained": ValueKind(
        "true, false, imagenet, medicalnet or a file of weights",
        lambda value: isinstance(value, bool | str) and value != "",
    ),
    "device": ValueKind("cpu, or cuda where PyTorch finds a GPU,", _is_device),
    "spatial_size": ValueKind(
        "a list of whole numbers from 1", _list_of(lambda size: _is_whole(size) and size >= 1)
    ),
    "enlarged_size": ValueKind(
        "a list of whole numbers from 1, or null,",
        _list_of(lambda size: _is_whole(size) and size >= 1),
        optional=True,
    ),
    "flip_axes": ValueKind(
        "a list of whole numbers from 0", _list_of(lambda axis: _is_whole(axis) and axis >= 0)
    ),
    "spacing": ValueKind(
        "a list of numbers above 0 (mm), or null,", _list_of(_RATE.fits), optional=True
    ),
    "intensity_range": ValueKind(
        "a list [low, high] with low below high, one such list for each channel, or null,",
        lambda value: _is_range(value) or (_list_of(_is_range)(value) and len(value) > 0),
        optional=True,
    ),
    "group_pattern": ValueKind("a regular expression, or null,", _is_pattern, optional=True),
    "operating_point_rule": ValueKind(
        "a text such as youden or sensitivity=0.9", lambda value: isinstance(value, str)
    ),
    "orientation": ValueKind(
        "three letters such as RAS", lambda value: isinstance(value, str) and len(value) == 3
    ),
    "image_folders": ValueKind(
        "a text or a list of texts",
        lambda value: isinstance(value, str) or _list_of(lambda name: isinstance(name, str))(value),
    ),
    "class_names": ValueKind(
        "a list of different names, or an object {name in the source: name to show},",
        lambda value: (
            isinstance(value, Mapping)
            or (
                _list_of(lambda name: isinstance(name, str))(value)
                and len(set(value)) == len(value)
            )
        ),
    ),
    **dict.fromkeys(
        (
            "dataset_dir",
            "dataset_name",
            "output_dir",
            "cache_dir",
            "ckpt_path",
            "decision_path",
            "groups_file",
            "splits_file",
            "group_column",
            "positive_class",
            "saliency_layer",
            "bundle_root",
        ),
        _TEXT,
    ),
}


def check_values(config: Mapping[str, Any]) -> None:
    """Raise ValueError for the first id whose value is of another kind than it needs, and for
    classes balanced twice.

    Values that MONAI is still to evaluate (texts that begin with `$`, `@` or `%`) are left alone,
    and so are ids that are not listed here.

    Args:
        config: the merged config of a bundle.

    Example:
        >>> check_values({"max_epochs": "two"})
        Traceback (most recent call last):
        ...
        ValueError: max_epochs='two'; a whole number from 1 is needed.
    """
    for name, kind in KINDS.items():
        value = config.get(name)
        if name not in config or (value is None and kind.optional) or _is_evaluated(value):
            continue
        if not kind.fits(unescaped(value)):
            raise ValueError(f"{name}={value!r}; {kind.wanted} is needed.")
    network, loss, train = (config.get(name) for name in ("network_def", "loss", "train"))
    if isinstance(network, Mapping):
        _check_network(network, config)
    balance = train.get("balance") if isinstance(train, Mapping) else None
    if isinstance(balance, Mapping) and isinstance(loss, Mapping):
        weights = loss.get("class_weights")
        check_balanced_once(
            config.get("class_weights") if weights == "@class_weights" else weights,
            balance.get("strategy"),
            where="train#balance#strategy",
        )


def check_balanced_once(class_weights: Any, strategy: Any, *, where: str) -> None:
    """Raise ValueError where the loss and the batches both correct the classes' sizes.

    Balanced weights come from the numbers of cases, not from what an epoch shows: with every class
    shown equally often, a class with a tenth of the cases would count ten times as much as the
    largest one. Weights given as numbers are meant.

    Args:
        class_weights: of the loss.
        strategy: of `medmonai.data.Balance`.
        where: what the strategy is called in the message.

    Example:
        >>> check_balanced_once("balanced", "none", where="balance")
    """
    if class_weights == "balanced" and strategy in ("oversample", "cap", "target", "dual"):
        raise ValueError(
            f"class_weights='balanced' with {where}={strategy!r} corrects the classes' sizes "
            f"twice; set {where} to none or class_weights to null, or give the weights as numbers "
            "if you want both."
        )


def _is_evaluated(value: Any) -> bool:
    return (
        isinstance(value, str) and unescaped(value) == value and value.startswith(("$", "@", "%"))
    )


def _check_network(network: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise ValueError for a network that does not exist, and for sizes and class names that do not
    fit it.
    """
    target, outputs, axes = (
        network.get(name) for name in ("_target_", "num_classes", "spatial_dims")
    )
    module, _, name = str(target).rpartition(".")
    home = locate(module) if module.split(".")[0] in ("medmonai", "monai") else None
    if home is not None and not hasattr(home, name):
        hint = did_you_mean(
            name,
            [known for known in dir(home) if not known.startswith("_")],
            show=f"{module}.{{}}",
            otherwise=f"choose a network of {module}.",
        )
        raise ValueError(f"network_def#_target_={target!r} does not exist; {hint}")
    size = config.get("spatial_size")
    names = config.get("class_names")
    if _is_whole(axes) and isinstance(size, (list, tuple)) and len(size) != axes:
        raise ValueError(
            f"spatial_size={list(size)!r}; {axes} numbers are needed, one for each axis."
        )
    if (
        isinstance(outputs, bool)
        or not isinstance(outputs, int)
        or not isinstance(names, (list, tuple))
    ):
        return
    if len(names) not in ({1, 2} if outputs == 1 else {outputs}):
        raise ValueError(
            f"class_names={list(names)!r} holds {len(names)} names; the network has "
            f"{max(outputs, 2)} classes."
        )
