"""Train and evaluate a bundle in this process, with the same steps as the two `monai.bundle run`
commands.
"""

from __future__ import annotations

import copy
import itertools
import logging
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fire.parser import DefaultParseValue
from monai.bundle import ConfigWorkflow

from medmonai.claims import claim
from medmonai.config_text import unescaped

from .outcome import finish
from .overrides import bundle_config, split_overrides
from .places import EVALUATE, TRAIN, bundle_configs
from .prepared_data import PreparedData
from .run_state import is_evaluated, is_trained


@contextmanager
def folder_of_run(output_dir: str | Path, *, parent: str | Path, name: str) -> Iterator[Path]:
    """Give the folder of a run: the given one, else the first free one of parent/name,
    parent/name-2, parent/name-3, ...

    A free folder is made at once, so that no other run takes it, and removed if it stays empty.

    Args:
        output_dir: the folder; "" for a free one.
        parent: where a free one is made.
        name: its name.
    """
    if output_dir:
        yield Path(output_dir)
        return
    new = [Path(parent)] * (not Path(parent).exists())
    folder = Path(parent) / name
    for number in itertools.count(1):
        folder = Path(parent) / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
            break
        except FileExistsError:
            continue
    try:
        yield folder
    finally:
        with suppress(OSError):  # not empty
            for made in (folder, *new):
                made.rmdir()


def commands(bundle: str | Path, overrides: Mapping[str, Any]) -> Iterator[str]:
    """Yield the `python -m monai.bundle run` commands that do the same as `run_bundle`."""
    configs = bundle_configs(bundle).resolve()
    ids, tracking = _tracking(overrides)
    for files, values in zip((TRAIN, EVALUATE), split_overrides(bundle, ids)):
        paths = [str(configs / f) for f in files]
        config_file = paths[0] if len(paths) == 1 else str(paths)
        words = ["python", "-m", "monai.bundle", "run", "--config_file", config_file]
        for key, value in values.items():
            words += [f"--{key}", _literal(value)]
        words += ["--tracking", str(tracking)] if tracking else []
        yield " ".join(map(_quoted, words))


def _tracking(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the ids among overrides, and the value of "tracking", which is MONAI's option and no
    id.
    """
    ids = dict(overrides)
    return ids, ids.pop("tracking", None)


def _literal(value: Any) -> str:
    """Write a value so that the command line reads it unchanged: a text such as 1e-3 or None gets
    its own quotes.
    """
    plain = isinstance(value, str) and DefaultParseValue(value) == value
    return value if plain else repr(value)


def _quoted(word: str) -> str:
    """Quote a word for a shell; the list of config files in double quotes, as MONAI's documentation
    writes it.
    """
    plain = not set(word) & set('"$`\\!')
    return f'"{word}"' if "'" in word and plain else shlex.quote(word)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide MONAI's dated lines on which logging.conf it reads; its warnings stay."""
    logger = logging.getLogger("monai.bundle.workflows")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _run(
    configs: Path,
    files: tuple[str, ...],
    overrides: Mapping[str, Any],
    tracking: str | None,
    prepared: PreparedData | None = None,
) -> tuple[list[Any], PreparedData]:
    """Return what the "run" list returned, and the data it ran on; `prepared` is that of an earlier
    step.
    """
    with _quiet():
        workflow = ConfigWorkflow(
            [str(configs / f) for f in files],
            workflow_type="train",
            tracking=tracking,
            **copy.deepcopy(dict(overrides)),
        )
    workflow.initialize()
    if prepared is not None:
        prepared.hand_to(workflow.parser)
    try:
        done = workflow.run()
        return done, PreparedData.of(workflow.parser)
    finally:
        workflow.finalize()


def run_bundle(
    bundle: str | Path, *, output_dir: str | Path, overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Train a bundle, open its test split once, write predictions, metrics.json and figures; return
    the metrics.

    The evaluation takes over the images that the training listed, split and decoded.

    Args:
        bundle: the bundle's folder.
        output_dir: the run folder. An unfinished run of the same config in it resumes: a complete
            training, evaluation or report is kept. This process holds the folder meanwhile.
        overrides: config ids -> values, as on MONAI's command line, with its option "tracking"
            ("mlflow"); a text is a text, see `medmonai.config_text.as_given`.

    Raises:
        FileNotFoundError: no such bundle, or its data set is missing.
        ValueError: an id that does not exist, or a folder that holds another run or is in use by
            another process.
        KeyboardInterrupt: its message says what is kept.
    """
    configs = bundle_configs(bundle).resolve()
    folder = Path(output_dir)
    ids, tracking = _tracking(overrides or {})
    of_train, of_evaluate = split_overrides(bundle, {**ids, "output_dir": str(output_dir)})
    checkpoint = unescaped(of_evaluate.get("ckpt_path")) or folder / "models" / "model.pt"
    prepared = None
    with claim(folder):
        try:
            if not is_trained(folder, bundle_config(bundle, of_train)):
                _, prepared = _run(configs, TRAIN, of_train, tracking)
            if is_evaluated(folder, bundle_config(bundle, of_evaluate, files=EVALUATE), checkpoint):
                return finish(folder)
            done, _ = _run(configs, EVALUATE, of_evaluate, tracking, prepared)
            return done[-1]
        except KeyboardInterrupt as error:
            said = (
                str(error)
                or f"stopped; what {folder} holds is safe, and the same command goes on from there."
            )
            raise KeyboardInterrupt(said) from None
