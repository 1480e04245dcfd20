"""How a run ended: the lines that close it, and what is left to do in a folder that is evaluated
already.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.claims import release
from medmonai.distributed import rank
from medmonai.report import NOT_CLINICAL, write_report
from medmonai.report.wording import positive_class
from medmonai.run_files import parts_of, read_record

from .run_state import lost_model


def finish_results(output_dir: str | Path) -> dict[str, Any]:
    """Return the metrics of a folder that is evaluated already; write its report if it is missing.
    Nothing else runs.

    Raises:
        ValueError: its metrics.json is damaged.
    """
    try:
        metrics = finish(Path(output_dir))
        if rank() == 0:
            print(describe(metrics, output_dir))
        return metrics
    finally:
        if rank() == 0:
            release(output_dir)  # taken by open_test_split


def finish(folder: Path) -> dict[str, Any]:
    """Return the metrics of an evaluated folder, which the caller holds; write its report if it is
    missing.

    Raises:
        ValueError: its metrics.json is damaged.
    """
    metrics = read_record(folder / "metrics.json")
    if rank() == 0:
        with parts_of(folder / "metrics.json"):
            describe(metrics, folder)
        if not (folder / "report.html").exists():  # the process ended between the two
            write_report([folder])
        print(f"{folder} is evaluated already; nothing was run.{lost_model(folder)}")
    return metrics


def describe(metrics: Mapping[str, Any], output_dir: str | Path) -> str:
    """Return the lines that end a run: AUC with its interval, references beside it, where the
    results lie.
    """
    test = metrics["splits"]["test"]
    name = positive_class(test)
    lines = [f"test AUC {_interval(test['auc'])}{f', positive class: {name}' if name else ''}"]
    lines += [
        f"  {name.replace('_', ' ')} {_interval(table['auc'])}"
        for name, table in metrics["references"].items()
    ]
    lines += [
        f"results: {output_dir} (report.html, predictions_test.csv, predictions_val.csv, "
        "metrics.json, metrics.csv, figures/, models/)",
        NOT_CLINICAL,
    ]
    return "\n".join(lines)


def _interval(auc: Mapping[str, Any]) -> str:
    def number(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.4f}"

    flags = f" ({'; '.join(auc['flags'])})" if auc.get("flags") else ""
    return (
        f"{number(auc['estimate'])} [{number(auc['low'])}, {number(auc['high'])}] 95 % "
        f"{auc['method']}{flags}"
    )
