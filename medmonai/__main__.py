"""The command line: `python -m medmonai`."""

from __future__ import annotations

import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from medmonai.errors import run_in_words, stopped_in_words

_HELP = (
    "Classification of medical images and volumes. Research software: not for clinical use.\n\n"
    "Bundles, recipes and study files are programs: run only those whose author you trust "
    "(SECURITY.md). --traceback (or MEDMONAI_TRACEBACK=1) shows where an error came from."
)
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=_HELP)
data = typer.Typer(no_args_is_help=True, help="Look at data sets.")
app.add_typer(data, name="data")
study = typer.Typer(no_args_is_help=True, help="Ablation and grid studies.")
app.add_typer(study, name="study")

_SOURCE = "a MedMNIST name, a bundle, a folder of class folders, or a table (CSV, .xlsx)"
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


def _overrides(words: list[str]) -> dict[str, Any]:
    """Turn `--id value` and `--id=value` into a dict; values are parsed as JSON if possible,
    otherwise kept as text.
    """
    found: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            raise ValueError(f"{word!r} is not an option; write --id value.")
        key, equals, value = word[2:].partition("=")
        if not equals:
            if not rest:
                raise ValueError(f"--{key} has no value; write --{key} VALUE.")
            value = rest.pop(0)
        try:
            read = json.loads(value)
        except json.JSONDecodeError:
            read = {"True": True, "False": False, "None": None}.get(value, value)
        is_class = re.split("[#:]", key.replace("-", "_"))[-1] == "positive_class"
        # a class may be called None, null or 1e5
        found[key] = value if is_class and not isinstance(read, str) else read
    return found


def _say_version(wanted: bool) -> None:
    if wanted:
        from medmonai import __version__

        typer.echo(f"medmonai {__version__}")
        raise typer.Exit


@app.callback()
def _of_all_commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help=("print the version and exit")
        ),
    ] = False,
) -> None:
    pass


@app.command()
def bundles() -> None:
    """List the bundles shipped with the package, by the names that `run` accepts."""
    from medmonai.shipped import bundle_lines

    for line in bundle_lines():
        typer.echo(line)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(
    context: typer.Context,
    bundle: str,
    output_dir: Annotated[str, typer.Option("--output_dir")] = "",
) -> None:
    """Train BUNDLE, evaluate it on its test split, plot the figures and write the report.

    BUNDLE is the folder of a bundle, or the name of a shipped one (`medmonai bundles`), such as
    pneumoniamnist.

    Every id of the bundle's config can be set: --dataset_dir DIR --max_epochs 2 --seed 3
    --train#augmentation '[]'.

    A bundle is a program: run only one whose author you trust.
    """
    from medmonai.bundle import commands, describe, folder_of_run, run_bundle

    overrides = _overrides(context.args)
    with (
        folder_of_run(output_dir, parent="runs", name=Path(bundle).name) as folder,
        stopped_in_words(),
    ):
        typer.echo("The same with MONAI alone:")
        for line in commands(bundle, {**overrides, "output_dir": str(folder)}):
            typer.echo(f"  {line}")
        metrics = run_bundle(bundle, output_dir=folder, overrides=overrides)
        typer.echo(describe(metrics, folder))


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="name of the bundle, ending in _classification")],
    recipe: Annotated[Path, typer.Argument(help="a JSON file: title, dataset, network, ...")],
    folder: Annotated[Path, typer.Option(help="where to create the bundle's folder")] = Path(
        "bundles"
    ),
) -> None:
    """Create a MONAI bundle for your own data from a short RECIPE; see
    docs/how_to/your_own_images.md.

    A recipe becomes a program: if someone else wrote it, read it before you run its bundle.
    """
    from medmonai.bundle import read_recipe, write_bundle

    path = write_bundle(name, read_recipe(recipe), folder, overwrite=False)
    typer.echo(f"{path}: python -m medmonai run {path} --dataset_dir DIR")


@app.command()
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


@app.command()
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


@app.command()
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


@data.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def describe(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=_SOURCE)],
    output: Annotated[
        Path | None, typer.Option(help="a folder for describe.json and figures/")
    ] = None,
) -> None:
    """Describe a SOURCE: cases, classes, sizes, groups, columns, excluded files, known issues.
    Nothing is decoded.

    A bundle takes its config's ids (--dataset_dir DIR). A folder takes --group_pattern '^([^_]+)_',
    --positive_class NAME and the other arguments of list_class_folders; a table --image_column,
    --label_column, --images FOLDER,... (relative to the working directory, like every path here),
    --suffix .jpg, --group_column, --split_column, --metadata_columns age,sex, --rows_without_image
    skip, --sheet, --separator, --encoding; a MedMNIST set --dataset_dir, --size.
    """
    from medmonai.bundle import describe_source

    for line in describe_source(source, _overrides(context.args), output=output).lines():
        typer.echo(line)


