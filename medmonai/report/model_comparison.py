"""Several models on the same cases: which of them differ, as a table, figures and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmonai import visualize
from medmonai.atomic_files import replacing, write_json
from medmonai.metrics import Comparison, compare_tables, verdict_scope
from medmonai.predictions import Predictions, align

from .evaluation import NOT_CLINICAL
from .figure_material import ComparedModels
from .figures import SECTIONS, drawn_figures
from .latex import write_latex
from .page import PageFigure, Section
from .tables import Table
from .wording import method_words, p_number, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """Return each pair with its difference, interval, p value before and after Holm's correction,
    and the verdict on the first of the pair.
    """
    rows = tuple(
        (
            f"{c.a} - {c.b}",
            f"{c.difference:+.3f} ({c.low:+.3f} to {c.high:+.3f})",
            p_number(c.p_value),
            p_number(c.p_holm),
            c.verdict,
        )
        for c in comparisons
    )
    first = comparisons[0]
    about = f" of {first.positive_class}" if first.positive_class else ""
    caption = (
        f"Difference in {words(first.metric)}{about} on the same {first.n} test cases "
        f"({method_words(first.method)}), p values with Holm's correction over all pairs "
        f"({len(comparisons)}). The verdict is on the first of the pair. "
        f"{verdict_scope(comparisons)}"
    )
    return Table("comparison", caption, ("pair", "difference", "p", "p (Holm)", "verdict"), rows)


def comparison_section(tables: Mapping[str, Predictions]) -> Section:
    """Compare the AUCs of tables on the same cases and return a section of the report."""
    found = compare_tables(tables)
    first = next(iter(tables.values()))
    aligned = {name: align(first, table) for name, table in tables.items()}
    figures = tuple(
        PageFigure.from_png(_png(figure), row.caption, title=row.title, reading=row.reading)
        for row, figure in drawn_figures(ComparedModels(found, aligned))
    )
    return Section(
        SECTIONS["comparison"],
        "comparison",
        tables=(comparison_table(found),),
        figures=figures,
    )


def _png(figure: Figure) -> bytes:
    with visualize.styled():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=visualize.DPI, metadata={"Software": None})
    return buffer.getvalue()


def write_comparison(
    comparisons: Sequence[Comparison],
    folder: str | Path,
    *,
    spread: Mapping[str, Mapping[str, Any]] | None = None,
    overwrite: bool = False,
) -> list[Path]:
    """Write comparison.csv, comparison.json, comparison.tex and the figure.

    Args:
        comparisons: what `compare_tables` found.
        folder: where to; created if missing.
        spread: name -> `seed_spread` of its tables, for the JSON file.
        overwrite: replace an earlier comparison.

    Raises:
        FileExistsError: one of the files exists and `overwrite` is False; nothing is written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"comparison.{suffix}" for suffix in ("csv", "json", "tex", "png", "pdf")]
    there = [path.name for path in paths if path.exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{folder} already holds {', '.join(there)}; name another --output, or pass "
            "--overwrite."
        )
    with (
        replacing(paths[0], overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        columns = [*(field.name for field in fields(Comparison)), "verdict_is_about"]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        for comparison in comparisons:
            writer.writerow(
                {
                    **asdict(comparison),
                    "flags": " ".join(comparison.flags),
                    "verdict_is_about": verdict_scope([comparison]),
                }
            )
    write_json(
        {
            "disclaimer": NOT_CLINICAL,
            "verdict_is_about": verdict_scope(comparisons),
            "comparisons": [asdict(comparison) for comparison in comparisons],
            "seeds": dict(spread or {}),
        },
        paths[1],
    )
    write_latex([comparison_table(comparisons)], paths[2], overwrite=True)
    figure = visualize.comparison_figure(comparisons)
    visualize.save_figure(figure, folder / "comparison", overwrite=True)
    return paths
