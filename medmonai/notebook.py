"""How results show themselves in a notebook: a title, facts, small tables and pictures, in HTML."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

MOST_ROWS = 12
MOST_CHARACTERS = 200
_EMPTY = ("", None)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_CELL = "text-align:left;padding:2px 10px 2px 0"


@dataclass(frozen=True)
class Card:
    """What an object shows of itself.

    Args:
        title: one line.
        facts: name -> value; empty values are left out.
        header: names of the columns of a table.
        rows: of the table, one cell per column.
        pictures: caption -> PNG, as (caption, bytes) pairs.
        width: of a picture on the page, in pixels.
        notes: sentences below it.
    """

    title: str
    facts: Mapping[str, Any] | None = None
    header: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    pictures: Sequence[tuple[str, bytes]] = ()
    width: int = 72
    notes: Sequence[str] = ()

    def html(self) -> str:
        """Return HTML without scripts, links and files: every text is escaped and on one line."""
        parts = [f"<strong>{_text(self.title)}</strong>"]
        said = {name: value for name, value in (self.facts or {}).items() if value not in _EMPTY}
        if said:
            parts.append(_table((), list(said.items())))
        if self.rows:
            parts.append(_table(self.header, self.rows[:MOST_ROWS]))
        if len(self.rows) > MOST_ROWS:
            parts.append(f"<div>... and {len(self.rows) - MOST_ROWS} more rows</div>")
        if self.pictures:
            parts.append(f"<div>{''.join(self._picture(*one) for one in self.pictures)}</div>")
        parts += [f"<div>{_text(note)}</div>" for note in self.notes]
        return f'<div class="medmonai">{"".join(parts)}</div>'

    def _picture(self, caption: str, png: bytes) -> str:
        data = base64.b64encode(png).decode("ascii")
        return (
            '<figure style="display:inline-block;margin:4px 8px 4px 0">'
            f'<img src="data:image/png;base64,{data}" alt="{_text(caption)}" width="{self.width}" '
            'style="image-rendering:pixelated">'
            f'<figcaption style="font-size:80%">{_text(caption)}</figcaption></figure>'
        )


class InNotebook:
    """An object that shows a `Card` where HTML can be shown; its `repr` is one line."""

    def _card(self) -> Card:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return self._card().html()


def one_line(text: object, most: int = MOST_CHARACTERS) -> str:
    """Return a text without line breaks, control characters and marks that turn the direction of
    reading, and not too long.

    Example:
        >>> one_line("a" + chr(10) + "b"), one_line("abcdef", 4)
        ('a b', 'a...')
    """
    plain = "".join(
        one if one.isprintable() else " " if one.isspace() else _REPLACEMENT for one in str(text)
    )
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with that many decimals; "undefined" for None and NaN."""
    return "undefined" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _text(value: object) -> str:
    return escape(one_line(value), quote=True)


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f'<th style="{_CELL}">{_text(name)}</th>' for name in header)
    lines = ["".join(f'<td style="{_CELL}">{_text(cell)}</td>' for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    top = f"<thead><tr>{head}</tr></thead>" if head else ""
    return f"<table>{top}<tbody>{body}</tbody></table>"
