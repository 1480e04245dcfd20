"""The metadata.json of a bundle, as MONAI's schema asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import medmonai
from medmonai.engines import versions


def metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a bundle.

    Args:
        values: of the template's placeholders, see `template_values`.
    """
    found = versions()
    classes = {str(c): label for c, label in enumerate(values["class_names"])}
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "version": medmonai.__version__,
        "changelog": {medmonai.__version__: "first version"},
        "monai_version": found["monai"],
        "pytorch_version": found["torch"].split("+")[0],
        "numpy_version": found["numpy"],
        "required_packages_version": {
            "medmonai": medmonai.__version__,
            "libauc": found["libauc"],
            "pytorch-ignite": found["pytorch-ignite"],
            "medmnist": found["medmnist"],
        },
        "supported_apps": {},
        "name": f"{values['title']} classification",
        "task": f"{values['title']}: {values['task_kind']} classification",
        "description": (
            f"{_network_name(values['network_def'])} trained with cross-entropy, "
            "then with the AUC margin loss and PESG. Research software: not for clinical use."
        ),
        "authors": "the medmonai authors",
        "copyright": "Copyright (c) the medmonai authors",
        "data_source": values["source"],
        "data_type": values["data_type"],
        "image_classes": (
            f"{len(values['size'])}D image of {values['in_channels']} channel(s), gray values 0 to "
            "255"
        ),
        "label_classes": ", ".join(f"{c}: {label}" for c, label in classes.items()),
        "pred_classes": ", ".join(f"{c}: {label}" for c, label in classes.items())
        + " (the network gives logits, `postprocessing` of inference.json calibrated "
        "probabilities)",
        "eval_metrics": {},
        "intended_use": "Research and teaching. Not for clinical use.",
        "references": [values["citation"]] if values["citation"] else [],
        "network_data_format": _network_data_format(values, classes),
    }


def _network_name(network: Mapping[str, Any]) -> str:
    joined = network["_target_"] == "medmonai.networks.CovariateNetwork"
    inner = network["network"] if joined else network
    return inner["_target_"].rpartition(".")[2] + " with covariates" * joined


def _network_data_format(values: Mapping[str, Any], classes: Mapping[str, str]) -> dict[str, Any]:
    """Return what goes into the network of inference.json, and what `postprocessing` makes of its
    logits.
    """
    names = values["channel_names"]
    coloured = names == ["image"] * 3 and len(values["size"]) == 2
    image = {
        "type": "image",
        "format": "RGB" if coloured else "magnitude",
        "num_channels": values["in_channels"],
        "spatial_shape": values["enlarged_size"] or values["size"],
        "dtype": "float32",
        "value_range": _value_range(values),
        "is_patch_data": False,
        "channel_def": {str(c): name for c, name in enumerate("RGB" if coloured else names)},
    }
    network = values["inference_network"]
    outputs = network.get("num_classes", values["num_outputs"])
    pred = {
        "type": "probabilities",
        "format": "classes",
        "num_channels": outputs,
        "spatial_shape": [1, outputs],
        "dtype": "float32",
        "value_range": [0, 1],
        "is_patch_data": False,
        "channel_def": dict(classes),
    }
    return {"inputs": {"image": image}, "outputs": {"pred": pred}}


def _value_range(values: Mapping[str, Any]) -> list[float]:
    """Return the least and largest value after `scaling` and `normalization`; nothing where an
    image's own statistics decide.
    """
    ends = np.tile([0.0, 1.0], (values["in_channels"], 1))
    for stated in values["normalization"]:
        arguments = {name: value for name, value in stated.items() if name != "_target_"}
        if arguments.get("subtrahend") is None or arguments.get("divisor") is None:
            return []
        # as `medmonai.transforms.NormalizeIntensity`, one number for all channels or one for each
        taken, divided = (
            np.reshape(arguments[name], (-1, 1)) for name in ("subtrahend", "divisor")
        )
        ends = (ends - taken) / divided
    return [round(float(end), 6) for end in (ends.min(), ends.max())]
