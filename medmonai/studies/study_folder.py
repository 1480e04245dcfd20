"""The folder of a study: where its plan and its cells lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medmonai.atomic_files import read_json

from .cell import Cell

CELLS = "cells"
PLAN = "plan.json"


def cell_folder(output: str | Path, cell: Cell) -> Path:
    """Return the folder of a cell in the folder of its study."""
    return Path(output) / CELLS / cell.folder_name


def noted(path: Path) -> dict[str, Any]:
    """Return what a file beside the results says; nothing where it is missing or damaged, because
    it can be made again.
    """
    try:
        note = read_json(path)
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}
