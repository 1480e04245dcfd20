"""A plan: a recipe of a bundle, a division of the cases, and the reason for every choice."""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

from medmonai.atomic_files import write_json
from medmonai.bundle import read_recipe, write_bundle

from .augmentation_rules import augmentation_choice
from .choice import Choice
from .covariates import covariate_choice
from .division import (
    Division,
    choose_division,
    decision_choice,
    division_choice,
    ensembles,
)
from .forecast import Forecast, cases_of_a_member, forecast
from .images_alone import sees_covariates, write_images_bundle
from .kept_weights import kept_weights_choice
from .look import Look
from .measured_step import MeasuredStep, measure_step
from .network_rules import AskedNetwork, network_choice, published_normalization
from .recipe_source import dataset_entry
from .rules import (
    balance_choice,
    channels_choice,
    form_choice,
    normalization_choice,
    optimizer_choice,
    schedule_choice,
    size_choice,
)
from .wording import about_minutes

# What is tried, in this order, where a plan takes longer than it may: (scale of the size, share of
# the epochs), each with all members and then with fewer.
_CHEAPER = ((1.0, 1.0), (0.8, 1.0), (0.8, 0.6), (0.65, 0.6), (0.5, 0.4), (0.5, 0.2))


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything that is decided before training.

    Args:
        name: of the bundle, ending in "_classification".
        look: at the data.
        recipe: of the bundle, see docs/how_to/your_own_images.md.
        division: of the cases.
        choices: with their reasons, in the order of the plan.
        cost: forecast.
        overrides: ids with which the bundle is trained.
    """

    name: str
    _: KW_ONLY
    look: Look
    recipe: Mapping[str, Any]
    division: Division
    choices: tuple[Choice, ...]
    cost: Forecast
    overrides: Mapping[str, Any]

    def lines(self) -> list[str]:
        """Return the plan for a person to read."""
        width = max(len(choice.name) for choice in self.choices)
        lines = [
            f"{choice.name:<{width}}  {_text(choice.value)}  ({choice.reason})"
            for choice in self.choices
        ]
        return [*lines, self.cost.line()]

    def markdown(self) -> str:
        """Return plan.md: the look, the choices with their reasons, the forecast."""
        look = "\n".join(f"- {line}" for line in self.look.lines())
        rows = "\n".join(
            "| " + " | ".join(map(_cell, (choice.name, _text(choice.value), choice.reason))) + " |"
            for choice in self.choices
        )
        return (
            f"# Plan: {self.recipe['title']}\n\nResearch software: not for clinical use.\n\n"
            f"## The data\n\n{look}\n\n## Choices\n\n| choice | value | reason |\n|---|---|---|\n"
            f"{rows}\n\n## Forecast\n\n{self.cost.line()}\n\nThe recipe is in `recipe.json`; "
            "`model` is the MONAI bundle that is made from it.\n"
        )


def make_plan(
    look: Look,
    *,
    minutes: float | None = None,
    seed: int = 0,
    network: AskedNetwork | None = None,
) -> Plan:
    """Plan a training: every choice by a rule, with its reason.

    Args:
        look: at the data.
        minutes: what the fit may take on this machine; None for as long as the rules say.
        seed: of the division.
        network: what somebody asks for; None for the rule's.

    Raises:
        ImportError: a network of timm, which is not installed.
        ValueError: too few cases, a network that does not take such images, no plan that fits into
            the minutes.
    """
    division = choose_division(look, seed=seed)
    tries = _CHEAPER if minutes is not None else _CHEAPER[:1]
    cheapest = math.inf
    asked = network or AskedNetwork()
    steps: dict[tuple[int, ...], MeasuredStep] = {}
    for scale, share in tries:
        for divided, most in ensembles(division, minutes):
            plan = _planned_if_taken(look, divided, asked, steps, scale=scale, share=share)
            if plan is None:
                continue
            if plan.cost.minutes <= most:
                return _beside_smaller(plan, asked, steps, scale=scale)
            cheapest = min(cheapest, plan.cost.minutes)
    raise ValueError(
        f"minutes={minutes:g}; the cheapest plan takes {about_minutes(cheapest)} on this machine."
    )


def _planned_if_taken(
    look: Look,
    division: Division,
    asked: AskedNetwork,
    steps: dict[tuple[int, ...], MeasuredStep],
    *,
    scale: float,
    share: float,
) -> Plan | None:
    """Return a plan; None where its network does not take images of a smaller size than the rules'
    own.
    """
    try:
        return _planned(look, division, asked, steps, scale=scale, share=share)
    except (ValueError, RuntimeError):  # torch's word for maps smaller than a kernel
        if scale == 1:
            raise
        return None


def _planned(
    look: Look,
    division: Division,
    asked: AskedNetwork,
    steps: dict[tuple[int, ...], MeasuredStep],
    *,
    scale: float,
    share: float,
) -> Plan:
    size, form, normalization, of_images = _image_choices(look, asked, scale=scale)
    network, of_network = network_choice(look, size, asked)
    covariates, of_covariates = covariate_choice(look, asked)
    training, of_training = _training_choices(look, division, asked, share=share)
    augmentation, of_augmentation = augmentation_choice(look, size)
    title = look.description.provenance.name
    recipe = {
        "title": title,
        "question": "How well do the images tell the classes apart?",
        "recipe": "planned by medmonai fit; plan.md has the reason for every choice",
        "dataset": dataset_entry(look, size, form, covariates),
        "network": network,
        "transfer": asked.transfer,
        "normalization": normalization,
        **training,
        **augmentation,
    }
    key = (*size, recipe["batch_size"])
    if key not in steps:
        steps[key] = measure_step(look, recipe, size)
    task = Choice("task", look.task.kind, "what the labels are")
    of_cases = (task, division_choice(look, division))
    chosen = (*of_covariates, *of_training, *of_augmentation, decision_choice(look, division))
    return Plan(
        _bundle_name(title),
        look=look,
        recipe=recipe,
        division=division,
        choices=(*of_cases, *of_images, of_network, *chosen),
        cost=forecast(look, recipe, size, division, measured=steps[key]),
        overrides=asked.overrides(),
    )


def _beside_smaller(
    plan: Plan,
    asked: AskedNetwork,
    steps: dict[tuple[int, ...], MeasuredStep],
    *,
    scale: float,
) -> Plan:
    """Return the plan with the measured step of the next smaller size, where there is one that its
    network takes.
    """
    look = plan.look
    smaller = next((less for less, _ in _CHEAPER if less < scale), None)
    if smaller is None:
        return plan
    size, other = (size_choice(look, scale=each)[0]["size"] for each in (scale, smaller))
    if other == size:
        return plan
    made = _planned_if_taken(look, plan.division, asked, steps, scale=smaller, share=1.0)
    if made is None:
        return plan
    return replace(plan, cost=replace(plan.cost, smaller=(tuple(other), made.cost.step_seconds)))


def _training_choices(
    look: Look, division: Division, asked: AskedNetwork, *, share: float
) -> tuple[dict[str, Any], list[Choice]]:
    """Return the recipe's entries of the training of a member, and these choices."""
    training_cases, validation_cases, _ = cases_of_a_member(look, division)
    schedule, of_schedule = schedule_choice(look, training_cases, share=share)
    optimizer, of_optimizer = optimizer_choice(look, training_cases, asked)
    kept, of_weights = kept_weights_choice(look, validation_cases)
    balance, of_balance = balance_choice(look)
    values = {**schedule, **optimizer, **kept, "balance": balance}
    return values, [*of_schedule, *of_optimizer, of_weights, of_balance]


