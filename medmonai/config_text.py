"""Escaping text that MONAI's configs would rewrite or evaluate, such as paths and names with
special characters.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[^\\'\"@%#$:\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"\$'(?:[^\\'@%#$]|\\x[0-9a-f]{2})*'", re.DOTALL)
# Ids that name a location or something in the data. Their values are always text, even if they
# begin with a special character.
_NAMES_IN_DATA = (
    r".+_(?:folders|column|columns|pattern)|suffix|class_names|positive_class|covariates"
)
_TEXT = re.compile(rf".+_(?:dir|path|file|folder|root|uri)|dataset_name|{_NAMES_IN_DATA}")
# Arguments of a recipe's listing that are text; paths there are often joined by an expression.
_TEXT_OF_RECIPE = re.compile(rf"name|licence|citation|known_issues|{_NAMES_IN_DATA}")
_REFERENCE = re.compile(r"@[A-Za-z_]\w*(?:(?:#|::)\w+)*")


def escaped(text: str) -> str:
    r"""Return a config value that evaluates to exactly this text.

    MONAI turns each `#` in a text into `::` (so `::` could be either), and reads a text that begins
    with `@` as a reference, with `%` as a macro, and with `$` as an expression. A text without such
    characters is returned unchanged. Any other becomes a Python literal, as an expression in which
    these characters are escaped by their code.

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
    """Return the text that was passed to `escaped`; return any other value unchanged.

    Example:
        >>> unescaped(escaped("x@lab#1"))
        'x@lab#1'
    """
    if isinstance(value, str) and _ESCAPED.fullmatch(value):
        return ast.literal_eval(value[1:])
    return value


def as_given(overrides: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return config ids -> values such that plain text reaches the bundle unchanged.

    Values of ids that name a location (`dataset_dir`, `ckpt_path`, `splits_file`) or something in
    the data (`image_folders`, `label_column`, `group_pattern`, `suffix`, `class_names`) are text.
    Elsewhere a text that begins with `@`, `%` or `$` is MONAI's reference, macro or expression, and
    any other is text.

    Example:
        >>> as_given({"output_dir": "$x", "warmup_epochs": "$@max_epochs"})
        {'output_dir': "$'\\x24x'", 'warmup_epochs': '$@max_epochs'}
    """
    return {name: _as_given(value, text=names_text(name)) for name, value in overrides.items()}


def names_text(name: str) -> bool:
    """Whether the value of a config id is text, by the id's last part: a file, a folder, a column,
    a pattern, a class.
    """
    return bool(_TEXT.fullmatch(re.split("#|::", name)[-1]))


def recipe_texts(part: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return a part of a recipe in which the arguments that name something in the data evaluate to
    exactly their text.

    Left unchanged: `"@id"`, which passes on the value of an id, and an expression that only selects
    between literals (`"$'a' if @published_images else 'b'"`). Nothing else in these arguments is
    evaluated.

    Example:
        >>> print(
        ...     recipe_texts({"label_column": "$open('x', 'w')", "group_column": "@group_column"})
        ... )
        {'label_column': "$'\\x24open(\\x27x\\x27, \\x27w\\x27)'", 'group_column': '@group_column'}
    """
    return {name: _recipe_argument(name, value) for name, value in part.items()}


def _recipe_argument(name: str, value: Any) -> Any:
    if _TEXT_OF_RECIPE.fullmatch(name):
        return _recipe_text(value)
    if isinstance(value, Mapping) and "_target_" not in value:
        return recipe_texts(value)  # arguments that belong together: columns, groups
    return value


def _recipe_text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _recipe_text(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_recipe_text(entry) for entry in value]
    if not isinstance(value, str) or _REFERENCE.fullmatch(value) or _chooses(value):
        return value
    return escaped(value)


def _chooses(text: str) -> bool:
    """Whether a text is an expression of literals and ids only: a string literal, or a condition
    between literals.
    """
    if not text.startswith("$"):
        return False
    try:
        tree = ast.parse(_REFERENCE.sub("_", text[1:]), mode="eval")
    except (SyntaxError, ValueError):
        return False
    literal = isinstance(tree.body, ast.Constant) and isinstance(tree.body.value, str)
    kinds = (ast.Expression, ast.IfExp, ast.Constant, ast.Name, ast.List, ast.Load)
    return (literal or isinstance(tree.body, ast.IfExp)) and all(
        isinstance(node, kinds) and getattr(node, "id", "_") == "_" for node in ast.walk(tree)
    )


def _as_given(value: Any, *, text: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _as_given(part, text=text and "_target_" not in value)
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_as_given(part, text=text) for part in value]
    if not isinstance(value, str) or unescaped(value) != value:
        return value
    return escaped(value) if text or not value.startswith(("@", "%", "$")) else value
