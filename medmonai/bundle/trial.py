"""The trainer of a recipe on other cases, without files and handlers: to see what a step takes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.reference_resolver import ReferenceResolver

from medmonai.data import Cohort

from .render import write_bundle

_TRAINING_SET = "train#dataset"


def trial_of_training(recipe: Mapping[str, Any], cohort: Cohort) -> tuple[Any, Any]:
    """Return the trainer of a recipe and its inferer, for one epoch over a cohort.

    The bundle is rendered and parsed as for a training, with the cohort in place of its training
    set. Its handlers are left out: nothing is validated and no file is written.

    Args:
        recipe: see docs/how_to/your_own_images.md.
        cohort: with the size, channels and task that the recipe names.

    Raises:
        ValueError: see `render_bundle`.
    """
    with tempfile.TemporaryDirectory(prefix="medmonai-trial-") as place:
        bundle = write_bundle("trial_classification", recipe, place)
        parser = ConfigParser()
        parser.read_config(str(bundle / "configs" / "train.json"))
    parser["max_epochs"] = 1
    parser["warmup_epochs"] = 1
    if "pretrained" in parser:  # weights take no time in a step
        parser["pretrained"] = False
    parser["train"]["ordered_handlers"] = []
    parser.parse()
    made = parser.ref_resolver.resolved_content
    made[ReferenceResolver.normalize_id(_TRAINING_SET)] = cohort
    trainer = parser.get_parsed_content("train#trainer")
    return trainer, parser.get_parsed_content("train#inferer")
