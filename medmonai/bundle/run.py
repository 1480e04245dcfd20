"""Train and evaluate a bundle in this process, with the same steps as the two `monai.bundle run` commands."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue
from monai.bundle import ConfigWorkflow

from medmonai.report import NOT_CLINICAL

from .overrides import EVALUATE, TRAIN, bundle_config, bundle_configs, split_overrides
from .run_folder import trained


def free_folder(parent: str | Path, name: str) -> Path:
    """Return parent/name, or the first of parent/name-2, -3, ... that does not exist."""
    candidates = (Path(parent) / (name if n == 1 else f"{name}-{n}") for n in range(1, 100_000))
    return next(c for c in candidates if not c.exists())


def commands(bundle: str | Path, overrides: Mapping[str, Any]) -> Iterator[str]:
    """Yield the `python -m monai.bundle run` commands that do the same as `run_bundle`."""
    configs = bundle_configs(bundle).resolve()
    for files, values in zip((TRAIN, EVALUATE), split_overrides(bundle, overrides)):
        paths = [str(configs / f) for f in files]
        config_file = paths[0] if len(paths) == 1 else str(paths)
        words = ["python", "-m", "monai.bundle", "run", "--config_file", config_file]
        for key, value in values.items():
            words += [f"--{key}", _literal(value)]
        yield " ".join(map(_quoted, words))


def _literal(value: Any) -> str:
    """Write a value so that the command line reads it as it is: a text such as 1e-3 or None in quotes of its own."""
    plain = isinstance(value, str) and DefaultParseValue(value) == value
    return value if plain else repr(value)


def _quoted(word: str) -> str:
    """Quote a word for a shell; the list of config files in double quotes, as MONAI's documentation writes it."""
    plain = not set(word) & set('"$`\\!')
    return f'"{word}"' if "'" in word and plain else shlex.quote(word)


def _run(configs: Path, files: tuple[str, ...], overrides: Mapping[str, Any]) -> list[Any]:
    workflow = ConfigWorkflow([str(configs / f) for f in files], workflow_type="train", **copy.deepcopy(dict(overrides)))
    workflow.initialize()
    try:
        return workflow.run()
    finally:
        workflow.finalize()


def run_bundle(bundle: str | Path, *, output_dir: str | Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Train a bundle, open its test split once, write predictions, metrics.json and figures; return the metrics.

    Args:
        bundle: the bundle's folder.
        output_dir: the run folder; an unfinished run of the same config in it is taken up, and where the training is
            finished but not evaluated, only the evaluation runs.
        overrides: config ids -> values, as on MONAI's command line.

    Raises:
        FileNotFoundError: no such bundle, or its data set cannot be had.
        ValueError: an id that does not exist, or a folder that holds another run.
    """
    configs = bundle_configs(bundle).resolve()
    of_train, of_evaluate = split_overrides(bundle, {**(overrides or {}), "output_dir": str(output_dir)})
    if not trained(output_dir, bundle_config(bundle, of_train)):
        _run(configs, TRAIN, of_train)
    return _run(configs, EVALUATE, of_evaluate)[-1]


def describe(metrics: Mapping[str, Any], output_dir: str | Path) -> str:
    """Return the lines that end a run: AUC with its interval, references beside it, where the results lie."""
    lines = [f"test AUC {_interval(metrics['splits']['test']['auc'])}"]
    lines += [f"  {name.replace('_', ' ')} {_interval(table['auc'])}" for name, table in metrics["references"].items()]
    lines += [f"results: {output_dir} (report.html, predictions_test.csv, predictions_val.csv, metrics.json, metrics.csv, "
              "figures/, models/)", NOT_CLINICAL]
    return "\n".join(lines)


def _interval(auc: Mapping[str, Any]) -> str:
    def number(value: float | None) -> str:
        return "undefined" if value is None else f"{value:.4f}"

    flags = f" ({'; '.join(auc['flags'])})" if auc.get("flags") else ""
    return f"{number(auc['estimate'])} [{number(auc['low'])}, {number(auc['high'])}] 95 % {auc['method']}{flags}"
