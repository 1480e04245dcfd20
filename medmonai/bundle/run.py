"""Train and evaluate a bundle in this process, with the same steps as the two `monai.bundle run` commands."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigWorkflow

from medmonai.report import NOT_CLINICAL

_TRAIN = ("train.json",)
_EVALUATE = ("train.json", "evaluate.json")


def bundle_configs(bundle: str | Path) -> Path:
    """Return the configs folder of a bundle.

    Raises:
        FileNotFoundError: there is no such bundle; the nearest one beside it is named.
    """
    folder = Path(bundle)
    configs = folder / "configs"
    if (configs / "train.json").is_file():
        return configs
    beside = sorted(p.parent.parent.name for p in folder.parent.glob("*/configs/train.json")) if folder.parent.is_dir() else []
    near = difflib.get_close_matches(folder.name, beside, n=1, cutoff=0.3)
    hint = f"did you mean {folder.parent / near[0]}?" if near else "name a folder that holds configs/train.json."
    raise FileNotFoundError(f"no bundle at {folder}; {hint}")


def free_folder(parent: str | Path, name: str) -> Path:
    """Return parent/name, or the first of parent/name-2, -3, ... that does not exist."""
    candidates = (Path(parent) / (name if n == 1 else f"{name}-{n}") for n in range(1, 100_000))
    return next(c for c in candidates if not c.exists())


def _top(key: str) -> str:
    return key.lstrip("+").split("::")[0].split("#")[0]


def _top_level_ids(configs: Path, names: tuple[str, ...]) -> set[str]:
    return {_top(key) for name in names for key in json.loads((configs / name).read_text())}


def _split_overrides(configs: Path, overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the overrides of the training and of the evaluation; refuse one that neither config knows."""
    of_train, of_evaluate = (_top_level_ids(configs, names) for names in (_TRAIN, _EVALUATE))
    for name in map(_top, overrides):
        if name not in of_evaluate:
            near = difflib.get_close_matches(name, sorted(of_evaluate), n=1, cutoff=0.5)
            hint = f"did you mean --{near[0]}?" if near else f"known are {', '.join(sorted(of_evaluate))}."
            raise ValueError(f"config id {name!r} does not exist in {configs.parent.name}; {hint}")
    return {key: value for key, value in overrides.items() if _top(key) in of_train}, dict(overrides)


def commands(bundle: str | Path, overrides: Mapping[str, Any]) -> Iterator[str]:
    """Yield the `python -m monai.bundle run` commands that do the same as `run_bundle`."""
    configs = bundle_configs(bundle).resolve()
    for files, values in zip((_TRAIN, _EVALUATE), _split_overrides(configs, overrides)):
        paths = [str(configs / f) for f in files]
        config_file = paths[0] if len(paths) == 1 else str(paths)
        words = ["python", "-m", "monai.bundle", "run", "--config_file", config_file]
        for key, value in values.items():
            words += [f"--{key}", str(value)]
        yield " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    """Quote a word for a shell; the list of config files in double quotes, as MONAI's documentation writes it."""
    plain = not set(word) & set('"$`\\!')
    return f'"{word}"' if "'" in word and plain else shlex.quote(word)


def _run(configs: Path, files: tuple[str, ...], overrides: Mapping[str, Any]) -> list[Any]:
    workflow = ConfigWorkflow([str(configs / f) for f in files], workflow_type="train", **overrides)
    workflow.initialize()
    try:
        return workflow.run()
    finally:
        workflow.finalize()


def run_bundle(bundle: str | Path, *, output_dir: str | Path, overrides: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Train a bundle, open its test split once, write predictions, metrics.json and figures; return the metrics.

    Args:
        bundle: the bundle's folder.
        output_dir: the run folder; an unfinished run of the same config in it is taken up.
        overrides: config ids -> values, as on MONAI's command line.

    Raises:
        FileNotFoundError: no such bundle, or its data set cannot be had.
        ValueError: an id that does not exist, or a folder that holds another run.
    """
    configs = bundle_configs(bundle).resolve()
    of_train, of_evaluate = _split_overrides(configs, {**(overrides or {}), "output_dir": str(output_dir)})
    _run(configs, _TRAIN, of_train)
    return _run(configs, _EVALUATE, of_evaluate)[-1]


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
