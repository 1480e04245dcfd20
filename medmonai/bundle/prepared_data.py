"""The data of a training, handed to the evaluation that follows in the same process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monai.bundle import ConfigParser
from monai.bundle.reference_resolver import ReferenceResolver

from .cohorts import DATASETS, PLAN

# What takes time to make: the list of the files, their splits, the decoded images, the cohorts.
PREPARED = ("listing", PLAN, "images", *DATASETS)


@dataclass(frozen=True)
class PreparedData:
    """What a config made of its data.

    Args:
        values: id -> what it stands for.
        definitions: id -> its definition, see `definition`.
    """

    values: Mapping[str, Any]
    definitions: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, parser: ConfigParser) -> PreparedData:
        """Keep what a config that has run made of its data, and nothing else of it."""
        made = parser.ref_resolver.resolved_content
        names = {name: ReferenceResolver.normalize_id(name) for name in PREPARED}
        values = {name: made[key] for name, key in names.items() if key in made}
        return cls(values, {name: definition(parser, name) for name in values})

    def hand_to(self, parser: ConfigParser) -> None:
        """Put into a parsed config whatever it defines in the same words.

        Files are then listed, split and decoded once, and both steps see the same images even where
        a file changes in between.
        """
        for name, value in self.values.items():
            if name in parser and definition(parser, name) == self.definitions[name]:
                key = ReferenceResolver.normalize_id(name)
                parser.ref_resolver.resolved_content[key] = value


def definition(parser: ConfigParser, name: str) -> dict[str, Any]:
    """Return id -> raw content of an id of a config and of all that it refers to, directly or not.

    Two configs with the same definition of an id make the same of it.

    Example:
        >>> parser = ConfigParser({"a": "$@b + 1", "b": 2, "c": 3})
        >>> definition(parser, "a")
        {'a': '$@b + 1', 'b': 2}
    """
    found: dict[str, Any] = {}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in found or current not in parser:
            continue
        found[current] = parser[current]
        waiting += _references(found[current])
    return found


def _references(content: Any) -> list[str]:
    if isinstance(content, Mapping):
        return [name for value in content.values() for name in _references(value)]
    if isinstance(content, (list, tuple)):
        return [name for value in content for name in _references(value)]
    return list(ReferenceResolver.match_refs_pattern(content)) if isinstance(content, str) else []
