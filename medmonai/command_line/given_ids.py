"""Ids of a config as they are typed: `--max_epochs 2`, `--set seed=3`."""

from __future__ import annotations

import json
import re
from typing import Any


def given_ids(words: list[str]) -> dict[str, Any]:
    """Turn `--id value` and `--id=value` into a dict; values are parsed as JSON if possible,
    otherwise kept as text.

    Raises:
        ValueError: a word that is not an option, or an option without a value.
    """
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise ValueError(f"{word!r} is not an option; write --id value.")
        key, equals, value = word[2:].partition("=")
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
        found[key] = value if is_class and not isinstance(read, str) else read
    return found
