"""Arguments that belong together as one object: a dataclass in Python, a plain dictionary in a
config.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_type_hints

from medmonai.nearest import did_you_mean

_O = TypeVar("_O", bound="Options")


@dataclass(frozen=True)
class Options:
    """Base class of the dataclasses that hold a few arguments of a function."""

    @classmethod
    def of(cls: type[_O], given: _O | Mapping[str, Any] | None, *, argument: str) -> _O:
        """Return an object of this class, created from a dictionary if one is given.

        Args:
            given: an object of this class, a dictionary of its fields, or None for the defaults.
            argument: name of the function's argument, for messages.

        Raises:
            TypeError: `given` is none of these.
            ValueError: a key that is not a field, or a missing field that has no default.

        Example:
            >>> from medmonai.data import TableColumns
            >>> TableColumns.of({"image_column": "id", "label": "dx"}, argument="columns")
            Traceback (most recent call last):
            ValueError: columns has no 'label'; did you mean label_column?
        """
        if isinstance(given, cls):
            return given
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(
                f"{argument} is a {type(given).__name__}; give a {cls.__name__}, or a dictionary "
                "of its fields."
            )
        entries = dict(given or {})
        known = inspect.signature(cls).parameters
        for name in entries:
            if name not in known:
                hint = did_you_mean(
                    name, known, show="{}", otherwise=f"its entries are {', '.join(known)}."
                )
                raise ValueError(f"{argument} has no {name!r}; {hint}")
        missing = [
            name
            for name, parameter in known.items()
            if parameter.default is parameter.empty and name not in entries
        ]
        if missing:
            raise ValueError(f"{argument} lacks {', '.join(missing)}.")
        return cls(**entries)


def option_groups(function: Callable[..., object]) -> dict[str, type[Options]]:
    """Return the parameters of a function that take `Options`, with the class of each.

    Example:
        >>> from medmonai.data import list_image_table
        >>> sorted(option_groups(list_image_table))
        ['about', 'columns', 'images', 'table']
    """
    try:
        hints = get_type_hints(function)
    except (NameError, TypeError):  # not a function of this package
        return {}
    return {
        name: kind
        for name, hint in hints.items()
        for kind in (*get_args(hint), hint)
        if isinstance(kind, type) and issubclass(kind, Options)
    }


def flat_parameters(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function by name, with its `Options` replaced by their fields.

    Options with a `path` may be given as that path alone, under the parameter's own name.
    """
    groups = option_groups(function)
    flat: dict[str, inspect.Parameter] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        fields = dict(inspect.signature(groups[name]).parameters) if name in groups else {}
        if not fields or fields.pop("path", None):
            flat[name] = parameter
        flat.update(fields)
    return flat


def grouped(function: Callable[..., object], flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a function, built from values named as in `flat_parameters`.

    Example:
        >>> from medmonai.data import list_image_table
        >>> grouped(list_image_table, {"table": "t.csv", "sheet": "2", "label_column": "dx"})
        {'table': {'path': 't.csv', 'sheet': '2'}, 'columns': {'label_column': 'dx'}}
    """
    arguments = dict(flat)
    for name, kind in option_groups(function).items():
        fields = [field for field in inspect.signature(kind).parameters if field in arguments]
        values = {field: arguments.pop(field) for field in fields}
        if values and name in arguments:
            values = {"path": arguments[name], **values}
        if values:
            arguments[name] = values
    return arguments
