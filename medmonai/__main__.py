"""The command line: `python -m medmonai`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Classification of medical images and volumes. Research software: not for clinical use.")


@app.callback()
def main() -> None:
    """Classification of medical images and volumes. Research software: not for clinical use."""


def _overrides(words: list[str]) -> dict[str, Any]:
    """Turn `--id value` and `--id=value` into a dict; values are JSON where they can be read so, else text."""
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
            found[key] = json.loads(value)
        except json.JSONDecodeError:
            found[key] = {"True": True, "False": False, "None": None}.get(value, value)
    return found


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context, bundle: str, output_dir: Annotated[str, typer.Option("--output_dir")] = "") -> None:
    """Train BUNDLE, evaluate it on its test split and draw the figures.

    Every id of the bundle's config can be set: --dataset_dir DIR --max_epochs 2 --seed 3 --train#augmentation '[]'.
    """
    from pathlib import Path

    from medmonai.bundle import commands, describe, free_folder, run_bundle

    overrides = _overrides(context.args)
    folder = Path(output_dir) if output_dir else free_folder("runs", Path(bundle).name)
    typer.echo("The same with MONAI alone:")
    for line in commands(bundle, {**overrides, "output_dir": str(folder)}):
        typer.echo(f"  {line}")
    metrics = run_bundle(bundle, output_dir=folder, overrides=overrides)
    typer.echo(describe(metrics, folder))


def _one_line(error: Exception) -> str:
    """Return the innermost error's message: MONAI wraps what a config expression raised."""
    while error.__cause__ is not None and isinstance(error, RuntimeError):
        error = error.__cause__
    return f"error: {' '.join(str(error).split())}"


if __name__ == "__main__":
    try:
        app(prog_name="python -m medmonai")
    except (ValueError, TypeError, KeyError, OSError, ImportError, FloatingPointError, RuntimeError) as error:
        print(_one_line(error), file=sys.stderr)
        sys.exit(1)
