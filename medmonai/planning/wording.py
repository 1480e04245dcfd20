"""Lines of text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def table_lines(lines: Sequence[str]) -> list[str]:
    """Return lines of "name: text" as a table of two columns.

    Example:
        >>> table_lines(["size: 28 x 28", "gray values: 0 to 255"])
        ['size         28 x 28', 'gray values  0 to 255']
    """
    rows = [line.partition(": ") for line in lines]
    width = max(len(name) for name, _, _ in rows)
    return [f"{name:<{width}}  {text}" for name, _, text in rows]