def _image_choices(
    look: Look, asked: AskedNetwork, *, scale: float
) -> tuple[list[int], dict[str, Any], dict[str, Any], tuple[Choice, ...]]:
    """Return size, form and normalization of the images, and these choices."""
    form, of_size = size_choice(look, scale=scale)
    size = form.pop("size")
    levels, of_levels = form_choice(look)
    normalization, of_normalization = normalization_choice(look, levels)
    published = published_normalization(look, asked)
    if published is not None:
        shown = f"minus {published['subtrahend']}, divided by {published['divisor']}"
        normalization = published
        of_normalization = Choice("normalization", shown, "what the weights were trained with")
    choices = (of_size, *channels_choice(look), of_levels, of_normalization)
    return size, {**form, **levels}, normalization, choices


def _bundle_name(title: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", title).strip("_").lower()
    return f"{name or 'images'}_classification"


def write_choices(plan: Plan, folder: Path) -> None:
    """Write plan.md and recipe.json into a folder."""
    (folder / "plan.md").write_text(plan.markdown(), encoding="utf-8")
    write_json(dict(plan.recipe), folder / "recipe.json")


def write_planned_bundle(name: str, folder: Path) -> None:
    """Write the bundle model/ from recipe.json of a folder, whole or not at all; before it, that of
    the images alone, where the network sees covariates.

    Args:
        name: of the bundle, ending in "_classification".
        folder: holds recipe.json, which may have been edited since.
    """
    recipe = read_recipe(folder / "recipe.json")
    if sees_covariates(recipe):
        write_images_bundle(name, recipe, folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".model-") as place:
        write_bundle(name, recipe, place).rename(folder / "model")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _cell(text: str) -> str:
    """Return a text for a cell of a Markdown table."""
    return text.replace("|", "\\|")
