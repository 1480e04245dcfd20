"""The placeholders of the bundle template, and what fills them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def fill(content: Any, values: Mapping[str, Any]) -> Any:
    """Replace "{{name}}" by its value, and {{name}} inside a longer string by its text.

    `"{{name}}": null` adds a dict to the one it stands in, and "{{name}}" in a list the items of a
    list.
    """
    if isinstance(content, dict):
        filled: dict[str, Any] = {}
        for key, value in content.items():
            if match := re.fullmatch(r"\{\{(\w+)\}\}", key):
                filled.update(values[match[1]])
            else:
                filled[key] = fill(value, values)
        return filled
    if isinstance(content, list):
        items: list[Any] = []
        for item in content:
            value = fill(item, values)
            items += value if isinstance(item, str) and isinstance(value, list) else [value]
        return items
    if isinstance(content, str):
        if match := re.fullmatch(r"\{\{(\w+)\}\}", content):
            return values[match[1]]
        return re.sub(r"\{\{(\w+)\}\}", lambda m: str(values[m[1]]), content)
    return content
