"""The pages of the documentation that are made from the code; a hook of MkDocs (mkdocs.yml).

- reference/command_line.md: every command with its help and options, from typer.
- reference/bundle_ids.md: every id that a bundle's README describes.
- reference/api/ROOM.md: the public names of each room, from its face (`__init__.pyi`), for
  mkdocstrings.
- project/...: README, SECURITY and the like, which lie outside docs/, and the READMEs of the
  bundles.

Links between pages are written for readers of plain files; here they are turned to the places of
the site.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "data",
    "transforms",
    "networks",
    "losses",
    "optimizers",
    "engines",
    "handlers",
    "predictions",
    "metrics",
    "baselines",
    "visualize",
    "report",
    "bundle",
    "studies",
    "planning",
    "deployment",
    "serving",
    "sites",
)
PROJECT = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)]*)?\)")
_ID_TABLE = re.compile(r"^\| id(?: of ([^|]+))? \| [^\n]+\n((?:\|[^\n]+\n)+)", re.MULTILINE)
_ID_ROW = re.compile(r"^\| (`.+?) \| (.+) \|$", re.MULTILINE)


def command_line() -> str:
    """Return the page of all commands."""
    from typer.main import get_command

    from medmonai.__main__ import app

    lines = [
        "# Command line",
        "",
        "`medmonai COMMAND --help` says the same. `python -m medmonai` is the same command.",
        "",
    ]
    for name, command in _commands(get_command(app), "medmonai"):
        words = [
            name,
            *(
                param.name.upper()
                for param in command.params
                if param.param_type_name == "argument"
            ),
            "[OPTIONS]",
        ]
        lines += [f"## {name}", "", f"    {' '.join(words)}", "", _plain(command.help or ""), ""]
        rows = [
            (
                f"| `{_spelled(param)}` | {_plain(getattr(param, 'help', None) or '')} | "
                f"{_default(param)} |"
            )
            for param in command.params
            if param.name != "help"
        ]
        lines += ["| argument | meaning | default |", "|---|---|---|", *rows, ""] if rows else []
    return "\n".join(lines)


def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(name, command)]
    return [one for word, below in inner.items() for one in _commands(below, f"{name} {word}")]


def _spelled(param: Any) -> str:
    return ", ".join(param.opts) if param.param_type_name == "option" else param.name.upper()


def _default(param: Any) -> str:
    value = param.default
    return (
        "required"
        if param.required
        else f"`{value}`"
        if value not in (None, "", [], ()) and not callable(value)
        else ""
    )


def _plain(text: str) -> str:
    """Return help text as Markdown: paragraphs, in which only what stands in backticks is code."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(
        "".join(
            part if index % 2 else re.sub(r"([\\_*<|\[\]])", r"\\\1", part)
            for index, part in enumerate(re.split("(`[^`]*`)", paragraph))
        )
        for paragraph in paragraphs
    )


def bundle_ids() -> str:
    """Return the page of all ids, gathered from the tables in the READMEs of the shipped
    bundles.
    """
    from medmonai.shipped import shipped_bundles, short_name

    bundles = shipped_bundles()
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for name, folder in bundles.items():
        readme = (folder / "docs" / "README.md").read_text(encoding="utf-8")
        for config, table in _ID_TABLE.findall(readme):
            for row in _ID_ROW.findall(table):
                found.setdefault(config.strip("` ") or "train.json", {}).setdefault(row, []).append(
                    short_name(name)
                )
    lines = [
        "# Ids of the bundles",
        "",
        "Set them as `--id value`; `a#b` is `b` within `a`. An id that nothing reads is an "
        "error that names the nearest one. [Change a recipe](../how_to/change_a_recipe.md) has "
        "examples.",
        "",
    ]
    for config, rows in found.items():
        lines += [f"## {config}", "", "| id | meaning | bundles |", "|---|---|---|"]
        lines += [
            f"| {one} | {meaning} | {'all' if len(of) == len(bundles) else ', '.join(of)} |"
            for (one, meaning), of in sorted(
                rows.items(), key=lambda item: (-len(item[1]), item[0])
            )
        ]
        lines.append("")
    return "\n".join(lines)


