"""Make a bundle from a recipe: every bundle of this project is a rendering of one template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import medmonai
from medmonai.data import PhantomDesign, dataset_info
from medmonai.engines import versions
from medmonai.task import Task

_TEMPLATE = files("medmonai.bundle") / "template"
_CONFIGS = ("train.json", "evaluate.json", "inference.json", "multi_gpu_train.json")


def _fill(content: Any, values: Mapping[str, Any]) -> Any:
    """Replace "{{name}}" by its value, and {{name}} inside a longer string by its text; "{{name}}": null adds a dict."""
    if isinstance(content, dict):
        filled: dict[str, Any] = {}
        for key, value in content.items():
            if match := re.fullmatch(r"\{\{(\w+)\}\}", key):
                filled.update(values[match[1]])
            else:
                filled[key] = _fill(value, values)
        return filled
    if isinstance(content, list):
        return [_fill(item, values) for item in content]
    if isinstance(content, str):
        if match := re.fullmatch(r"\{\{(\w+)\}\}", content):
            return values[match[1]]
        return re.sub(r"\{\{(\w+)\}\}", lambda m: str(values[m[1]]), content)
    return content


def _medmnist_source(source: Mapping[str, Any]) -> dict[str, Any]:
    info, size = dataset_info(source["medmnist"]), source["size"]
    files_of = {
        f"{split}_dataset": {
            "_target_": "medmonai.data.load_medmnist", "name": "@dataset_name", "split": name, "size": "@image_size",
            "dataset_dir": "@dataset_dir", "verify": "@verify_checksum",
        }
        for split, name in (("train", "train"), ("validate", "val"), ("test", "test"))
    }
    ids = {"dataset_name": info.name, "image_size": size, "verify_checksum": True,
           "spatial_size": f"$[@image_size] * {info.spatial_dims}"}
    return {
        **files_of, "source_ids": ids, "references": {}, "task": info.task, "class_names": list(info.class_names),
        "in_channels": info.in_channels, "size": [size] * info.spatial_dims, "licence": info.licence,
        "citation": info.citation, "known_issues": list(info.known_issues), "source": f"MedMNIST: {info.name}",
    }


def _phantom_source(source: Mapping[str, Any], class_names: list[str]) -> dict[str, Any]:
    size = list(source["phantom"]["spatial_size"])
    design = {"_target_": "medmonai.data.PhantomDesign", **source["phantom"], "spatial_size": "@spatial_size"}
    splits = {
        f"{split}_dataset": {"_target_": "medmonai.data.lesion_phantom", "split": name, "seed": "@phantom_seed",
                             "design": "@phantom_design"}
        for split, name in (("train", "train"), ("validate", "val"), ("test", "test"))
    }
    splits["train_dataset"]["num_cases"] = "@train_cases"
    reference = {"_target_": "medmonai.data.ideal_observer_predictions", "cohort": "@test#dataset",
                 "design": "@phantom_design"}
    PhantomDesign(tuple(size))  # an impossible size is an error of the recipe, not of the run
    return {
        **splits, "source_ids": {"phantom_seed": 0, "train_cases": source["train_cases"], "spatial_size": size,
                                 "phantom_design": design},
        "references": {"ideal_observer": reference}, "task": Task("binary", 2), "class_names": class_names,
        "in_channels": 1, "size": size, "licence": "Apache-2.0 (drawn by medmonai)", "citation": "", "known_issues": [],
        "source": "drawn from a seed by medmonai.data.lesion_phantom",
    }


def _values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template's placeholders stand for."""
    dataset = recipe["dataset"]
    source = (_medmnist_source(dataset) if "medmnist" in dataset
              else _phantom_source(dataset, recipe["class_names"]))
    task: Task = source.pop("task")
    spatial_dims = len(source["size"])
    network = {**recipe["network"], "spatial_dims": spatial_dims, "in_channels": source["in_channels"],
               "num_classes": task.num_outputs}
    normalisation = {"_target_": "medmonai.transforms.NormalizeIntensity", **recipe["normalisation"]}
    return {
        **source, "task_kind": task.kind, "num_classes": task.num_classes, "num_outputs": task.num_outputs,
        "spatial_size": source["size"], "network_def": network,
        "max_epochs": recipe["epochs"], "warmup_epochs": recipe.get("warmup_epochs", "$round(0.65 * @max_epochs)"),
        "optimizer": {**recipe["optimizer"], "params": "$@network.parameters()", "lr": "@learning_rate"},
        "flips": [{"_target_": "medmonai.transforms.RandFlip", "prob": 0.5, "spatial_axis": axis}
                  for axis in recipe["flip_axes"]],
        "normalisation": [normalisation], "allow_leakage": recipe.get("allow_leakage", False),
        **{name: recipe[name] for name in ("batch_size", "learning_rate", "auc_learning_rate", "average_decay",
                                           "label_smoothing", "balance", "flip_axes", "affine", "noise", "title")},
    }


