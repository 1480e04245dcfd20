"""Tables of the page, from the CSV: coverage (mean width) of each metric in each population."""

from __future__ import annotations

import re
from collections.abc import Callable

Row = dict[str, str]
SCORES = {
    "brier": "Brier",
    "nll": "NLL",
    "ece": "ECE",
    "calibration_error": "error without bins, by the ECE's ends",
}
LOWEST, HIGHEST = 0.92, 0.98  # outside: the table of cells that cover too little or too much


def tables(rows: list[Row]) -> dict[str, str]:
    """Markdown tables by the name of their place in the page."""
    of = {
        study: [row for row in rows if row["study"] == study]
        for study in dict.fromkeys(row["study"] for row in rows)
    }
    alone = [row for row in of.get("decisions", []) if "patients" not in row["population"]]
    patients = [row for row in of.get("decisions", []) if "patients" in row["population"]]
    compared = of.get("comparison", []) + of.get("comparison_of_losses", [])
    named = [row | {"metric": SCORES[row["metric"]]} for row in of.get("calibration", [])]
    return {
        "decisions": pivot(alone, ("population", "variant"), ("metric",)),
        "patients": pivot(patients, ("population", "variant"), ("metric",)),
        "several": pivot(of.get("several", []), ("metric",), ("population", "variant")),
        "separated": pivot(of.get("separated", []), ("population",), ("metric",), show=flagged_too),
        "calibration": pivot(named, ("population", "variant"), ("metric",)),
        "ranking": pivot(of.get("ranking", []), ("population",), ("metric",)),
        "net_benefit": pivot(of.get("net_benefit", []), ("population",), ("variant",)),
        "curves": pivot(of.get("curves", []), ("population",), ("metric", "variant")),
        "comparison": pivot(
            [row for row in compared if row["coverage"]], ("population", "variant"), ("metric",)
        ),
        "rejections": pivot(
            [row for row in compared if row["variant"] == "equal" or "family" in row["metric"]],
            ("population", "variant"),
            ("metric",),
            show=lambda row: f"{float(row['rejected']):.3f}",
        ),
        "outside": outside(rows),
    }


def coverage_and_width(row: Row) -> str:
    """What stands in a cell."""
    return f"{float(row['coverage']):.3f} ({float(row['mean_width']):.3f})"


def flagged_too(row: Row) -> str:
    """Coverage and width, and the share of tables that were flagged."""
    return (
        f"{float(row['coverage']):.3f} ({float(row['mean_width']):.3f}; "
        f"{float(row['flagged']):.2f})"
    )


def pivot(
    rows: list[Row],
    index: tuple[str, ...],
    columns: tuple[str, ...],
    *,
    show: Callable[[Row], str] = coverage_and_width,
) -> str:
    """Table with a line for each value of the index fields and a column for each of the others, in
    order of appearance.
    """
    heads = list(dict.fromkeys(" ".join(row[name] for name in columns) for row in rows))
    found: dict[tuple, dict[str, str]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in index), {})[
            " ".join(row[name] for name in columns)
        ] = show(row)
    lines = [[*key, *(values.get(head, "") for head in heads)] for key, values in found.items()]
    return markdown([*index, *heads], lines)


def outside(rows: list[Row]) -> str:
    """All cells whose coverage is below .92 or above .98, with the shares of intervals on either
    side of the truth.
    """
    fields = (
        "study",
        "population",
        "variant",
        "metric",
        "truth",
        "mean_width",
        "coverage",
        "truth_below",
        "truth_above",
    )
    chosen = [
        row for row in rows if row["coverage"] and not LOWEST <= float(row["coverage"]) <= HIGHEST
    ]
    chosen = [row for row in chosen if "without groups" not in row["metric"]]
    short = [
        [
            f"{float(row[name]):.3f}" if number > 3 else row[name]
            for number, name in enumerate(fields)
        ]
        for row in chosen
    ]
    return markdown([*fields[:-2], "interval above the truth", "interval below it"], short)


def markdown(head: list[str], lines: list[list[str]]) -> str:
    """Lay out a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines])


def fill(page: str, rows: list[Row]) -> str:
    """Put the tables between the page's markers."""
    for name, table in tables(rows).items():
        page = re.sub(
            rf"(<!-- {name} -->\n).*?(\n<!-- end -->)",
            lambda found, table=table: found[1] + table + found[2],
            page,
            flags=re.DOTALL,
        )
    return page
