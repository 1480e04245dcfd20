"""The commands about bundles: list them, run one, make one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medmonai.errors import stopped_in_words

from .given_ids import given_ids


def bundles() -> None:
    """List the bundles shipped with the package, by the names that `run` accepts."""
    from medmonai.shipped import bundle_lines

    for line in bundle_lines():
        typer.echo(line)


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

    overrides = given_ids(context.args)
    with (
        folder_of_run(output_dir, parent="runs", name=Path(bundle).name) as folder,
        stopped_in_words(),
    ):
        typer.echo("The same with MONAI alone:")
        for line in commands(bundle, {**overrides, "output_dir": str(folder)}):
            typer.echo(f"  {line}")
        metrics = run_bundle(bundle, output_dir=folder, overrides=overrides)
        typer.echo(describe(metrics, folder))


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
