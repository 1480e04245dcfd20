"""The plan of a fit in its report, and the command that repeats it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from .page import TextBlock
from .tables import Table


def plan_part(fit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices of a plan with their reasons, and the forecast, from fit.json."""
    if not fit:
        return {}
    rows = tuple((name, _text(value), reason) for name, value, reason in fit["choices"])
    caption = "What was chosen before the training, and why."
    return {
        "tables": (Table("plan", caption, ("choice", "value", "reason"), rows, prose=True),),
        "facts": (fit["forecast"].replace("forecast", "Forecast", 1),),
    }


def fit_command(fit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the command that repeats a fit, as a part of its report."""
    if not fit:
        return {}
    title = "Command that repeats the fit (NEW: an empty folder)"
    return {"blocks": (TextBlock(title, command_of_fit(fit)),)}


def command_of_fit(fit: Mapping[str, Any]) -> str:
    """Return the command that repeats a fit, without the folders of its files.

    Args:
        fit: its fit.json.
    """
    asked = fit["asked"]
    words = ["python", "-m", "medmonai", "fit", PurePath(asked["source"]).name]
    given = {**asked["options"], **{k: v for k, v in asked.items() if k not in _NO_OPTIONS}}
    for name, value in given.items():
        if value not in (None, "", False):
            words += [f"--{name}", *([] if value is True else [_shown(value)])]
    return shlex.join([*words, "--output", "NEW"])


_NO_OPTIONS = ("source", "options")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: Any) -> str:
    """Return an option as it is given, a path by its last part."""
    if isinstance(value, list | tuple):
        return ",".join(map(_shown, value))
    path = PurePath(str(value))
    return path.name if path.is_absolute() else str(value)
