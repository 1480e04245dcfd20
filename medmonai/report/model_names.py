"""Names of models from the paths of their tables: the part in which each path differs from the
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def named_tables(words: Sequence[str]) -> dict[str, list[Path]]:
    """Return name -> paths of the tables of each model.

    A model without a name takes the shortest part of its path that no other path shares: the file's
    name, else the folder's (`A/predictions_test.csv` and `B/predictions_test.csv` are A and B),
    else both, and so on.

    Args:
        words: PATH, NAME=PATH or NAME=PATH,PATH,... for each model. An existing file whose name
            contains "=" or "," is one path.

    Raises:
        ValueError: fewer than two models, or a name given twice.

    Example:
        >>> list(named_tables(["out/a.csv", "out/b.csv", "mine=c.csv"]))
        ['a', 'b', 'mine']
    """
    split = [_split(word) for word in words]
    names = iter(_distinguishing([paths[0] for name, paths in split if not name]))
    named = [(name or next(names), paths) for name, paths in split]
    told = [name for name, _ in named]
    if len(named) < 2 or len(set(told)) < len(named):
        raise ValueError(
            f"{len(named)} tables with the names {', '.join(told)}; at least two with different "
            "names are needed: NAME=PATH."
        )
    return dict(named)


def _split(word: str) -> tuple[str, list[Path]]:
    if Path(word).is_file():
        return "", [Path(word)]
    name, equals, paths = word.partition("=")
    found = paths if equals else word
    return (name if equals else ""), [Path(found)] if Path(found).is_file() else [
        Path(path) for path in found.split(",")
    ]


def _distinguishing(paths: Sequence[Path]) -> list[str]:
    """Return a name for each path: the part at one position if it differs in all paths, else as
    many of the last parts as are needed.
    """
    parts = [(*path.resolve().parent.parts[1:], path.stem) for path in paths]
    shortest = min(map(len, parts), default=0)
    if len(paths) == 1:
        return [
            parts[0][-1] if shortest < 2 or parts[0][-1] != "predictions_test" else parts[0][-2]
        ]
    for place in range(1, shortest + 1):
        single = [part[-place] for part in parts]
        if len(set(single)) == len(paths):
            return single
    joined = list(map("/".join, parts))  # the same file twice keeps the same name
    for many in range(2, max(map(len, parts), default=0)):
        shorter = ["/".join(part[-many:]) for part in parts]
        if len(set(shorter)) == len(set(joined)):
            return shorter
    return joined
