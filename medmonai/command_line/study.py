"""The commands about studies: run one, its status, its summary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .given_ids import given_ids


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
    from medmonai.studies import Resources
    from medmonai.studies import run_study as run_all

    lines, complete = run_all(
        path,
        output=output,
        resources=Resources.shared(jobs, num_gpus=num_gpus),
        backend=backend,
        bundles=bundles,
        part=cells,
        dry_run=dry_run,
        settings=given_ids([f"--{setting}" for setting in settings]),
    )
    typer.echo("\n".join(lines))
    if not complete:
        raise typer.Exit(1)


def status(folder: Annotated[Path, typer.Argument(help="the folder of the study")]) -> None:
    """Show the progress of a study: finished cells, failed cells with reasons, time left."""
    from medmonai.studies import status_lines

    typer.echo("\n".join(status_lines(folder)))


def summary(folder: Annotated[Path, typer.Argument(help="the folder of the study")]) -> None:
    """Rewrite the summary of a study's finished cells."""
    from medmonai.studies import write_study_summary

    typer.echo("\n".join(write_study_summary(folder)))
