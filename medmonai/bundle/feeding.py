"""The placeholders about what goes into the network: transforms, enlargement, cached features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def feeding(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into the network: images, or, with `cache_features`, the features of its frozen
    backbone.
    """
    last = f"{enlargement(recipe)['enlarging']}*@normalization]"
    train = f"$[@scaling, *@train#augmentation, {last}"
    plain = f"$[@scaling, {last}"
    return _of_transfer(train, plain) if recipe["transfer"] else _of_images(train, plain)


def _of_images(train: str, plain: str) -> dict[str, Any]:
    """Images go in, in every epoch."""
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


def _of_transfer(train: str, plain: str) -> dict[str, Any]:
    """Images go in, or with `cache_features` the features that the frozen backbone gave once."""
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


def enlargement(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """What enlarges images on the device, after the augmentation: ids and what reads them; nothing
    in most recipes.
    """
    if not recipe["enlarge"]:
        nothing = {"enlargement_knobs": {}, "enlargement_parts": {}, "enlarged_size": None}
        return {**nothing, "enlarging": "", "enlarged": ""}
    return {
        "enlarged_size": list(recipe["enlarge"]),
        "enlargement_knobs": {"enlarged_size": list(recipe["enlarge"])},
        "enlargement_parts": {
            "enlargement": "$[medmonai.transforms.Resize(@enlarged_size)] if @enlarged_size else []"
        },
        "enlarging": "*@enlargement, ",
        "enlarged": "@enlarged_size or ",
    }
