"""The commands about predictions tables and run folders: evaluate, compare, report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .given_ids import given_ids, own_options, refuse_options
from .sites import evaluated_site

_YOUDEN = "youden"

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

Model = Annotated[
    Path | None,
    typer.Option(help="TABLE names labeled images; evaluate the model in this folder on them"),
]
Validation = Annotated[
    Path | None,
    typer.Option(help="table of the validation cases, to choose threshold and temperature"),
]
Metadata = Annotated[Path | None, typer.Option(help="table with an id column, for subgroups")]
OtherHospital = Annotated[
    bool,
    typer.Option(
        "--other-hospital",
        help="with --model: ids and patients are not those that the model was adapted on",
    ),
]


def evaluate(
    context: typer.Context,
    table: Path,
    *,
    output: Annotated[Path, typer.Option(help="the folder for metrics and figures")],
    model: Model = None,
    validation: Validation = None,
    task: Annotated[
        str, typer.Option(help="only if the table does not show it: ordinal, multilabel")
    ] = "",
    rule: Rule = _YOUDEN,
    metadata: Metadata = None,
    by: Annotated[str, typer.Option(help="metadata columns, separated by commas")] = "",
    positive_class: PositiveClass = "",
    sheet: Sheet = "",
    other_hospital: OtherHospital = False,
    confidence: float = 0.95,
    seed: int = 0,
    overwrite: Overwrite = False,
) -> None:
    """Evaluate a predictions TABLE (CSV or Excel: id, y_true, score_<class>...): metrics with
    intervals, and figures.

    With --model, TABLE names labeled images of another site, as for `fit` (--images FOLDER,
    --label_column, --group_column, ...). The model is evaluated at its own threshold, and the site
    is compared with the training: images, scores, class shares, AUC. Cases that the model was
    adapted on or has learned from are left out.
    """
    from medmonai.report import describe_evaluation, evaluate_files

    options = given_ids(context.args, own=own_options(context))
    columns = [name for name in by.split(",") if name]
    if bool(columns) != (metadata is not None):
        raise ValueError("--metadata FILE and --by COLUMN,... belong together; give both or none.")
    shared = {"confidence": confidence, "seed": seed, "overwrite": overwrite, "output": output}
    of_table = {"validation": validation, "task": task, "rule": rule}
    named = {"sheet": sheet, "positive_class": positive_class}
    if model is None:
        refuse_options({**options, "other-hospital": other_hospital or None}, "is for --model")
        subgroups = {"metadata": metadata, "columns": columns}
        evaluation = evaluate_files(table, **of_table, **named, **subgroups, **shared)
    else:
        given = {
            name: value for name, value in of_table.items() if value not in (None, "", _YOUDEN)
        }
        refuse_options(given, "is not for --model, which brings its own threshold")
        options |= {name: value for name, value in named.items() if value}
        options |= {"subgroups": (metadata, columns)} if columns else {}
        evaluation = evaluated_site(
            model, table, other_hospital=other_hospital, **shared, **options
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
