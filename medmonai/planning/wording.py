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


def about_minutes(minutes: float) -> str:
    """Return a time for a person to read.

    Example:
        >>> about_minutes(0.3), about_minutes(1.2), about_minutes(26.6)
        ('less than a minute', 'about 1 minute', 'about 27 minutes')
    """
    whole = round(minutes)
    if whole < 1:
        return "less than a minute"
    return f"about {whole} minute{'s' * (whole != 1)}"
