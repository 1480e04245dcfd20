"""Render every bundle of bundles/recipes.json into bundles/. Run it after a change of a recipe or the template."""

from __future__ import annotations

import json
from pathlib import Path

from medmonai.bundle import write_bundle

if __name__ == "__main__":
    folder = Path(__file__).resolve().parent.parent / "bundles"
    for name, recipe in json.loads((folder / "recipes.json").read_text()).items():
        print(write_bundle(name, recipe, folder).relative_to(folder.parent))
