"""What a run folder holds, compared with what is about to run in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medmonai.claims import refuse_in_use, release, require_writable
from medmonai.config_text import escaped, names_text, unescaped
from medmonai.data import read_splits
from medmonai.distributed import rank
from medmonai.errors import last_word_on_errors
from medmonai.run_files import file_sha256, parts_of, read_record
from medmonai.tables import read_text_table

from .config import merged_config
from .places import without_places
from .trained_input import difference
from .value_kinds import check_values

_WEIGHTS = ("model.pt", "model_final.pt", "last.pt", "previous.pt")
_STEPS = {"initialize", "run", "finalize", "imports"}


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the first place at which two configs differ, leaving out places; "" if none does."""
    then, now = (
        {name: value for name, value in without_places(config).items() if name not in _STEPS}
        for config in (old, json.loads(json.dumps(new)))
    )
    return difference(then, now)


def _with_known_splits(
    old: Mapping[str, Any], new: Mapping[str, Any], folder: Path
) -> Mapping[str, Any]:
    """Return a recorded config with the `splits_file` of a new one, where both divide the cases of
    the run alike: the file may have moved, with the run or without it.
    """
    before, now = old.get("splits_file"), new.get("splits_file")
    if before == now or not isinstance(before, str) or not isinstance(now, str):
        return old
    try:
        known = read_text_table(folder / "splits.csv", wanted=("id", "split"), exact=True)
        ids = known.column("id", "id")
        same = read_splits(unescaped(now), ids).tolist() == known.column("split", "split")
    except (OSError, ValueError):  # the difference is named
        return old
    return {**old, "splits_file": now} if same else old


def check_output_dir(output_dir: str | Path) -> None:
    """Refuse a folder that a run cannot or must not write into, and values of the wrong kind,
    before any data is read.

    From here on, an error that ends the process is repeated in one line below MONAI's own report.

    Called first in the "initialize" list of a bundle's configs.

    Raises:
        ValueError: MONAI rewrote the path; another process uses the folder; or it holds another
            run.
        OSError: a file is in the way, or the folder is not writable.
    """
    last_word_on_errors()
    config = merged_config()
    check_values(config)
    for name, value in config.items():
        if (
            names_text(name)
            and isinstance(value, str)
            and "::" in value
            and not value.startswith(("$", "@"))
        ):
            meant = value.replace("::", "#")
            raise ValueError(
                f"{name} is {value!r}: MONAI makes '::' of each '#' in a config. For "
                f"{meant!r} write --{name} "
                f'"{escaped(meant)}" with python -m monai.bundle; python -m medmonai run takes it '
                "as it is."
            )
    require_writable(output_dir)
    refuse_in_use(output_dir)
    # a federated client writes no config.json: its last.pt says which job it is of
    folder = Path(output_dir)
    of_a_job = config.get("federated") is True and (folder / "models" / "last.pt").exists()
    if "ckpt_path" not in config and not (of_a_job and not (folder / "config.json").exists()):
        earlier_run(output_dir, config)  # a training; an evaluation and inference have a checkpoint


def federated_job() -> str:
    """Return what identifies a federated job at one client: a digest of its config, without places.

    The epochs of a round, which MONAI's client writes into train#trainer#max_epochs, may change
    from round to round.
    """
    config = {
        name: value for name, value in without_places(merged_config()).items() if name not in _STEPS
    }
    config["train"]["trainer"].pop("max_epochs", None)
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()


