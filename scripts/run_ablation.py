"""Run an ablation or grid study: `python scripts/run_ablation.py scripts/ablations/augmentation.json --output DIR`.

The same as `python -m medmonai study run`.
"""

from functools import partial

import typer

from medmonai.__main__ import main, run_study

if __name__ == "__main__":
    main(partial(typer.run, run_study))
