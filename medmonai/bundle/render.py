"""Make a bundle from a recipe: every bundle of this project is a rendering of one template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from .id_descriptions import id_tables
from .metadata import metadata
from .placeholders import fill
from .recipe import complete_recipe
from .template_values import template_values

_TEMPLATE = files("medmonai.bundle") / "template"
_CONFIGS = ("train.json", "evaluate.json", "inference.json", "multi_gpu_train.json")


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
    values = template_values(recipe)
    configs = {
        file: fill(json.loads((_TEMPLATE / "configs" / file).read_text()), values)
        for file in _CONFIGS
    }
    rendered = {
        f"configs/{file}": json.dumps(content, indent=2) + "\n" for file, content in configs.items()
    }
    rendered["configs/metadata.json"] = json.dumps(metadata(values), indent=2) + "\n"
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
        rendered[document] = fill((_TEMPLATE / document).read_text(), text)
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
