"""The commands about predictions tables and run folders: evaluate, compare, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Rule = Annotated[
    str,
    typer.Option(
        help=(
            "rule that chooses the threshold on the validation table: youden, f1, sensitivity=0.9, "
            "..."
        )
    ),
]
PositiveClass = Annotated[
    str,
    typer.Option(
        "--positive-class",
        "--positive_class",
        help="the positive class of a binary task; default: the class of the last score column",
    ),
]
Sheet = Annotated[
    str, typer.Option(help="sheet to read if an Excel workbook has several non-empty ones")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="overwrite the files of an earlier evaluation")
]


def evaluate(
    table: Path,
    *,
    output: Annotated[Path, typer.Option(help="the folder for metrics and figures")],
    validation: Annotated[
        Path | None,
        typer.Option(help=("table of the validation cases, to choose threshold and temperature")),
    ] = None,
    task: Annotated[
        str, typer.Option(help="only if the table does not show it: ordinal, multilabel")
    ] = "",
    rule: Rule = "youden",
    metadata: Annotated[
        Path | None, typer.Option(help="table with an id column, for subgroups")
    ] = None,
    by: Annotated[str, typer.Option(help="metadata columns, separated by commas")] = "",
    positive_class: PositiveClass = "",
    sheet: Sheet = "",
    confidence: float = 0.95,
    seed: int = 0,
    overwrite: Overwrite = False,
) -> None:
    """Evaluate a predictions TABLE (CSV or Excel: id, y_true, score_<class>...): metrics with
    intervals, and figures.
    """
    from medmonai.report import describe_evaluation, evaluate_files

    evaluation = evaluate_files(
        table,
        validation=validation,
        output=output,
        task=task,
        rule=rule,
        metadata=metadata,
        columns=[name for name in by.split(",") if name],
        positive_class=positive_class,
        sheet=sheet,
        confidence=confidence,
        seed=seed,
        overwrite=overwrite,
    )
    typer.echo(describe_evaluation(evaluation, output))


def compare(
    tables: list[str],
    *,
    output: Annotated[
        Path, typer.Option(help="the folder for comparison.csv, .json, .tex, figure")
    ],
    metric: Annotated[
        str,
        typer.Option(help=("auc, or accuracy etc. at a threshold locked on the validation table")),
    ] = "auc",
    task: Annotated[
        str, typer.Option(help="only if the tables do not show it: ordinal, multilabel")
    ] = "",
    rule: Rule = "youden",
    positive_class: PositiveClass = "",
    sheet: Sheet = "",
    confidence: float = 0.95,
    alpha: float = 0.05,
    overwrite: Overwrite = False,
) -> None:
    """Compare TABLES of the same cases pairwise: better, worse or not distinguishable.

    A table is PATH, NAME=PATH, or NAME=PATH,PATH,... for several seeds, whose scores are averaged
    case by case. Without a NAME, a model is named after the part of its path that differs from the
    others: a.csv and b.csv are a and b.
    """
    from medmonai.report import compare_files

    for line in compare_files(
        tables,
        output=output,
        metric=metric,
        task=task,
        rule=rule,
        positive_class=positive_class,
        sheet=sheet,
        confidence=confidence,
        alpha=alpha,
        overwrite=overwrite,
    ):
        typer.echo(line)


def report(
    folders: list[Path],
    output: Annotated[
        Path | None, typer.Option(help="the HTML file; default: report.html in the first folder")
    ] = None,
    latex: Annotated[
        bool, typer.Option("--latex", help="also write the tables as LaTeX (booktabs)")
    ] = False,
) -> None:
    """Write one HTML file about run FOLDERS; it opens offline."""
    from medmonai.report import write_report

    for path in write_report(folders, output=output, latex=latex):
        typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
