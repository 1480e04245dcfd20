"""One HTML page: sections of text, tables and figures, with everything inside the file."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from PIL import Image

from medmonai.atomic_files import replacing

from .tables import Table

_COLUMN = 4.5  # inches: a wider figure spans both columns of the page


@dataclass(frozen=True)
class PageFigure:
    """A PNG inside the page.

    Args:
        data: the file in base64.
        caption: what it shows.
        size: width and height in pixels.
        wide: whether it spans the page rather than one of two columns.
        title: a few words above the caption; also the image's text for readers who cannot see it.
        reading: one sentence that says how to read it.
    """

    data: str
    caption: str
    size: tuple[int, int]
    wide: bool = False
    title: str = ""
    reading: str = ""

    @classmethod
    def from_png(
        cls, data: bytes, caption: str, *, title: str = "", reading: str = ""
    ) -> PageFigure:
        """Take a PNG as `save_figure` writes it; its width in inches decides whether it is wide."""
        with Image.open(io.BytesIO(data)) as image:
            size = image.size
            inches = image.width / image.info["dpi"][0]
        text = base64.b64encode(data).decode("ascii")
        return cls(text, caption, size, inches > _COLUMN, title, reading)


@dataclass(frozen=True)
class TextBlock:
    """Text shown as it is, such as commands or a config; a `folded` block opens with a click."""

    title: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading; empty parts are left out.

    Args:
        title: the heading.
        anchor: its id within the page.
        texts: paragraphs.
        facts: a list.
        tables: the tables.
        figures: the figures.
        blocks: text shown as it is.
        issues: what a reader must know before trusting the rest, in a box of its own.
    """

    title: str
    anchor: str
    texts: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[PageFigure, ...] = ()
    blocks: tuple[TextBlock, ...] = ()
    issues: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        parts = (self.texts, self.facts, self.tables, self.figures, self.blocks, self.issues)
        return not any(parts)


@dataclass(frozen=True)
class Card:
    """A number of the summary, with what to know before quoting it."""

    name: str
    value: str
    note: str


@dataclass(frozen=True)
class RunPage:
    """Everything about one run.

    Args:
        name: of the run.
        anchor: its id within the page.
        cards: the numbers at the top.
        sections: the sections below them.
        tables: the tables of the sections, for LaTeX.
        lead: a line above the cards.
        title: of the recipe that was run, if it is known.
    """

    name: str
    anchor: str
    cards: tuple[Card, ...] = ()
    sections: tuple[Section, ...] = ()
    tables: tuple[Table, ...] = field(default=(), repr=False)
    lead: str = ""
    title: str = ""


def render_page(
    runs: Sequence[RunPage],
    *,
    title: str,
    subtitle: str,
    notice: str,
    made_by: str,
    comparison: Section | None = None,
    heading: str = "",
) -> str:
    """Return the page as HTML.

    Every string is escaped. The page loads nothing: its content security policy allows only the
    images inside the file and, by their hashes, its own style sheet and script. It is complete
    without the script, which sorts tables and opens folded sections for printing.

    Args:
        runs: the runs, one after the other.
        title: of the browser's tab.
        subtitle: what the runs are.
        notice: a line that stands out, at the top and at the bottom.
        made_by: the last line.
        comparison: a section about all runs together.
        heading: the heading of the page; default: the title.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = _own("report.css")
    script = _own("report.js")
    return environment.from_string(_own("report.html")).render(
        runs=runs,
        title=title,
        heading=heading or title,
        subtitle=subtitle,
        notice=notice,
        made_by=made_by,
        comparison=comparison,
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; img-src data:; style-src '{policy_hash(style)}'; "
            f"script-src '{policy_hash(script)}'; base-uri 'none'; form-action 'none'"
        ),
    )


def _own(name: str) -> str:
    return (files("medmonai.report") / "template" / name).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """Return the hash by which a content security policy names an inline style or script."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def write_page(html: str, path: str | Path) -> Path:
    """Write the page, over an older one: a report can be made again from its run's files."""
    path = Path(path)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return path
