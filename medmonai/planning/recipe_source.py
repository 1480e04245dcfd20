"""The data part of a planned recipe, and what a run of its bundle is told about the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from medmonai.config_text import escaped
from medmonai.data.describe import listing_call
from medmonai.data.options import grouped

from .look import Look

# Options of a MedMNIST set -> the ids of its bundle.
_IDS = {
    "dataset_dir": "dataset_dir",
    "verify": "verify_checksum",
    "groups_file": "groups_file",
    "cache_dir": "cache_dir",
}


def dataset_entry(
    look: Look, size: list[int], form: dict[str, Any], covariates: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return the "dataset" of a recipe: how the source is listed, its classes, size and form.

    Args:
        look: the look at the data.
        size: voxels along each axis.
        form: further entries of the recipe's "form".
        covariates: columns that the network sees beside the image, with their kinds.
    """
    listed = listing_call(look.source, look.options)
    if listed is None:
        positive = look.options.get("positive_class")
        chosen = {} if positive is None else {"positive_class": positive}
        return {"medmnist": look.source, "size": size[0], **chosen}
    function, flat = listed
    flat.pop("covariates", None)  # the recipe's own say them with their kinds
    flat.pop("positive_class", None)  # the order of the recipe's class_names says it
    if not isinstance(flat.get("class_names"), Mapping):  # names for the values of a column stay
        flat.pop("class_names", None)
    ids = {}
    if "table" in flat:
        ids["table_file"] = escaped(Path(look.source).name)
        flat["table"] = "$medmonai.data.in_dataset_dir(@dataset_dir, @table_file)"
    elif "npz" in flat:
        ids["npz_file"] = escaped(Path(look.source).name)
        flat["npz"] = "$medmonai.data.in_dataset_dir(@dataset_dir, @npz_file)"
        flat["cache_dir"] = "@cache_dir"
    else:
        flat["root"] = "$medmonai.data.in_dataset_dir(@dataset_dir)"
    return {
        "listing": {
            "_target_": f"medmonai.data.{function.__name__}",
            **grouped(function, flat),
        },
        "ids": ids,
        **({"covariates": [dict(column) for column in covariates]} if covariates else {}),
        "form": form,
        "task": look.task.kind,
        "class_names": list(look.description.class_names),
        "in_channels": look.in_channels,
        "size": size,
        "source": "images of the user, listed as recipe.json says",
    }


def data_overrides(look: Look) -> dict[str, Any]:
    """Return the ids with which the planned bundle finds this source."""
    if look.listing is None:
        given = {name.replace("-", "_"): value for name, value in look.options.items()}
        chosen = {name: given[option] for option, name in _IDS.items() if option in given}
        for name in {"dataset_dir", "groups_file", "cache_dir"} & set(chosen):
            chosen[name] = str(Path(chosen[name]).expanduser().resolve())
        return chosen
    path = Path(look.source).expanduser().resolve()
    return {"dataset_dir": str(path if path.is_dir() else path.parent), **look.decoding}
