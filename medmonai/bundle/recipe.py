"""A recipe: the few lines that a bundle is rendered from, checked and completed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from medmonai.nearest import did_you_mean
from medmonai.text_files import read_json_text

from .recipe_types import check_types
from .value_kinds import check_balanced_once

_NEEDED = ("title", "dataset", "network")

# Entries that a recipe may leave out. Each becomes an id of the bundle, or part of one, and can
# also be set on the command line.
DEFAULTS: dict[str, Any] = {
    "question": "Not stated.",
    "recipe": "See configs/train.json.",
    "result": "None yet.",
    "epochs": 20,
    "warmup_epochs": "$round(0.65 * @max_epochs)",
    "batch_size": 32,
    "optimizer": {"_target_": "torch.optim.AdamW", "weight_decay": 0.05},
    "learning_rate": 0.001,
    "auc_learning_rate": 0.02,
    "plateau": None,
    "patience": None,
    "keep_best": "run",
    "average_decay": 0.98,
    "label_smoothing": 0.0,
    "class_weights": None,
    "balance": "none",
    "flip_axes": [],
    "averaged_flips": None,
    "affine": [],
    "noise": [],
    "enlarge": None,
    "transfer": False,
    "normalization": {"subtrahend": 0.5, "divisor": 0.25},
    "allow_leakage": False,
}


def complete_recipe(name: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with the defaults of everything that it leaves out.

    Args:
        name: of the bundle, ending in "_classification" (MONAI Label reads the task from it).
        recipe: title, dataset, network, and any of `DEFAULTS`.

    Raises:
        ValueError: another ending of the name; an entry that is missing, unknown or of the wrong
            kind; classes that are balanced both by the batches and by the loss.
    """
    if not name.endswith("_classification"):
        raise ValueError(f"bundle name {name!r}; it has to end in '_classification'.")
    require_entries(recipe, _NEEDED, where=f"the recipe of {name}")
    refuse_unknown(recipe, [*_NEEDED, *DEFAULTS], where=f"the recipe of {name}")
    check_types(recipe, where=f"the recipe of {name}")
    _require_texts(recipe)
    completed = {**DEFAULTS, **recipe}
    balance = completed["balance"]
    check_balanced_once(
        completed["class_weights"],
        balance.get("strategy") if isinstance(balance, Mapping) else balance,
        where="balance",
    )
    if completed["averaged_flips"] is None:
        completed["averaged_flips"] = completed["flip_axes"]
    return completed


def _require_texts(recipe: Mapping[str, Any]) -> None:
    """Refuse titles, class names and notes that MONAI would rewrite or evaluate: they are data, not
    programs.
    """
    dataset = recipe["dataset"] if isinstance(recipe["dataset"], Mapping) else {}
    listing = dataset["listing"] if isinstance(dataset.get("listing"), Mapping) else {}
    shown = dataset["class_names"] if isinstance(dataset.get("class_names"), list) else []
    in_source = listing["class_names"] if isinstance(listing.get("class_names"), Mapping) else {}
    texts = [("title", recipe["title"], "$@%"), *(("class_names", name, "$@%") for name in shown)]
    texts += [("class_names", name, "") for name in in_source]
    texts += [
        (where, dataset.get(where), "$%")
        for where in ("source", "licence", "citation", "data_type", "positive_class")
    ]
    for where, text, marks in texts:
        begins = isinstance(text, str) and bool(marks) and text.startswith(tuple(marks))
        if begins or (
            where == "class_names" and isinstance(text, str) and ("#" in text or "::" in text)
        ):
            raise ValueError(
                f"{where} holds {text!r}, which MONAI's configs would not leave as text; begin it "
                "with another character than $, @ or %, and write class names without # and ::."
            )


def require_entries(given: Mapping[str, Any], needed: Sequence[str], *, where: str) -> None:
    """Raise ValueError if an entry of a recipe, or of a part of one, is missing."""
    missing = [entry for entry in needed if entry not in given]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}; {', '.join(needed)} are needed.")


def refuse_unknown(given: Iterable[str], known: Collection[str], *, where: str) -> None:
    """Raise ValueError if a recipe, or a part of one, has an entry that nothing reads."""
    for entry in given:
        if entry not in known:
            hint = did_you_mean(entry, known, show="{}", otherwise=f"known are {', '.join(known)}.")
            raise ValueError(f"{where} holds {entry!r}, which no bundle reads; {hint}")


def read_recipe(path: str | Path) -> dict[str, Any]:
    """Read a recipe from a JSON file in UTF-8 or UTF-16.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON (the line and the column are named), or not an object.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no recipe at {path}; docs/how_to/your_own_images.md shows one.")
    recipe = read_json_text(path)
    if not isinstance(recipe, dict):
        raise ValueError(
            f"{path.name} holds a {type(recipe).__name__}; a JSON object with a recipe is needed."
        )
    return recipe
