"""The command that adapts a model to another site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medmonai.errors import stopped_in_words

from .given_ids import given_ids, own_options

if TYPE_CHECKING:
    from medmonai.report import Evaluation


def adapt(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(help="the --output of `fit`, a run folder, or a bundle with weights")
    ],
    *,
    table: Annotated[
        Path,
        typer.Option(help="labeled images of the site: a table (CSV, .xlsx), class folders, npz"),
    ],
    output: Annotated[
        Path | None,
        typer.Option(help="the new folder of the adapted model; default: MODEL_adapted"),
    ] = None,
    rule: Annotated[
        str,
        typer.Option(
            help="rule that chooses the threshold: youden, f1, sensitivity=0.9, ...; default: the "
            "model's own"
        ),
    ] = "",
    width: Annotated[
        float, typer.Option(help="of an interval; how many cases it takes is shown")
    ] = 0.1,
    confidence: float = 0.95,
    seed: Annotated[int, typer.Option(help="of the folds and the bootstrap")] = 0,
) -> None:
    """Lock threshold and temperature of MODEL again on a few hundred labeled cases of another
    hospital.

    MODEL stays as it is; OUTPUT is a model of its own for `predict`, `export`, `serve` and
    `evaluate --model`. Shows the old and the new operating point with intervals, and how many
    labeled cases a narrower interval takes. Takes the options of `fit` for the table: --images
    FOLDER, --image_column, --label_column, --group_column (patients), --class_names,
    --skip_unreadable true.
    """
    from medmonai.sites import adapt as adapted
    from medmonai.sites import adapted_beside
    from medmonai.sites.adaptation_lines import adaptation_lines

    output = output or adapted_beside(model)
    with stopped_in_words():
        adaptation = adapted(
            model,
            table,
            output=output,
            rule=rule,
            width=width,
            confidence=confidence,
            seed=seed,
            **given_ids(context.args, own=own_options(context)),
        )
    typer.echo("\n".join(adaptation_lines(adaptation.record)))
    typer.echo(f"{output}: adaptation.md, adaptation.json, adapted_cases.csv, model/")


def evaluated_site(model: Path, table: Path, **options: Any) -> Evaluation:
    """Evaluate a model on labeled images; see `medmonai.sites.evaluate_site`."""
    from medmonai.sites import evaluate_site

    with stopped_in_words():
        return evaluate_site(model, table, **options)
