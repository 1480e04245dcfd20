"""The metadata.json of a bundle, as MONAI's schema asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import medmonai
from medmonai.engines import versions


def metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata of a bundle.

    Args:
        values: of the template's placeholders, see `template_values`.
    """
    found = versions()
    probabilities = {str(c): label for c, label in enumerate(values["class_names"])}
    if values["num_outputs"] == 1:
        probabilities = {"0": values["class_names"][1]}
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
        "label_classes": ", ".join(
            f"{c}: {label}" for c, label in enumerate(values["class_names"])
        ),
        "pred_classes": ", ".join(f"{c}: {label}" for c, label in probabilities.items())
        + " (logits)",
        "eval_metrics": {},
        "intended_use": "Research and teaching. Not for clinical use.",
        "references": [values["citation"]] if values["citation"] else [],
        "network_data_format": _network_data_format(values, probabilities),
    }


def _network_name(network: Mapping[str, Any]) -> str:
    joined = network["_target_"] == "medmonai.networks.CovariateNetwork"
    inner = network["network"] if joined else network
    return inner["_target_"].rpartition(".")[2] + " with covariates" * joined


def _network_data_format(
    values: Mapping[str, Any], probabilities: Mapping[str, str]
) -> dict[str, Any]:
    """Return what goes into the network and what comes out of it."""
    image = {
        "type": "image",
        "format": "magnitude",
        "num_channels": values["in_channels"],
        "spatial_shape": values["size"],
        "dtype": "float32",
        "value_range": [0, 255],
        "is_patch_data": False,
        "channel_def": {str(c): name for c, name in enumerate(values["channel_names"])},
    }
    pred = {
        "type": "probabilities",
        "format": "classes",
        "num_channels": values["num_outputs"],
        "spatial_shape": [1, values["num_outputs"]],
        "dtype": "float32",
        "value_range": [],
        "is_patch_data": False,
        "channel_def": probabilities,
    }
    return {"inputs": {"image": image}, "outputs": {"pred": pred}}