def api(room: str) -> str:
    """Return the page of a room: a directive of mkdocstrings for each public name, where its module
    defines it.
    """
    face = ROOT / "medmonai" / room / "__init__.pyi"
    tree = ast.parse(face.read_text(encoding="utf-8"))
    homes = {
        alias.asname or alias.name: f"medmonai.{room}.{node.module}.{alias.name}"
        if node.module
        else ""
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    about = ast.get_docstring(ast.parse(face.with_suffix(".py").read_text(encoding="utf-8"))) or ""
    parts = [
        f"# medmonai.{room}",
        about,
        *(f"::: {home}" for _, home in sorted(homes.items()) if home),
    ]
    return "\n\n".join(parts) + "\n"


def functions() -> str:
    """Return the page of the functions that do what the command line does."""
    names = ("commands.run", "commands.evaluate", "commands.compare")
    results = ("run_results.RunFolder", "run_results.TrainingHistory")
    return (
        "\n\n".join(
            [
                "# medmonai",
                "From Python what the command line does.",
                *(f"::: medmonai.{name}" for name in (*names, *results)),
            ]
        )
        + "\n"
    )


def made_pages() -> dict[str, str]:
    """Return path in the site -> text of every page that is made from the code."""
    return {
        "reference/command_line.md": command_line(),
        "reference/bundle_ids.md": bundle_ids(),
        "reference/api/medmonai.md": functions(),
        **{f"reference/api/{room}.md": api(room) for room in ROOMS},
    }


def outside_pages() -> dict[str, Path]:
    """Return path in the site -> file of every page that lies outside docs/."""
    readmes = sorted((ROOT / "bundles").glob("*/docs/README.md"))
    return {
        f"project/{path.relative_to(ROOT).as_posix()}": path
        for path in [ROOT / name for name in PROJECT] + readmes
    }


def site_path(path: Path) -> str | None:
    """Return where a file of the repository lies in the site; None if it is not there."""
    if path.is_relative_to(ROOT / "docs"):
        return path.relative_to(ROOT / "docs").as_posix()
    return next((place for place, file in outside_pages().items() if file == path), None)


def with_site_links(text: str, source: Path, place: str) -> str:
    """Return a page with its links turned to the places of the site; a link to what the site lacks
    becomes its text.
    """

    def turned(match: re.Match) -> str:
        words = match[1]
        target = Path(os.path.normpath(source.parent / match[2]))
        part = match[3] or ""
        there = site_path(target)
        if there is not None:
            return f"[{words}]({os.path.relpath(there, PurePosixPath(place).parent)}{part})"
        return words if target.exists() else match[0]

    return _LINK.sub(turned, text)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the parts of the navigation that follow from the code."""
    bundles = [place for place in outside_pages() if place.startswith("project/bundles/")]
    titles = {place: place.split("/")[2].removesuffix("_classification") for place in bundles}
    decisions = sorted(
        (ROOT / "docs" / "decisions").glob("*.md"),
        key=lambda path: (path.name != "README.md", path.name),
    )
    fill = {
        "Reference": [
            {"Command line": "reference/command_line.md"},
            {"Ids of the bundles": "reference/bundle_ids.md"},
            {"Gallery of transforms": "reference/gallery_of_transforms.md"},
            {"Gallery of figures": "reference/gallery_of_figures.md"},
            {"Glossary": "reference/glossary.md"},
            {
                "API": [
                    {"medmonai": "reference/api/medmonai.md"},
                    *({f"medmonai.{room}": f"reference/api/{room}.md"} for room in ROOMS),
                ]
            },
        ],
        "Decisions": [f"decisions/{path.name}" for path in decisions],
        "Project": [
            *({name.removesuffix(".md").capitalize(): f"project/{name}"} for name in PROJECT),
            {"Bundles": [{titles[place]: place} for place in bundles]},
        ],
    }
    config.nav = _filled(config.nav, fill)
    return config


def _filled(nav: list, fill: dict[str, list]) -> list:
    """Return a navigation whose entries named in `fill` have these contents."""
    return [
        {
            name: fill.get(name, _filled(below, fill) if isinstance(below, list) else below)
            for name, below in one.items()
        }
        if isinstance(one, dict)
        else one
        for one in nav
    ]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from the code, and those that lie outside docs/."""
    from mkdocs.structure.files import File

    for place, text in made_pages().items():
        files.append(File.generated(config, place, content=text))
    for place, path in outside_pages().items():
        files.append(File.generated(config, place, content=path.read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Turn the links of a page."""
    place = page.file.src_uri
    source = outside_pages().get(place, ROOT / "docs" / place)
    return with_site_links(markdown, source, place)
