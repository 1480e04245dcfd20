"""A run folder as a page: what its files say, in the order in which a reviewer asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from medmonai.run_files import parts_of, read_record

from .figures import FIGURES, SECTIONS
from .fit_section import plan_part
from .page import Card, PageFigure, RunPage, Section
from .repeat_section import repeat_part
from .run_sections import data_part, part_of, saliency_part, training_part
from .shift_section import shift_part
from .tables import split_tables
from .wording import (
    about_class,
    below_chance,
    chosen_decisions,
    chosen_where,
    method_words,
    number,
    of_class,
    words,
)


def run_page(folder: str | Path, *, name: str | None = None, anchor: str = "run") -> RunPage:
    """Collect everything a run folder holds.

    Args:
        folder: a folder with metrics.json. config.json, run.json, test_opened.json, data.json,
            saliency.json and figures/ are used where they exist.
        name: of the run; default: the folder's name.
        anchor: prefix of the links within the page.

    Raises:
        FileNotFoundError: there is no metrics.json.
        ValueError: metrics.json is of an earlier version.
    """
    folder = Path(folder)
    metrics = _metrics_of(folder)
    with parts_of(folder / "metrics.json"):
        split = metrics["splits"]["test"]
        tables = tuple(split_tables(split))
        cards = tuple(_cards(metrics))
        data_part(metrics, {})  # an error here is one of metrics.json
    calibration = tuple(table for table in tables if table.name == "calibration")
    parts: dict[str, dict[str, Any]] = {
        "data": part_of(folder / "data.json", partial(data_part, metrics)),
        "plan": part_of(folder / "fit.json", plan_part),
        "training": training_part(folder),
        "performance": {
            "tables": tuple(table for table in tables if table not in calibration),
            "issues": tuple(below_chance(split)),
        },
        "calibration": {"tables": calibration},
        "shift": shift_part(split),
        "failures": {},
        "saliency": part_of(folder / "saliency.json", saliency_part),
        "repeat": repeat_part(folder),
    }
    figures = _figures(folder, split)
    sections = (
        Section(SECTIONS[part], f"{anchor}-{part}", figures=tuple(figures.get(part, ())), **content)
        for part, content in parts.items()
    )
    return RunPage(
        name or folder.resolve().name,
        anchor,
        cards,
        tuple(section for section in sections if not section.empty),
        tables,
        " ".join(filter(None, (*_results_in_words(metrics), about_class(split)))),
        title_of(folder),
    )


def _results_in_words(metrics: Mapping[str, Any]) -> tuple[str, str]:
    """Return the verdict, and why the training failed; "" for each that was not written."""
    return str(metrics.get("verdict", "")), str(metrics.get("diagnosis", {}).get("text", ""))


def title_of(folder: str | Path) -> str:
    """Return the title of the recipe that was run or planned; "" without a recipe."""
    run = read_record(Path(folder) / "run.json")
    return str(run.get("title") or read_record(Path(folder) / "fit.json").get("title", ""))


def _metrics_of(folder: Path) -> Mapping[str, Any]:
    """Return metrics.json of a folder."""
    metrics = read_record(folder / "metrics.json")
    if not metrics:
        raise FileNotFoundError(
            f"no metrics.json in {folder}; evaluate first: python -m medmonai evaluate "
            f"{folder}/predictions_test.csv --output {folder}."
        )
    with parts_of(folder / "metrics.json"):
        ranking = metrics.get("splits", {}).get("test", {}).get("ranking", {})
        current = isinstance(ranking.get("overall", {}).get("average_precision"), Mapping)
    if not current:
        raise ValueError(
            f"{folder}/metrics.json is of an earlier version of medmonai; evaluate again: python "
            f"-m medmonai evaluate {folder}/predictions_test.csv --validation "
            f"{folder}/predictions_val.csv --output NEW."
        )
    return metrics


def _figures(folder: Path, split: Mapping[str, Any]) -> dict[str, list[PageFigure]]:
    """Return section -> those of its figures that the folder holds."""
    found: dict[str, list[PageFigure]] = {}
    for row in FIGURES.values():
        path = folder / "figures" / f"{row.name}.png"
        if path.is_file():
            figure = PageFigure.from_png(
                path.read_bytes(), row.caption_for(split), title=row.title, reading=row.reading
            )
            found.setdefault(row.section, []).append(figure)
    return found


def _cards(metrics: Mapping[str, Any]) -> Iterator[Card]:
    test = metrics["splits"]["test"]
    auc = test["auc"]
    groups = f", {test['n_groups']} groups" if test.get("n_groups") else ""
    flags = "".join(f"; {flag.replace('_', ' ')}" for flag in auc["flags"])
    yield Card(
        f"test AUC{of_class(test)}",
        number(auc["estimate"]),
        f"{auc['confidence']:.0%} interval {number(auc['low'])} to {number(auc['high'])} "
        f"({method_words(auc['method'])}), n = {test['n']}{groups}{flags}",
    )
    for name, table in metrics.get("references", {}).items():
        ends = (
            f"interval {number(table['auc']['low'])} to {number(table['auc']['high'])}, same cases"
        )
        yield Card(f"{name.replace('_', ' ')} AUC", number(table["auc"]["estimate"]), ends)
    decided = chosen_decisions(test)
    how = "default decision"
    if decided and "locked" in test["decisions"]:
        how = f"threshold chosen on {chosen_where(decided['operating_point'])}"
    for metric in (
        "balanced_accuracy",
        "recall",
        "specificity",
        "macro_balanced_accuracy",
        "macro_f1",
    ):
        if decided and metric in decided["overall"]:
            value = decided["overall"][metric]
            about = of_class(test) if metric in ("recall", "specificity") else ""
            ends = f"{number(value['low'])} to {number(value['high'])}"
            yield Card(f"{words(metric)}{about}", number(value["estimate"]), f"{ends}; {how}")
    after = (test.get("calibration") or {}).get("after") or {}
    if "ece" in after:
        yield Card(
            "calibration error (ECE)",
            number(after["ece"]["estimate"]),
            "after the temperature, which was fitted on other cases",
        )
