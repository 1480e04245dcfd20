"""Run an ablation or grid study: `python scripts/run_ablation.py
scripts/ablations/augmentation.json --output DIR`.

The same as `python -m medmonai study run`.
"""

from functools import partial

import typer

from medmonai.command_line import run_study
from medmonai.errors import run_in_words

if __name__ == "__main__":
    run_in_words(partial(typer.run, run_study))
