"""Render every bundle of bundles/recipes.json into bundles/. Run it after a change of a recipe or
the template.
"""

from __future__ import annotations

import json
from pathlib import Path

from medmonai.bundle import write_bundle
from medmonai.errors import run_in_words


def main() -> None:
    """Write the bundles and say where each lies."""
    folder = Path(__file__).resolve().parent.parent / "bundles"
    for name, recipe in json.loads((folder / "recipes.json").read_text()).items():
        print(write_bundle(name, recipe, folder).relative_to(folder.parent))


if __name__ == "__main__":
    run_in_words(main)