def earlier_run(output_dir: str | Path, config: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether a folder holds a run of the config, and if not, where a run that may be
    overwritten differs.

    That is a run of another config which stopped before its first epoch ended: nothing is lost.

    Raises:
        ValueError: a run of another config with weights, or weights without a config.json.
    """
    folder = Path(output_dir)
    old = read_record(folder / "config.json")
    weights = next(
        (folder / "models" / name for name in _WEIGHTS if (folder / "models" / name).is_file()),
        None,
    )
    if weights and not old:
        raise ValueError(
            f"{weights} exists, but {folder / 'config.json'}, which says how it was trained, does "
            "not: restore that file, or choose another --output_dir."
        )
    differs = _difference(_with_known_splits(old, config, folder), config) if old else ""
    if differs and (folder / "models").exists():
        raise ValueError(
            f"{folder} holds another run: it differs in {differs}; choose another --output_dir."
        )
    return bool(old) and not differs, differs


def is_trained(output_dir: str | Path, config: Mapping[str, Any]) -> bool:
    """Whether a folder holds the finished training of a config.

    Args:
        output_dir: the run folder.
        config: the merged config of the training, as `bundle_config` returns it.
    """
    folder = Path(output_dir)
    same, _ = earlier_run(folder, config)
    return same and is_finished(folder)


def is_finished(folder: Path) -> bool:
    """Whether run.json says that the training is finished.

    Raises:
        ValueError: it does not say true or false.
    """
    path = folder / "run.json"
    with parts_of(path):
        finished = read_record(path).get("finished", False)
        if not isinstance(finished, bool):
            raise ValueError(f"finished={finished!r} is neither true nor false")
    return finished


def lost_model(folder: Path) -> str:
    """Return a blank and a sentence if the finished training in a folder has lost its model.pt,
    else "".
    """
    lost = folder / "models" / "model.pt"
    if lost.is_file() or not is_finished(folder):
        return ""
    return (
        f" {lost} is missing: put back a copy of it, or choose another --output_dir to train it "
        "again."
    )


def require_model(folder: Path, checkpoint: str | Path) -> None:
    """Raise FileNotFoundError if the model.pt of a finished training is missing: the same command
    would not train again.
    """
    if Path(checkpoint) == folder / "models" / "model.pt" and (lost := lost_model(folder)):
        raise FileNotFoundError(f"{folder} holds a finished training.{lost}")


def is_evaluated(output_dir: str | Path, config: Mapping[str, Any], checkpoint: str | Path) -> bool:
    """Whether a folder holds the complete evaluation of a checkpoint by a config; its report may be
    missing.

    Raises:
        ValueError: the test split was opened there with another checkpoint or config.
    """
    folder = Path(output_dir)
    opened = read_record(folder / "test_opened.json")
    if not opened:
        return False
    with parts_of(folder / "test_opened.json"):
        when = opened["opened"]
        digest = opened["checkpoint_sha256"]
    old = _with_known_splits(read_record(folder / "evaluate_config.json"), config, folder)
    changed = _difference(old, config)
    changed = "the checkpoint" if sha256(checkpoint) not in (digest, "") else changed
    if changed:
        raise ValueError(
            f"the test split was opened in {folder} before ({when}), with a difference in "
            f"{changed}. To evaluate again, name another --output_dir and --ckpt_path."
        )
    return not unevaluated(folder)


def unevaluated(output_dir: str | Path) -> bool:
    """Whether a folder has no metrics.json yet. The steps of an evaluation do nothing in a folder
    that has one.
    """
    return not (Path(output_dir) / "metrics.json").exists()


def same_test_cases(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the config of an evaluation defines its test cases as the training in the folder did,
    which audited them.
    """
    old = read_record(folder / "config.json").get("audit", {})
    with parts_of(folder / "config.json"):
        trained = (old.get("cohorts") or [None])[-1]
    return trained == json.loads(json.dumps(config.get("test", {}).get("dataset")))


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file; "" if there is none."""
    return file_sha256(Path(path)) if Path(path).is_file() else ""


@contextmanager
def evaluating(output_dir: str | Path) -> Iterator[None]:
    """Release the folder that `open_test_split` claimed if the block raises, and say in words that
    it was stopped.

    A notebook survives a failed evaluation, and the next process would find the folder in use.

    Raises:
        KeyboardInterrupt: its message says what is kept.
    """
    try:
        yield
    except BaseException as error:
        if rank() == 0:
            release(output_dir)
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(
                f"stopped; {output_dir} keeps the trained network, and the same command begins the "
                "evaluation again."
            ) from None
        raise
