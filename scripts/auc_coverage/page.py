"""The tables of the study's page."""

from __future__ import annotations

import re

from auc_coverage.populations import CLUSTERS, SHAPES


def tables(rows: list[dict]) -> dict[str, str]:
    """The page's Markdown tables: one per kind of study, one line per cell, coverage (mean width)
    of each method.
    """
    found = {}
    kinds = {
        "binormal": ("binormal",),
        "shapes": SHAPES,
        "clusters": tuple(f"clusters_{k}" for k in range(len(CLUSTERS))),
    }
    for kind, studies in kinds.items():
        chosen = [r for r in rows if r["study"] in studies]
        methods = list(dict.fromkeys(r["method"] for r in chosen))
        lines = [
            "| scores | positives/negatives | AUC | " + " | ".join(methods) + " |",
            "|---" * (len(methods) + 3) + "|",
        ]
        cell: dict[tuple, dict] = {}
        for r in chosen:
            key = (r["study"], f"{r['positives']}/{r['negatives']}", r["auc"])
            cell.setdefault(key, {})[r["method"]] = (
                f"{float(r['coverage']):.3f} ({float(r['mean_width']):.3f})"
            )
        lines += [
            "| " + " | ".join([*map(str, key), *(values[m] for m in methods)]) + " |"
            for key, values in cell.items()
        ]
        found[kind] = "\n".join(lines)
    return found


def fill(page: str, rows: list[dict]) -> str:
    """Put the tables between the page's markers."""
    for kind, table in tables(rows).items():
        page = re.sub(
            rf"(<!-- {kind} -->\n).*?(\n<!-- end -->)",
            lambda found, table=table: found[1] + table + found[2],
            page,
            flags=re.DOTALL,
        )
    return page
