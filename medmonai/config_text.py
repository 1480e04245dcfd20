"""Text that MONAI's configs leave as it is: paths and names with the marks that they would rewrite or evaluate."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[^\\'\"@%#$:\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"\$'(?:[^\\'@%#$]|\\x[0-9a-f]{2})*'", re.DOTALL)
# Ids of these endings name a place. Whatever is given for one is text, even where it begins with a mark.
_PLACE = re.compile(r".+_(?:dir|path|file|folder|folders|root|uri)")


def escaped(text: str) -> str:
    r"""Return a config value that stands for exactly this text.

    MONAI makes `::` of each `#` in a text (so `::` could be either), and reads one that begins with `@` as a reference, with
    `%` as a macro, with `$` as an expression. A text without such marks is returned as it is; of another one the literal of
    Python is made, as an expression in which the marks are written by their number.

    Example:
        >>> escaped("runs/a")
        'runs/a'
        >>> print(escaped("x@lab#1"))
        $'x\x40lab\x231'
    """
    if "#" not in text and "::" not in text and not text.startswith(("@", "%", "$")):
        return text
    return "$'" + "".join(c if _PLAIN.fullmatch(c) else f"\\x{ord(c):02x}" for c in text) + "'"


def unescaped(value: Any) -> Any:
    """Return the text that `escaped` was given; any other value as it is.

    Example:
        >>> unescaped(escaped("x@lab#1"))
        'x@lab#1'
    """
    if isinstance(value, str) and _ESCAPED.fullmatch(value):
        return ast.literal_eval(value[1:])
    return value


def as_given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return config ids -> values in which every text that is meant as text reaches the bundle unchanged.

    Values of ids that name a place (`dataset_dir`, `ckpt_path`, `splits_file`, `image_folders`) are text. Elsewhere a text that
    begins with `@`, `%` or `$` is MONAI's reference, macro or expression, and any other is text.

    Example:
        >>> as_given({"output_dir": "$x", "warmup_epochs": "$@max_epochs"})
        {'output_dir': "$'\\x24x'", 'warmup_epochs': '$@max_epochs'}
    """
    return {name: _as_given(value, place=names_place(name)) for name, value in overrides.items()}


def names_place(name: str) -> bool:
    """Whether a config id names a file or a folder, by its ending."""
    return bool(_PLACE.fullmatch(re.split("#|::", name)[-1]))


def _as_given(value: Any, *, place: bool) -> Any:
    if isinstance(value, Mapping):
        return {name: _as_given(part, place=False) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_given(part, place=place) for part in value]
    if not isinstance(value, str) or unescaped(value) != value:
        return value
    return escaped(value) if place or not value.startswith(("@", "%", "$")) else value
