"""One HTML page: sections of text, tables and figures, with everything inside the file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from medmonai.atomic_files import replacing

from .tables import Table


@dataclass(frozen=True)
class Picture:
    """A PNG inside the page.

    Args:
        data: the file in base64.
        caption: what it shows; also read to those who cannot see it.
        width: CSS pixels.
        wide: whether it takes the whole width of the page.
    """

    data: str
    caption: str
    width: int
    wide: bool = False

    @classmethod
    def from_png(cls, data: bytes, caption: str) -> Picture:
        """Take a PNG as `save_figure` writes it; its size in inches decides its width on the
        page.
        """
        with Image.open(io.BytesIO(data)) as image:
            inches = image.width / image.info["dpi"][0]
        return cls(
            base64.b64encode(data).decode("ascii"), caption, round(inches * 110), inches > 4.5
        )


@dataclass(frozen=True)
class Listing:
    """Text that is shown as it is: commands, a config; `folded` ones open with a click."""

    title: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading; whatever is empty is left out."""

    title: str
    anchor: str
    texts: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Picture, ...] = ()
    listings: tuple[Listing, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.texts or self.facts or self.tables or self.figures or self.listings)


@dataclass(frozen=True)
class Card:
    """A number of the summary, with what to know before quoting it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class RunPage:
    """Everything about one run; `lead` is a line above the cards."""

    name: str
    anchor: str
    cards: tuple[Card, ...] = ()
    sections: tuple[Section, ...] = ()
    tables: tuple[Table, ...] = field(default=(), repr=False)
    lead: str = ""


def render_page(
    runs: Sequence[RunPage],
    *,
    title: str,
    subtitle: str,
    notice: str,
    made_by: str,
    comparison: Section | None = None,
) -> str:
    """Return the page as HTML. Every string is escaped; nothing is loaded from elsewhere (a content
    security policy says so).

    Args:
        runs: the runs, one after the other.
        title: of the page.
        subtitle: what the runs are.
        notice: a line that stands out, at the top and at the bottom.
        made_by: the last line.
        comparison: a section about all runs together.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(
        (files("medmonai.report") / "template" / "report.html").read_text(encoding="utf-8")
    )
    return template.render(
        runs=runs,
        title=title,
        subtitle=subtitle,
        notice=notice,
        made_by=made_by,
        comparison=comparison,
    )


def write_page(html: str, path: str | Path) -> Path:
    """Write the page, over an older one: a report is made of its run's files and can be made again
    at any time.
    """
    path = Path(path)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path
