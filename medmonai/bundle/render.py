"""Make a bundle from a recipe: every bundle of this project is a rendering of one template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import medmonai
from medmonai.engines import versions
from medmonai.task import Task

from .id_descriptions import id_tables
from .network_arguments import network_definition
from .recipe import complete_recipe
from .sources import source_values

_TEMPLATE = files("medmonai.bundle") / "template"
_CONFIGS = ("train.json", "evaluate.json", "inference.json", "multi_gpu_train.json")


def _fill(content: Any, values: Mapping[str, Any]) -> Any:
    """Replace "{{name}}" by its value, and {{name}} inside a longer string by its text.

    `"{{name}}": null` adds a dict to the one it stands in, and "{{name}}" in a list the items of a
    list.
    """
    if isinstance(content, dict):
        filled: dict[str, Any] = {}
        for key, value in content.items():
            if match := re.fullmatch(r"\{\{(\w+)\}\}", key):
                filled.update(values[match[1]])
            else:
                filled[key] = _fill(value, values)
        return filled
    if isinstance(content, list):
        items: list[Any] = []
        for item in content:
            value = _fill(item, values)
            items += value if isinstance(item, str) and isinstance(value, list) else [value]
        return items
    if isinstance(content, str):
        if match := re.fullmatch(r"\{\{(\w+)\}\}", content):
            return values[match[1]]
        return re.sub(r"\{\{(\w+)\}\}", lambda m: str(values[m[1]]), content)
    return content


def _schedule(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The learning rate: one cycle over the cross-entropy epochs, or lowered when the validation
    AUC reaches a plateau.
    """
    plateau = recipe["plateau"]
    if plateau:
        scheduler = {
            "_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau",
            "optimizer": "@optimizer",
            "mode": "max",
            **plateau,
        }
        handler = {
            "_target_": "medmonai.handlers.PlateauSchedule",
            "lr_scheduler": "@lr_scheduler",
            "evaluator": "@validate#evaluator",
        }
    else:
        steps = {
            "_target_": "medmonai.optimizers.OneCycle",
            "total_steps": "$max(1, @warmup_epochs * len(@train#dataloader))",
        }
        scheduler = {
            "_target_": "torch.optim.lr_scheduler.LambdaLR",
            "optimizer": "@optimizer",
            "lr_lambda": steps,
        }
        handler = {
            "_target_": "LrScheduleHandler",
            "lr_scheduler": "@lr_scheduler",
            "print_lr": False,
            "epoch_level": False,
        }
    return {"lr_scheduler": scheduler, "lr_schedule": handler}


