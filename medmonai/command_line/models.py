"""The commands from somebody's own images to a model, and from a model to predictions or to one
file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medmonai.errors import stopped_in_words

from .given_ids import given_ids, own_options

_TEXT = ("", ".csv", ".txt")


def fit(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            help="a folder of class folders, a table (CSV, .xlsx), an npz file, a MedMNIST name"
        ),
    ],
    *,
    output: Annotated[Path, typer.Option(help="the folder of the plan, the model and the report")],
    minutes: Annotated[
        float | None, typer.Option(help="time limit on this machine, in minutes")
    ] = None,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="stop after the plan")] = False,
    seed: Annotated[int, typer.Option(help="of the folds and of the members")] = 1,
    network: Annotated[
        str, typer.Option(help="instead of the rule's: resnet34, se_resnet18, vit, timm/NAME, ...")
    ] = "",
    weights: Annotated[
        str, typer.Option(help="to start from: imagenet, medicalnet or a file; default: random")
    ] = "",
) -> None:
    """Train a classifier of your own images: look at them, plan every choice, train, evaluate.

    Takes the options of `data describe`: for a folder --group_pattern '^([^_]+)_' and
    --positive_class NAME; for a table --images FOLDER, and --image_column, --label_column,
    --group_column, --split_column where they cannot be recognized; --covariates age,sex,site join
    the image. OUTPUT then holds plan.md with the reason for every choice, the bundle model/ with
    its weights, predictions, metrics and report.html. The same command resumes.
    """
    from medmonai.planning import fit_source

    with stopped_in_words():
        fit_source(
            source,
            given_ids(context.args, own=own_options(context)),
            output=output,
            minutes=minutes,
            plan_only=plan_only,
            seed=seed,
            network=network,
            weights=weights,
        )


def predict(
    context: typer.Context,
    model: Annotated[
        Path,
        typer.Argument(
            help="the --output of `fit`, a run folder, a bundle with weights, or an exported file"
        ),
    ],
    images: Annotated[
        Path,
        typer.Argument(
            help="an image, a folder, a DICOM series, an npz file, or a table (CSV, .xlsx)"
        ),
    ],
    *,
    output: Annotated[Path, typer.Option(help="the CSV file that is written")] = Path(
        "predictions.csv"
    ),
    overwrite: Annotated[bool, typer.Option(help="replace an existing file")] = False,
) -> None:
    """Predict IMAGES with MODEL: calibrated probabilities, decision, spread, and a flag where an
    image is unlike the training images or cannot be read.

    A table needs no labels. Its options are --image_column, --id_column, --images FOLDER, --suffix,
    --dicom_folders, --separator, --encoding and --sheet. A bundle and a TorchScript file are
    programs: use only those whose author you trust.
    """
    from medmonai.deployment import open_model, write_predicted
    from medmonai.deployment import predict as predicted

    options = given_ids(context.args, own=own_options(context))
    output, images = output.expanduser(), images.expanduser()
    _check_output(output, images, overwrite=overwrite)
    loaded = open_model(model)
    count, unread = write_predicted(
        predicted(loaded, images, **options),
        output,
        class_names=loaded.class_names,
        overwrite=overwrite,
    )
    lost = f", of which {unread:,} cannot be read (see flag)" if unread else ""
    read = f"{count:,} image{'s' * (count != 1)}{lost}"
    typer.echo(f"{output}: {read}. Research software: not for clinical use.")


def export(
    model: Annotated[
        Path, typer.Argument(help="the --output of `fit`, a run folder, or a bundle with weights")
    ],
    *,
    to: Annotated[Path, typer.Option(help="the file: NAME.onnx (ONNX) or NAME.pt (TorchScript)")],
    overwrite: Annotated[bool, typer.Option(help="replace existing files")] = False,
) -> None:
    """Write MODEL as one file with everything between decoding and decision, and what NVIDIA's
    Triton server needs beside it.

    The file takes images as they were decoded and returns calibrated probabilities, the decision
    and the spread over the members. It needs neither medmonai nor MONAI; docs/how_to/deploy.md has
    programs of twenty lines that use it. A bundle is a program: use only one whose author you
    trust.
    """
    from medmonai.deployment import export_model

    for path in export_model(model, to, overwrite=overwrite):
        typer.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    typer.echo("Research software: not for clinical use.")


def _check_output(output: Path, images: Path, *, overwrite: bool) -> None:
    """Refuse, before a model is loaded, a file that cannot be written or that is the input."""
    if not images.exists():
        raise FileNotFoundError(
            f"{images} does not exist; give an image, a folder, a DICOM series, an npz file or a "
            "table (CSV, .xlsx)."
        )
    if output.is_dir():
        raise IsADirectoryError(f"--output {output} is a folder; name a file, such as p.csv.")
    if output.exists() and output.samefile(images):
        raise FileExistsError(f"--output {output} is the table of the images; name another file.")
    if output.suffix.lower() not in _TEXT:
        raise ValueError(
            f"--output {output}: the result is CSV; name a file that ends in .csv "
            "(spreadsheet programs open it)."
        )
    if output.exists() and not overwrite:
        raise FileExistsError(f"{output} exists; name another --output, or give --overwrite.")
    if not output.parent.is_dir():
        raise FileNotFoundError(
            f"the folder {output.parent} of --output does not exist; create it first."
        )
