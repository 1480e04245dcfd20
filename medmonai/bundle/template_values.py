"""From a recipe to the values of the template's placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medmonai.task import Task

from .covariate_parts import covariate_parts, joined_by_covariates
from .feeding import enlargement, feeding
from .network_arguments import network_definition
from .sources import source_values

# Entries of a recipe that stand in the template as they are.
_AS_STATED = (
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


def template_values(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every placeholder of the template stands for.

    Args:
        recipe: a complete one, see `complete_recipe`.

    Raises:
        ValueError: see `source_values` and `network_definition`.
    """
    source = source_values(recipe)
    fed = feeding(recipe)
    task: Task = source.pop("task")
    ids = source.pop("source_ids") | fed.pop("transfer_ids")
    return {
        **source,
        **_knobs_first(ids),
        **fed,
        **covariate_parts(recipe),
        **_schedule(recipe),
        **enlargement(recipe),
        **_networks(recipe, source, task),
        **_augmentation(recipe),
        "task_kind": task.kind,
        "num_classes": task.num_classes,
        "num_outputs": task.num_outputs,
        "spatial_size": source["size"],
        "max_epochs": recipe["epochs"],
        "optimizer": {
            **recipe["optimizer"],
            "params": "$@network.parameters()",
            "lr": "@learning_rate",
        },
        "balance": _balance(recipe["balance"]),
        **{name: recipe[name] for name in _AS_STATED},
    }


def _networks(
    recipe: Mapping[str, Any], source: Mapping[str, Any], task: Task
) -> dict[str, dict[str, Any]]:
    """Return the network of training and evaluation, and that of inference: pretrained weights are
    not read there, since trained ones are loaded. For inference by other programs, flips and both
    logits of a binary task are part of the network, unless it needs covariates, which they do not
    know.
    """
    network = network_definition(
        recipe["network"],
        size=recipe["enlarge"] or source["size"],
        in_channels=source["in_channels"],
        num_outputs=task.num_outputs,
    )
    if recipe["dataset"].get("covariates"):
        return {
            **joined_by_covariates(network),
            "inference_inferer": {
                "_target_": "medmonai.engines.FlipAveragingInferer",
                "spatial_axes": "@flip_axes",
                "precision": "@chosen_precision",
            },
        }
    transfer = recipe["transfer"]
    return {
        "network_def": {**network, **({"pretrained": "@pretrained"} if transfer else {})},
        "inference_network": {
            "_target_": "medmonai.networks.ClassLogits",
            "network": {**network, **({"pretrained": False} if transfer else {})},
            "num_classes": task.num_classes,
            "flip_axes": "@flip_axes",
        },
        "inference_inferer": {
            "_target_": "medmonai.engines.PrecisionInferer",
            "precision": "@chosen_precision",
        },
    }


def _augmentation(recipe: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    flips = [
        {"_target_": "medmonai.transforms.RandFlip", "prob": 0.5, "spatial_axis": axis}
        for axis in recipe["flip_axes"]
    ]
    normalization = {
        "_target_": "medmonai.transforms.NormalizeIntensity",
        **recipe["normalization"],
    }
    return {"flips": flips, "normalization": [normalization]}


def _balance(stated: Any) -> dict[str, Any]:
    return stated if isinstance(stated, dict) else {"strategy": stated}


def _knobs_first(ids: Mapping[str, Any]) -> dict[str, Any]:
    """Return ids of the data or the network as two placeholders: values that a person sets, and
    what is made of them.

    The ids that a front end may show (MONAI Label reads `displayable_configs`) are the values. They
    stay ids of the bundle when someone replaces the network or the data set that reads them.
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
