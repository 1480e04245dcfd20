"""How images reached a network in its training, which a later config must repeat."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.bundle.config_item import ConfigExpression
from torch import nn

from medmonai.engines import load_checkpoint, place_weights, recorded_classes
from medmonai.run_files import read_record

from .class_order import require_inference_classes
from .config import check_config_ids, merged_config

logger = logging.getLogger("medmonai.bundle")

# Ids that decide what a network sees, and what it is. Some of them are in one kind of config only.
_INPUT = (
    "network_def",
    "spatial_size",
    "image_size",
    "intensity_range",
    "aspect",
    "orientation",
    "spacing",
    "jpeg_scaling",
    "scaling",
    "enlarged_size",
    "normalization",
    "dataset_name",
    "groups_file",
    "phantom_seed",
    "phantom_design",
)
# Entries of network_def that say where weights come from and which of them learn, not what is
# computed.
_OF_TRAINING = ("pretrained", "freeze", "fitted")
# What inference.json puts around the trained network, which is its entry `network`.
_AROUND = "medmonai.networks.ClassLogits"


def difference(old: Any, new: Any, name: str = "") -> str:
    """Name the first place at which two configs differ, as an override is written, with both
    values; "" if none does.

    Example:
        >>> difference({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}})
        'a#b#1 (2 there, 3 now)'
    """
    if (
        isinstance(old, Mapping)
        and isinstance(new, Mapping)
        and old.get("_target_") == new.get("_target_")
    ):
        pairs = [(key, old.get(key), new.get(key)) for key in sorted({*old, *new})]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(str(i), *both) for i, both in enumerate(zip(old, new))]
    else:
        return (
            ""
            if old == new
            else f"{name} ({json.dumps(old)[:60]} there, {json.dumps(new)[:60]} now)"
        )
    return next(
        filter(
            None,
            (difference(then, now, f"{name}#{key}" if name else key) for key, then, now in pairs),
        ),
        "",
    )


def require_trained_input(config: Mapping[str, Any], checkpoint: str | Path) -> None:
    """Refuse a config that prepares images differently from the training of a network.

    A checkpoint RUN/models/model.pt is compared with RUN/config.json, and its spatial size with
    RUN/run.json. A checkpoint anywhere else is used as it is. Ids that are expressions are not
    compared, but what they refer to is.

    Args:
        config: the merged config of an evaluation or inference.
        checkpoint: the file whose weights are loaded.

    Raises:
        ValueError: the first id that differs.
    """
    folder = Path(checkpoint).resolve().parent.parent
    record = read_record(folder / "run.json")
    sizes = {name: record[name] for name in ("spatial_size",) if name in record}
    trained = _input_of({**read_record(folder / "config.json"), **sizes})
    wanted = json.loads(json.dumps(_input_of(config)))
    shared = [
        name
        for name in _INPUT
        if name in trained
        and name in wanted
        and not any(ConfigExpression.is_expression(said[name]) for said in (trained, wanted))
    ]
    differs = difference(
        {name: trained[name] for name in shared}, {name: wanted[name] for name in shared}
    )
    if _is_wrapped(config):
        differs = re.sub("^network_def#", "network_def#network#", differs)
    if differs:
        raise ValueError(
            f"{checkpoint} was trained otherwise: {differs}; give the id the value that it had "
            "there. To use the weights so on purpose, copy them out of their run folder."
        )


def load_trained(network: nn.Module, checkpoint: str | Path, *, load: bool = True) -> nn.Module:
    """Load a checkpoint for the inference that the running config describes; see
    `require_trained_input`.

    Args:
        network: what the weights are put into.
        checkpoint: the file of the weights.
        load: False leaves the random weights, with a warning.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: weights of another network or of other classes, another input than in training,
            a bundle that names its classes in two ways, an id that nothing reads, or a word where
            True, False or None was meant.
    """
    config = merged_config()
    check_config_ids(config)
    if not load:
        logger.warning(
            "load_pretrain is false: the network has random weights, and its predictions mean "
            "nothing."
        )
        return network
    require_trained_input(config, checkpoint)
    state = load_checkpoint(checkpoint)
    require_inference_classes(config, trained_classes(state, checkpoint), checkpoint=checkpoint)
    return place_weights(network, state, checkpoint)


def trained_classes(state: Any, checkpoint: str | Path) -> list[str] | None:
    """Return the classes that weights were trained for, as the file or its run says; None where
    neither does.

    Args:
        state: what `load_checkpoint` returned.
        checkpoint: the file it is from.
    """
    beside = read_record(Path(checkpoint).resolve().parent.parent / "run.json").get("class_names")
    return recorded_classes(state) or beside


def _is_wrapped(config: Mapping[str, Any]) -> bool:
    network = config.get("network_def")
    return isinstance(network, Mapping) and network.get("_target_") == _AROUND


def _input_of(config: Mapping[str, Any]) -> dict[str, Any]:
    entries = {name: config[name] for name in _INPUT if name in config}
    network = entries.get("network_def")
    if isinstance(network, Mapping):
        inner = network["network"] if _is_wrapped(config) else network
        entries["network_def"] = (
            {k: v for k, v in inner.items() if k not in _OF_TRAINING}
            if isinstance(inner, Mapping)
            else inner
        )
    return entries