def _feeding(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into the network: images, or, with `cache_features`, the features of its frozen
    backbone.
    """
    last = f"{_enlargement(recipe)['enlarging']}*@normalization]"
    train = f"$[@scaling, *@train#augmentation, {last}"
    plain = f"$[@scaling, {last}"
    if not recipe["transfer"]:
        return {
            "train_cohort": "@train#dataset",
            "validate_cohort": "@validate#dataset",
            "train_transforms": train,
            "validate_transforms": plain,
            "transfer_ids": {},
            "transfer_handlers": {},
            "last_handlers": [],
            "of_evaluation": {},
            "inferer": {
                "_target_": "medmonai.engines.PrecisionInferer",
                "precision": "@chosen_precision",
            },
        }
    cached = {
        "_target_": "medmonai.engines.training_cohort",
        "cached": "@cache_features",
        "network": "@network_def",
        "transform": "@feature_transform",
        "batch_size": "@batch_size",
        "device": "@device",
        "precision": "@chosen_precision",
    }
    transform = {"_target_": "medmonai.transforms.BatchCompose", "transforms": plain}
    return {
        "train_cohort": {**cached, "cohort": "@train#dataset"},
        "validate_cohort": {**cached, "cohort": "@validate#dataset"},
        "train_transforms": f"$[] if @cache_features else {train[1:]}",
        "validate_transforms": f"$[] if @cache_features else {plain[1:]}",
        "transfer_ids": {
            "pretrained": True,
            "cache_features": False,
            "unfreeze": {},
            "feature_transform": transform,
        },
        "transfer_handlers": {
            "unfreezing": {
                "_target_": "medmonai.handlers.GradualUnfreezing",
                "network": "@network_def",
                "epochs": "@unfreeze",
                "cached_features": "@cache_features",
            }
        },
        "last_handlers": ["@unfreezing"],
        # The trained weights are loaded next: none are downloaded, and images go in.
        "of_evaluation": {
            "network_def::pretrained": False,
            "validate::dataloader::cohort": "@validate#dataset",
            "validate::dataloader::transform": transform,
        },
        "inferer": {
            "_target_": "medmonai.engines.training_inferer",
            "cached": "@cache_features",
            "precision": "@chosen_precision",
        },
    }


def _enlargement(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What enlarges images on the device, after the augmentation: ids and what reads them; nothing
    in most recipes.
    """
    if not recipe["enlarge"]:
        return {"enlargement_knobs": {}, "enlargement_parts": {}, "enlarging": "", "enlarged": ""}
    return {
        "enlargement_knobs": {"enlarged_size": list(recipe["enlarge"])},
        "enlargement_parts": {
            "enlargement": "$[medmonai.transforms.Resize(@enlarged_size)] if @enlarged_size else []"
        },
        "enlarging": "*@enlargement, ",
        "enlarged": "@enlarged_size or ",
    }


def _knobs_first(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return ids of the data or the network as two placeholders: values that a person sets, and
    what is made of them.

    The ids that a front end may show (MONAI Label reads `displayable_configs`) are the values. They
    stay ids of the bundle when somebody replaces the network or the data set that reads them.
    """
    parts = {
        name: value
        for name, value in ids.items()
        if isinstance(value, dict) and "_target_" in value
    }
    knobs = {name: value for name, value in ids.items() if name not in parts}
    return {
        "source_knobs": knobs,
        "source_parts": parts,
        "displayable": {name: f"@{name}" for name in knobs},
    }


def _values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the template's placeholders stand for."""
    source = source_values(recipe)
    feeding = _feeding(recipe)
    task: Task = source.pop("task")
    network = network_definition(
        recipe["network"],
        size=recipe["enlarge"] or source["size"],
        in_channels=source["in_channels"],
        num_outputs=task.num_outputs,
    )
    normalization = {
        "_target_": "medmonai.transforms.NormalizeIntensity",
        **recipe["normalization"],
    }
    ids = source.pop("source_ids") | feeding.pop("transfer_ids")
    balance = (
        recipe["balance"]
        if isinstance(recipe["balance"], dict)
        else {"strategy": recipe["balance"]}
    )
    return {
        **source,
        **_knobs_first(ids),
        **feeding,
        **_schedule(recipe),
        **_enlargement(recipe),
        "task_kind": task.kind,
        "num_classes": task.num_classes,
        "num_outputs": task.num_outputs,
        "spatial_size": source["size"],
        "network_def": {**network, "pretrained": "@pretrained"} if recipe["transfer"] else network,
        "inference_network": {**network, "pretrained": False} if recipe["transfer"] else network,
        "max_epochs": recipe["epochs"],
        "optimizer": {
            **recipe["optimizer"],
            "params": "$@network.parameters()",
            "lr": "@learning_rate",
        },
        "flips": [
            {"_target_": "medmonai.transforms.RandFlip", "prob": 0.5, "spatial_axis": axis}
            for axis in recipe["flip_axes"]
        ],
        "normalization": [normalization],
        "balance": balance,
        **{
            name: recipe[name]
            for name in (
                "warmup_epochs",
                "batch_size",
                "learning_rate",
                "auc_learning_rate",
                "average_decay",
                "label_smoothing",
                "class_weights",
                "patience",
                "keep_best",
                "allow_leakage",
                "averaged_flips",
                "affine",
                "noise",
                "title",
            )
        },
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
            f"{values['network_def']['_target_'].rpartition('.')[2]} trained with cross-entropy, "
            "then with the AUC margin loss and PESG. Research software: not for clinical use."
        ),
        "authors": "the medmonai authors",
        "copyright": "Copyright (c) the medmonai authors",
        "data_source": values["source"],
        "data_type": values["data_type"],
        "image_classes": (
            f"{len(values['size'])}D image of {values['in_channels']} channel(s), grey values 0 to "
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
        "network_data_format": {
            "inputs": {
                "image": {
                    "type": "image",
                    "format": "magnitude",
                    "num_channels": values["in_channels"],
                    "spatial_shape": values["size"],
                    "dtype": "float32",
                    "value_range": [0, 255],
                    "is_patch_data": False,
                    "channel_def": {str(c): "image" for c in range(values["in_channels"])},
                }
            },
            "outputs": {
                "pred": {
                    "type": "probabilities",
                    "format": "classes",
                    "num_channels": values["num_outputs"],
                    "spatial_shape": [1, values["num_outputs"]],
                    "dtype": "float32",
                    "value_range": [],
                    "is_patch_data": False,
                    "channel_def": probabilities,
                }
            },
        },
    }


def render_bundle(name: str, recipe: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a bundle, path within its folder -> text.

    Args:
        name: the folder's name, ending in "_classification".
        recipe: as in bundles/recipes.json; see `complete_recipe` and
            docs/how_to/your_own_images.md.

    Raises:
        ValueError: see `complete_recipe`; an unknown data set or size.
    """
    recipe = complete_recipe(name, recipe)
    values = _values(recipe)
    configs = {
        file: _fill(json.loads((_TEMPLATE / "configs" / file).read_text()), values)
        for file in _CONFIGS
    }
    rendered = {
        f"configs/{file}": json.dumps(content, indent=2) + "\n" for file, content in configs.items()
    }
    rendered["configs/metadata.json"] = json.dumps(_metadata(values), indent=2) + "\n"
    rendered["configs/logging.conf"] = (_TEMPLATE / "configs" / "logging.conf").read_text()
    issues = "\n".join(f"- {issue}" for issue in values["known_issues"]) or "None known."
    text = {
        **values,
        "name": name,
        "issues": issues,
        "classes": ", ".join(values["class_names"]),
        "positive": f"; positive class: {values['class_names'][1]}"
        if values["task_kind"] == "binary"
        else "",
        "size": " x ".join(map(str, values["size"])),
        **id_tables(configs, needs_data=values["needs_data"]),
        "data_argument": "--dataset_dir DIR " if values["needs_data"] else "",
        **{part: recipe[part] for part in ("question", "recipe", "result")},
    }
    for document in ("docs/README.md", "docs/data_license.txt"):
        rendered[document] = _fill((_TEMPLATE / document).read_text(), text)
    rendered["LICENSE"] = (_TEMPLATE / "LICENSE").read_text()
    return rendered


def write_bundle(
    name: str, recipe: Mapping[str, Any], folder: str | Path, *, overwrite: bool = True
) -> Path:
    """Write a rendered bundle to `folder/name` and return that path.

    Raises:
        FileExistsError: the folder exists, and `overwrite` is False.
        ValueError: see `render_bundle`.
    """
    target = Path(folder) / name
    rendered = render_bundle(name, recipe)
    if target.exists() and not overwrite:
        raise FileExistsError(f"{target} exists and is not changed; choose another name or folder.")
    for path, text in rendered.items():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        (target / path).write_text(text, encoding="utf-8")
    (target / "models").mkdir(exist_ok=True)
    return target
