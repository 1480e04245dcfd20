"""From the predictions of a run to everything that its folder says about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from medmonai.atomic_files import read_json, replacing, write_json
from medmonai.claims import release
from medmonai.data import Cohort, ResidentLoader
from medmonai.data.audit import Audit
from medmonai.data.options import Options
from medmonai.data.splits import csv_text
from medmonai.distributed import rank
from medmonai.handlers import AUCMetric
from medmonai.metrics import band_values, subgroup_summary
from medmonai.predictions import Predictions, write_predictions
from medmonai.report import (
    Evaluation,
    ExplainedCases,
    FinishedRun,
    evaluate,
    write_decision,
    write_evaluation,
    write_figures,
    write_report,
)
from medmonai.run_files import parts_of

from .explain import write_saliency
from .outcome import finish_results
from .run_state import evaluating, unevaluated
from .tracking import end_tracking, tracked

# Texts of more distinct values (names, dates, remarks) make no subgroups.
_MOST_SUBGROUPS = 20


@dataclass(frozen=True)
class ResultOptions(Options):
    """What a person may choose about the results of a run.

    Args:
        rule: how the operating point is chosen, such as "youden" or "sensitivity=0.9".
        allow_leakage: whether leakage was allowed; the report repeats it.
        saliency_layer: the layer for Grad-CAM, where it is not to be found automatically.
    """

    rule: str = "youden"
    allow_leakage: bool = False
    saliency_layer: str | None = None


@tracked("validate")
def write_results(
    metrics: Mapping[str, AUCMetric],
    *,
    output_dir: str | Path,
    cohorts: Mapping[str, Cohort],
    network: torch.nn.Module,
    loader: ResidentLoader,
    audit: Audit,
    references: Mapping[str, Predictions] | None = None,
    options: ResultOptions | Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write metrics, figures, saliency maps and the report of an evaluated run on rank 0; return
    the metrics.

    Called last in the "run" list of a bundle's evaluate.json. The operating point and the
    temperature are chosen on validation, stored beside the weights (models/decision.json) and
    applied to test. metrics.json comes after all but the report: it says that the evaluation is
    complete. Columns of the test cohort's metadata go into metadata_test.csv and, where they make
    subgroups, into metrics.json and the report. In a folder that has its metrics.json, only a
    missing report is written.

    Args:
        metrics: "validation" and "test" -> the key metric of their evaluator, which holds its
            predictions.
        output_dir: the run folder.
        cohorts: "train", "validation" and "test" -> cases, for the data card and the pictures.
        network: the trained network, not wrapped.
        loader: the loader of the test cases; what it does to images is done to those that are
            explained.
        audit: what the audit of the splits found.
        references: name -> predictions on the test cases to stand beside (an ideal observer); also
            written as tables.
        options: operating point, saliency layer and whether leakage was allowed, as `ResultOptions`
            or a dictionary of its fields.
    """
    chosen = ResultOptions.of(options, argument="options")
    if not unevaluated(output_dir):
        return finish_results(output_dir)
    with evaluating(output_dir):
        scored = metrics["test"].predictions
        assert scored is not None  # the evaluator has run
        evaluation = evaluate(
            scored, validation=metrics["validation"].predictions, rule=chosen.rule
        )
        folder = Path(output_dir)
        test = cohorts["test"]
        references = dict(references or {})
        if rank() != 0:
            return {"splits": {"test": evaluation.metrics}}
        for name, table in references.items():
            write_predictions(table, folder / f"predictions_test_{name}.csv", overwrite=True)
        write_decision(evaluation, folder)
        write_metadata(test, folder)
        evaluation.metrics.update(_subgroups(evaluation, test))
        twins = audit.twins("test")
        about = _data_card(cohorts, audit, allowed=chosen.allow_leakage)
        write_json(about, folder / "data.json")
        explained = write_saliency(
            network,
            loader=loader,
            cohort=test,
            predictions=evaluation.test,
            decided=evaluation.decided,
            folder=folder,
            target_layer=chosen.saliency_layer,
        )
        _draw(evaluation, cohorts, folder, explained=explained, twins=twins)
        written = write_evaluation(
            evaluation, folder, data=_provenance(cohorts), references=references
        )
        write_report([folder])
        end_tracking(written)
        release(folder)  # taken by open_test_split
        return written


def _data_card(cohorts: Mapping[str, Cohort], audit: Audit, *, allowed: bool) -> dict[str, Any]:
    """Return what data.json holds: cases per class and split, and the audit."""
    lines = {"lines": audit.lines(), "twins": audit.twins("test")}
    counts = {name: cohort.class_counts() for name, cohort in cohorts.items()}
    return {"counts": counts, "audit": audit.compact(allowed=allowed) | lines}


def _draw(
    evaluation: Evaluation,
    cohorts: Mapping[str, Cohort],
    folder: Path,
    *,
    explained: ExplainedCases,
    twins: Mapping[str, Any],
) -> None:
    """Draw what the test table alone does not show: cases, class balance, history, maps."""
    run = FinishedRun(evaluation, cohorts, explained, twins)
    if not (folder / "history.csv").is_file():
        return write_figures(run, folder / "figures")
    with parts_of(folder / "history.csv"):
        kept = read_json(folder / "run.json").get("best_epoch")
        history = folder / "history.csv"
        write_figures(replace(run, history=history, kept=kept), folder / "figures")


def _provenance(cohorts: Mapping[str, Cohort]) -> dict[str, Any]:
    """Return where the test cases come from, with the known issues and facts of all splits."""
    of_all = {
        name: list(
            dict.fromkeys(
                said for cohort in cohorts.values() for said in getattr(cohort.provenance, name)
            )
        )
        for name in ("known_issues", "facts")
    }
    return cohorts["test"].provenance.as_dict() | of_all


def write_metadata(cohort: Cohort, folder: Path) -> None:
    """Write metadata_test.csv, id and columns, for `python -m medmonai evaluate --metadata`;
    nothing without metadata.
    """
    columns = {name: values for name, values in cohort.metadata.items() if name != "id"}
    if not columns:
        return
    with replacing(folder / "metadata_test.csv", overwrite=True) as temporary:
        rows = [("id", *columns), *zip(cohort.ids, *columns.values())]
        temporary.write_text(csv_text(rows), encoding="utf-8", newline="")


def _subgroups(evaluation: Evaluation, cohort: Cohort) -> dict[str, Any]:
    """Return "subgroups": column -> rows, for columns of 2 to 20 values or bands; nothing without
    such a column.
    """
    row_of = {case: row for row, case in enumerate(cohort.ids.tolist())}
    rows = [row_of[case] for case in evaluation.test.ids.tolist()]
    named = {name: values[rows] for name, values in cohort.metadata.items() if name != "id"}
    chosen = {
        name: values
        for name, values in named.items()
        if 1 < len(set(band_values(values))) <= _MOST_SUBGROUPS
    }
    rows_of = {
        name: subgroup_summary(evaluation.test, values, point=evaluation.point)
        for name, values in chosen.items()
    }
    return {"subgroups": rows_of} if rows_of else {}
