"""Ids of a config as they are typed: `--max_epochs 2`, `--set seed=3`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from medmonai.nearest import did_you_mean, nearest

if TYPE_CHECKING:
    import typer

_ALIKE = 0.8  # names as similar as "minuts" and "minutes"


def given_ids(words: list[str], *, own: Sequence[str] = ()) -> dict[str, Any]:
    """Turn `--id value` and `--id=value` into a dict; values are parsed as JSON if possible,
    otherwise kept as text.

    Args:
        words: of the command line.
        own: names of the command's other options, for a hint where one of them is mistyped.

    Raises:
        ValueError: a word that is not an option, an option without a value, or one given twice.
    """
    given: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            hint = f"did you mean -{word}?" if word.startswith("-") else "write --name value."
            raise ValueError(f"{word!r} is not an option; {hint}")
        key, equals, value = word[2:].partition("=")
        if nearest(key, own, cutoff=_ALIKE) is not None:
            raise ValueError(f"--{key} is not an option; {did_you_mean(key, own, show='--{}')}")
        if key in given:
            raise ValueError(f"--{key} is given twice; give it once.")
        if not equals:
            if not rest:
                raise ValueError(f"--{key} has no value; write --{key} VALUE.")
            value = rest.pop(0)
        try:
            read = json.loads(value)
        except json.JSONDecodeError:
            read = {"True": True, "False": False, "None": None}.get(value, value)
        is_class = re.split("[#:]", key.replace("-", "_"))[-1] == "positive_class"
        # a class may be called None, null or 1e5
        given[key] = value if is_class and not isinstance(read, str) else read
    return given


def own_options(context: typer.Context) -> list[str]:
    """Return the names of the options that a command defines itself, without the "--"."""
    options = [option for parameter in context.command.params for option in parameter.opts]
    return [option.removeprefix("--") for option in options if option.startswith("--")]


def refuse_options(options: Mapping[str, Any], why: str) -> None:
    """Raise ValueError for the first option with a value.

    Args:
        options: name -> value; None where it was not given.
        why: it cannot be given.
    """
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"--{name} {value} {why}; remove it.")
