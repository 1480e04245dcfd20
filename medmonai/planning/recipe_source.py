"""The data part of a planned recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medmonai.data import list_class_folders, list_image_table
from medmonai.data.options import grouped
from medmonai.tables import TABLE_SUFFIXES

from .look import Look


def dataset_entry(look: Look, size: list[int], form: dict[str, Any]) -> dict[str, Any]:
    """Return the "dataset" of a recipe: how the source is listed, its classes, size and form.

    Args:
        look: at the data.
        size: voxels along each axis.
        form: further entries of the recipe's "form".
    """
    if look.listing is None:
        positive = look.options.get("positive_class")
        chosen = {} if positive is None else {"positive_class": positive}
        return {"medmnist": look.source, "size": size[0], **chosen}
    function = list_image_table if is_table(look.source) else list_class_folders
    flat = {name.replace("-", "_"): value for name, value in look.options.items()}
    for name in ("class_names", "positive_class"):  # the recipe's order of the classes says both
        flat.pop(name, None)
    flat["name"] = look.description.provenance.name
    folder = "medmonai.data.in_dataset_dir(@dataset_dir"
    if is_table(look.source):
        images = flat.pop("images", flat.get("image_folders"))
        if images is not None:
            named = images.split(",") if isinstance(images, str) else list(images)
            flat["image_folders"] = [str(Path(one).expanduser().resolve()) for one in named]
        flat["table"] = f"${folder}, {Path(look.source).name!r})"
    else:
        flat["root"] = f"${folder})"
    columns = flat.get("metadata_columns")
    if isinstance(columns, str):
        flat["metadata_columns"] = columns.split(",")
    return {
        "listing": {
            "_target_": f"medmonai.data.{function.__name__}",
            **grouped(function, flat),
        },
        "form": form,
        "task": look.task.kind,
        "class_names": list(look.description.class_names),
        "in_channels": look.in_channels,
        "size": size,
        "source": f"planned from {Path(look.source).name}",
    }


def dataset_dir(look: Look) -> str | None:
    """Return the folder that the bundle's `dataset_dir` has to name."""
    if look.listing is None:
        given = look.options.get("dataset_dir")
        return None if given is None else str(Path(given).expanduser().resolve())
    path = Path(look.source).expanduser().resolve()
    return str(path.parent if is_table(look.source) else path)


def is_table(source: str) -> bool:
    """Whether a source is a table and not a folder or a name."""
    return Path(source).suffix.lower() in TABLE_SUFFIXES
