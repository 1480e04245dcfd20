"""The command line: `python -m medmonai`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from medmonai import command_line
from medmonai.errors import run_in_words

_HELP = (
    "Classification of medical images and volumes. Research software: not for clinical use.\n\n"
    "Bundles, recipes and study files are programs: run only those whose author you trust "
    "(SECURITY.md). --traceback (or MEDMONAI_TRACEBACK=1) shows where an error came from."
)
# Commands that take the ids of a config find them in the context, beside their own options.
_TAKES_IDS = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=_HELP)
data = typer.Typer(no_args_is_help=True, help="Look at data sets.")
study = typer.Typer(no_args_is_help=True, help="Ablation and grid studies.")
app.add_typer(data, name="data")
app.add_typer(study, name="study")

app.command()(command_line.bundles)
app.command(context_settings=_TAKES_IDS)(command_line.run)
app.command(context_settings=_TAKES_IDS)(command_line.fit)
app.command(context_settings=_TAKES_IDS)(command_line.predict)
app.command(context_settings=_TAKES_IDS)(command_line.adapt)
app.command()(command_line.export)
app.command()(command_line.serve)
app.command()(command_line.dicom_node)
app.command()(command_line.init)
app.command(context_settings=_TAKES_IDS)(command_line.evaluate)
app.command()(command_line.compare)
app.command()(command_line.report)
app.command()(command_line.cache)
data.command(context_settings=_TAKES_IDS)(command_line.describe)
data.command(context_settings=_TAKES_IDS)(command_line.check)
study.command("run")(command_line.run_study)
study.command()(command_line.status)
study.command()(command_line.summary)


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


def main() -> None:
    """Run the command line: the script `medmonai`, or `python -m medmonai`."""
    as_module = Path(sys.argv[0]).name == "__main__.py"
    run_in_words(partial(app, prog_name="python -m medmonai" if as_module else "medmonai"))


if __name__ == "__main__":
    main()