def _metadata(values: Mapping[str, Any]) -> dict[str, Any]:
    found = versions()
    probabilities = {str(c): label for c, label in enumerate(values["class_names"])}
    if values["num_outputs"] == 1:
        probabilities = {"0": values["class_names"][1]}
    return {
        "schema": "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json",
        "version": medmonai.__version__,
        "changelog": {medmonai.__version__: "first version"},
        "monai_version": found["monai"], "pytorch_version": found["torch"].split("+")[0], "numpy_version": found["numpy"],
        "required_packages_version": {"medmonai": medmonai.__version__, "libauc": found["libauc"],
                                      "pytorch-ignite": found["pytorch-ignite"], "medmnist": found["medmnist"]},
        "supported_apps": {},
        "name": f"{values['title']} classification",
        "task": f"{values['title']}: {values['task_kind']} classification",
        "description": f"{values['network_def']['_target_'].rsplit('.', 1)[1]} trained with cross-entropy, then with the AUC "
                       "margin loss and PESG. Research software: not for clinical use.",
        "authors": "the medmonai authors", "copyright": "Copyright (c) the medmonai authors",
        "data_source": values["source"], "data_type": "npz, NIfTI or PNG",
        "image_classes": f"{len(values['size'])}D image of {values['in_channels']} channel(s), grey values 0 to 255",
        "label_classes": ", ".join(f"{c}: {label}" for c, label in enumerate(values["class_names"])),
        "pred_classes": ", ".join(f"{c}: {label}" for c, label in probabilities.items()) + " (logits)",
        "eval_metrics": {}, "intended_use": "Research and teaching. Not for clinical use.",
        "references": [values["citation"]] if values["citation"] else [],
        "network_data_format": {
            "inputs": {"image": {
                "type": "image", "format": "magnitude", "num_channels": values["in_channels"],
                "spatial_shape": values["size"], "dtype": "float32", "value_range": [0, 255], "is_patch_data": False,
                "channel_def": {str(c): "image" for c in range(values["in_channels"])}}},
            "outputs": {"pred": {
                "type": "probabilities", "format": "classes", "num_channels": values["num_outputs"],
                "spatial_shape": [1, values["num_outputs"]], "dtype": "float32", "value_range": [],
                "is_patch_data": False, "channel_def": probabilities}},
        },
    }


def render_bundle(name: str, recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a bundle, path within its folder -> text.

    Args:
        name: the folder's name, ending in "_classification" (MONAI Label reads the task from it).
        recipe: one entry of bundles/recipes.json: dataset, network, epochs, batch_size, optimizer, learning_rate,
            auc_learning_rate, average_decay, label_smoothing, balance, flip_axes (flips in training, flip averaging in the
            evaluation), affine, noise, normalisation, title.

    Raises:
        ValueError: a name that does not end in "_classification", an unknown dataset or size.
        KeyError: the recipe lacks an entry.
    """
    if not name.endswith("_classification"):
        raise ValueError(f"bundle name {name!r}; it has to end in '_classification'.")
    values = _values(recipe)
    rendered = {}
    for config in _CONFIGS:
        content = json.loads((_TEMPLATE / "configs" / config).read_text())
        rendered[f"configs/{config}"] = json.dumps(_fill(content, values), indent=2) + "\n"
    rendered["configs/metadata.json"] = json.dumps(_metadata(values), indent=2) + "\n"
    rendered["configs/logging.conf"] = (_TEMPLATE / "configs" / "logging.conf").read_text()
    issues = "\n".join(f"- {issue}" for issue in values["known_issues"]) or "None known."
    text = {**values, "name": name, "issues": issues, "classes": ", ".join(values["class_names"]),
            "size": " x ".join(map(str, values["size"]))}
    for document in ("docs/README.md", "docs/data_license.txt"):
        rendered[document] = _fill((_TEMPLATE / document).read_text(), text)
    rendered["LICENSE"] = (_TEMPLATE / "LICENSE").read_text()
    return rendered


def write_bundle(name: str, recipe: Mapping[str, Any], folder: str | Path) -> Path:
    """Write a rendered bundle to `folder/name` and return that path."""
    target = Path(folder) / name
    for path, text in render_bundle(name, recipe).items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text)
    (target / "models").mkdir(exist_ok=True)
    return target