@data.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def check(
    context: typer.Context,
    source: Annotated[str, typer.Argument(help=_SOURCE)],
    output: Annotated[
        Path | None,
        typer.Option(
            help=("a JSON file for the full audit; every pair is written as CSV next to it")
        ),
    ] = None,
) -> None:
    """Audit a SOURCE: duplicates, leakage between splits, label conflicts, blank images,
    distributions.

    Takes the options of `data describe`, and for files --check_size 128, --intensity_range '[low,
    high]', --skip_unreadable true. The exit status is 1 if the splits leak.
    """
    from medmonai.bundle import check_source

    audit = check_source(source, _overrides(context.args), output=output)
    for line in audit.lines():
        typer.echo(line)
    if audit.leaks:
        raise typer.Exit(1)


@app.command()
def cache(
    names: Annotated[
        list[str],
        typer.Argument(metavar="[NAME]...", help="with --clear: only these sets or files"),
    ] = [],  # noqa: B006
    folder: Annotated[
        Path | None, typer.Option(help="default: MEDMONAI_CACHE, or else the user's cache folder")
    ] = None,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="remove the listed entries; they are rebuilt when needed"),
    ] = False,
) -> None:
    """List the cached decoded or expanded images with their sizes, or remove them."""
    from medmonai.data import cache_folder, clear_cache, list_cache

    place = cache_folder(folder)
    if place.exists() and not place.is_dir():
        raise NotADirectoryError(
            f"{place} is a file; give the cache folder (--folder, MEDMONAI_CACHE)."
        )
    if names and not clear:
        raise ValueError(
            f"{names[0]!r} is given without --clear; to remove it, write --clear {names[0]}."
        )
    shown, left = clear_cache(place, names) if clear else (list_cache(place), [])
    for entry in shown:
        typer.echo(entry.line())
    total = sum(entry.nbytes for entry in shown) / 1e6
    counted = "1 entry" if len(shown) == 1 else f"{len(shown)} entries"
    typer.echo(
        f"{place}: {counted}{' removed' if clear else ''}, {total:,.1f} MB"
        if place.exists()
        else f"{place}: no such folder, so nothing is cached there"
    )
    for entry in left:
        typer.echo(f"kept because a process is writing it: {entry.path.name}")


@study.command("run")
def run_study(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY", help="the study file, or the name of a shipped one: augmentation"
        ),
    ],
    *,
    output: Annotated[Path, typer.Option(help="the folder of the study")],
    jobs: Annotated[int, typer.Option(help="cells at a time; they share the cores")] = 1,
    backend: Annotated[str, typer.Option(help="loky (this machine) or ray (a cluster)")] = "loky",
    settings: Annotated[
        list[str], typer.Option("--set", metavar="ID=VALUE", help="set a config id in every cell")
    ] = [],  # noqa: B006
    bundles: Annotated[
        list[str], typer.Option("--bundle", help="run only this bundle; may be repeated")
    ] = [],  # noqa: B006
    cells: Annotated[
        str, typer.Option(metavar="I/N", help="run only the i-th of n parts of the cells")
    ] = "",
    num_gpus: Annotated[
        float, typer.Option(help="GPUs per cell with ray; fractions share one")
    ] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list the cells")] = False,
) -> None:
    """Run a study: every bundle x arm x seed in its own folder, then the verdicts.

    Repeating the command resumes the study: finished cells are kept; interrupted and failed ones
    run again.

    A study is a program: run only one whose author you trust. --dry-run evaluates nothing in it.
    """
    from medmonai.studies import run_study as run_all

    lines, complete = run_all(
        path,
        output=output,
        jobs=jobs,
        backend=backend,
        bundles=bundles,
        part=cells,
        num_gpus=num_gpus,
        dry_run=dry_run,
        settings=_overrides([f"--{setting}" for setting in settings]),
    )
    typer.echo("\n".join(lines))
    if not complete:
        raise typer.Exit(1)


@study.command()
def status(folder: Annotated[Path, typer.Argument(help="the folder of the study")]) -> None:
    """Show the progress of a study: finished cells, failed cells with reasons, time left."""
    from medmonai.studies import status_lines

    typer.echo("\n".join(status_lines(folder)))


@study.command()
def summary(folder: Annotated[Path, typer.Argument(help="the folder of the study")]) -> None:
    """Rewrite the summary of a study's finished cells."""
    from medmonai.studies import summarize

    typer.echo("\n".join(summarize(folder)))


def main() -> None:
    """Run the command line: the script `medmonai`, or `python -m medmonai`."""
    as_module = Path(sys.argv[0]).name == "__main__.py"
    run_in_words(partial(app, prog_name="python -m medmonai" if as_module else "medmonai"))


if __name__ == "__main__":
    main()
