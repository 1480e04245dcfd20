"""The commands about data sets: describe one, check one, and what is kept of them decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .given_ids import given_ids

_SOURCE = (
    "a MedMNIST name, a bundle, a folder of class folders, a table (CSV, .xlsx), or an npz file"
)


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
    --positive_class NAME and the other arguments of list_class_folders; a table --images FOLDER,...
    (relative to the working directory, like every path here), --image_column, --label_column,
    --suffix .jpg, --group_column, --split_column (recognized where only one reading is possible),
    --metadata_columns age,sex, --rows_without_image skip, --sheet, --separator, --encoding; a
    MedMNIST set --dataset_dir, --size.
    """
    from medmonai.bundle import describe_source

    for line in describe_source(source, given_ids(context.args), output=output).lines():
        typer.echo(line)


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

    audit = check_source(source, given_ids(context.args), output=output)
    for line in audit.lines():
        typer.echo(line)
    if audit.leaks:
        raise typer.Exit(1)


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
