"""Training into a run folder, and opening its test split: what the "run" lists of a bundle's
configs call first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from monai.engines import SupervisedTrainer

from medmonai.atomic_files import write_json
from medmonai.claims import claim, release, take
from medmonai.data import Cohort
from medmonai.data.audit import Audit
from medmonai.data.datalist import Listing
from medmonai.distributed import rank, wait_for_all
from medmonai.engines import RunCheckpoint, keep_threads, load_checkpoint, place_weights, run_record
from medmonai.run_files import read_record

from .class_order import require_one_order, require_trained_classes
from .config import bundle_title, check_config_ids, evaluated, merged_config
from .run_cases import RunCases, remove_cases
from .run_state import (
    earlier_run,
    is_evaluated,
    is_finished,
    lost_model,
    require_model,
    same_test_cases,
    sha256,
)
from .tracking import tracked
from .trained_input import require_trained_input, trained_classes
from .training_record import best_epochs, what_is_seen


def _epochs(trainer: SupervisedTrainer) -> int:
    epochs = trainer.state.max_epochs
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"max_epochs={epochs!r}; a whole number from 1 is needed.")
    return epochs


def _check_classes(config: Mapping[str, Any], dataset: str) -> list[str]:
    """Return the classes of a data set of the config, in the order of the labels; refuse others
    than the bundle's.
    """
    names = [str(name) for name in evaluated(dataset).class_names]
    require_one_order(config, names, what=dataset)
    return names


def train(
    trainer: SupervisedTrainer,
    checkpoint: RunCheckpoint,
    *,
    output_dir: str,
    seed: int,
    audit: Audit | None = None,
    allow_leakage: bool = False,
    listing: Listing | None = None,
    cohorts: Sequence[Cohort] = (),
) -> SupervisedTrainer:
    """Train into a run folder: `config.json`, `run.json`, `history.csv` and `models/` end up in it.

    With cohorts, `cases.csv` holds digests of the images and labels of each split and, if the
    source is files, of each case. With a listing, `splits.csv` holds id, split, group and label of
    every case, and `left_out.csv` what was left out of the source, and why. None of them contains
    an absolute path of the data.

    The same command resumes an unfinished run of the same config, with the number of CPU threads
    that the run began with: the bits depend on it. A finished run is only reported. While it
    trains, this process holds the folder, see `medmonai.claims`. Called from the "run" list of a
    bundle's train.json.

    Args:
        trainer: the trainer.
        checkpoint: its checkpoint handler.
        output_dir: the run folder.
        seed: recorded.
        audit: what the audit of the splits found, recorded in short.
        allow_leakage: whether leakage was allowed, recorded too.
        listing: the cases with their splits; None for data sets with splits of their own.
        cohorts: train, validation and test, as the network sees them.

    Raises:
        ValueError: an id that nothing reads; epochs that are not a whole number from 1; a folder
            that holds a run of another config, or on other cases or images, or that another process
            uses.
    """
    config = merged_config()
    check_config_ids(config)
    epochs = _epochs(trainer)
    folder = Path(output_dir)
    with claim(folder) if rank() == 0 else nullcontext(), _stopped_in_words(folder, "the training"):
        same, _ = earlier_run(folder, config)
        if same and is_finished(folder):
            _say_trained(folder)
            return trainer
        cases = RunCases(listing, cohorts)
        cases.check_planned(test_too=False)
        # else nothing is lost that another start would have to fit
        kept = same and (folder / "models").exists()
        if kept:
            cases.check(folder)
            threads = read_record(folder / "run.json").get("threads")
            keep_threads(threads, device=trainer.state.device)
        checkpoint.class_names = _check_classes(config, "train#dataset")
        resumed_from = checkpoint.resume(trainer) if same else 0
        record = {
            "title": bundle_title(),
            "finished": False,
            "resumed_from_epoch": resumed_from,
            "started": now(),
            "class_names": checkpoint.class_names,
            **run_record(seed=seed, device=trainer.state.device),
            "audit": audit.compact(allowed=allow_leakage) if audit else {},
            **what_is_seen(trainer, cohorts),
        }
        wait_for_all()  # no one may write before everybody has read what was there
        if rank() == 0:
            if not kept:
                remove_cases(folder)
            cases.write(folder)
            write_json(config, folder / "config.json")
            write_json(record, folder / "run.json")
        with tracked("train"):
            _run(trainer, checkpoint, epochs=epochs, record=record, folder=folder)
    return trainer


def _run(
    trainer: SupervisedTrainer,
    checkpoint: RunCheckpoint,
    *,
    epochs: int,
    record: Mapping[str, Any],
    folder: Path,
) -> None:
    """Train from where the record says that the training resumes, and record how it ended."""
    if record["resumed_from_epoch"] < epochs:
        trainer.run()
    else:
        # killed between the last checkpoint and run.json: Ignite would start such a run again, on
        # the trained weights
        checkpoint.finish(trainer)
    if rank() == 0:
        write_json(
            {
                **record,
                "finished": True,
                "ended": now(),
                **best_epochs(checkpoint),
                "stopped_early_at": trainer.state.epoch if trainer.state.epoch < epochs else None,
            },
            folder / "run.json",
        )


@contextmanager
def _stopped_in_words(folder: Path, what: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        said = (
            f"stopped before the first epoch was whole; the same command begins {what} in "
            f"{folder} again."
        )
        if any((folder / "models" / name).exists() for name in ("last.pt", "previous.pt")):
            said = (
                f"stopped; {folder} keeps {what} up to its last whole epoch, and the same command "
                "goes on from there."
            )
        raise KeyboardInterrupt(said) from None


def _say_trained(folder: Path) -> None:
    record = read_record(folder / "run.json")
    advice = " Evaluate it with evaluate.json, or choose another --output_dir."
    if rank() == 0:
        print(
            f"{folder} holds this training, finished {record.get('ended', '')} (best epoch "
            f"{record.get('best_epoch')}, validation AUC {record.get('best_validation_auc')}); "
            f"nothing was trained.{lost_model(folder) or advice}"
        )


def open_test_split(
    network: torch.nn.Module,
    *,
    checkpoint: str,
    output_dir: str,
    listing: Listing | None = None,
    cohorts: Sequence[Cohort] = (),
) -> None:
    """Load the checkpoint and record that the test split is opened, once per run folder.

    Called in the "run" list of a bundle's evaluate.json before anything is evaluated.
    `test_opened.json` records the opening with the checkpoint's SHA-256 and the versions. An
    evaluation that stopped before its metrics were written may be repeated with the same checkpoint
    and config: the result can only be that of the first. If it is complete, the steps after this
    one do nothing.

    A listing is compared with the `splits.csv` of the training: if files were added or removed
    since, a draw with the same seed would put training cases into the test split. Images are
    compared with its `cases.csv`.

    Raises:
        ValueError: the test split was opened in this folder before, with another checkpoint or
            config; an id that nothing reads; other cases, splits or images, or images prepared
            differently from the training; a folder that another process uses.
        FileNotFoundError: there is no checkpoint.
    """
    config = merged_config()
    check_config_ids(config)
    folder = Path(output_dir)
    if rank() == 0:
        take(folder)  # until the results are written, or this process ends
    try:
        require_model(folder, checkpoint)
        state = load_checkpoint(checkpoint)
        found = _check_classes(config, "test#dataset")
        require_trained_classes(found, trained_classes(state, checkpoint), checkpoint=checkpoint)
        cases = RunCases(listing, cohorts)
        test_too = same_test_cases(folder, config)
        cases.check_planned(test_too=True)
        cases.check(folder, test_too=test_too)
        require_trained_input(config, checkpoint)
        place_weights(network, state, checkpoint)
        there = is_evaluated(folder, config, checkpoint)
        device = next(network.parameters()).device
        keep_threads(read_record(folder / "run.json").get("threads"), device=device)
        wait_for_all()
        if rank() == 0 and not there:
            opened = read_record(folder / "test_opened.json").get("opened", now())
            cases.write(folder, test_too=test_too)
            write_json(config, folder / "evaluate_config.json")
            write_json(
                {
                    "opened": opened,
                    "checkpoint_sha256": sha256(checkpoint),
                    **run_record(seed=int(config.get("seed", 0)), device=device),
                },
                folder / "test_opened.json",
            )
    except BaseException:
        release(folder)
        raise


def now() -> str:
    """Return the time as a run folder notes it: UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
