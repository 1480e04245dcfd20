"""The folder of a run: what lies in it, and what may not be written over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from monai.engines import SupervisedTrainer

from medmonai.data.listing import Listing
from medmonai.data.split_files import left_out_text, splits_text
from medmonai.engines import RunCheckpoint, load_checkpoint, place_weights, run_record
from medmonai.ranks import rank, wait_for_all
from medmonai.whole_files import read_json, replacing, write_json

from .class_order import require_one_order, require_trained_classes
from .config import check_ids, evaluated, merged_config
from .trained_input import difference, require_trained_input, trained_classes

# What may differ when a run is taken up again: where things lie and what they run on, not what is computed.
_PLACES = {"output_dir", "dataset_dir", "bundle_root", "cache_dir", "device", "run_name", "tracking_uri", "experiment_name",
           "save_execute_config", "is_not_rank0"}
_STEPS = {"initialize", "run", "finalize", "imports"}


def without_places(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config computes, without where its files lie and what it runs on."""
    return {name: value for name, value in config.items() if name not in _PLACES}


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the first place at which two configs differ, leaving out places; "" if none does."""
    return difference(*({name: value for name, value in without_places(config).items() if name not in _STEPS}
                        for config in (old, json.loads(json.dumps(new)))))


def trained(output_dir: str | Path, config: Mapping[str, Any]) -> bool:
    """Whether a folder holds the finished training of a config that has not been evaluated yet.

    Args:
        output_dir: the run folder.
        config: the merged config of the training, as `bundle_config` returns it.
    """
    folder = Path(output_dir)
    waits = read_json(folder / "run.json").get("finished", False) and not (folder / "metrics.json").exists()
    return waits and not _difference(read_json(folder / "config.json"), config)


def _check_splits(listing: Listing | None, folder: Path) -> None:
    """Refuse cases or splits other than those that the run was trained on: files may have come or gone since."""
    if listing is None or not (folder / "splits.csv").is_file():
        return
    old, new = (folder / "splits.csv").read_text(encoding="utf-8").splitlines(), splits_text(listing).splitlines()
    if old != new:
        first = sorted(set(old) ^ set(new) or set(new))[0].split(",")[0]
        raise ValueError(f"{listing.provenance.name}: cases or splits are not those of {folder.name}/splits.csv (first: "
                         f"{first!r}); put the files back, or train anew with another --output_dir.")


def _write_splits(listing: Listing | None, folder: Path) -> None:
    """Write splits.csv and left_out.csv, unless the splits are there already."""
    if listing is None or (folder / "splits.csv").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("left_out.csv", left_out_text(listing)), ("splits.csv", splits_text(listing))):
        with replacing(folder / name, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")


def _remove_splits(folder: Path) -> None:
    for name in ("left_out.csv", "splits.csv"):
        (folder / name).unlink(missing_ok=True)


def _earlier_run(folder: Path, config: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether a folder holds an unfinished run of the config, and else where one that may be written over differs.

    That is a run of another config which broke off before its first epoch ended: nothing is lost.

    Raises:
        ValueError: a run of another config with weights, or a finished one.
    """
    old = read_json(folder / "config.json")
    differs = _difference(old, config) if old else ""
    if differs and (folder / "models").exists():
        raise ValueError(f"{folder} holds another run: it differs in {differs}; choose another --output_dir.")
    if old and not differs and read_json(folder / "run.json").get("finished"):
        raise ValueError(f"{folder} holds this run, finished; evaluate it, or choose another --output_dir.")
    return bool(old) and not differs, differs


def _epochs(trainer: SupervisedTrainer) -> int:
    epochs = trainer.state.max_epochs
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"max_epochs={epochs!r}; a whole number from 1 is needed.")
    return epochs


def _check_classes(config: Mapping[str, Any], dataset: str) -> list[str]:
    """Return the classes of a data set of the config, in the order of the labels; refuse others than the bundle's."""
    names = [str(name) for name in evaluated(dataset).class_names]
    require_one_order(config, names, what=dataset)
    return names


def train(
    trainer: SupervisedTrainer, checkpoint: RunCheckpoint, *, output_dir: str, seed: int,
    audit: Mapping[str, Any] | None = None, listing: Listing | None = None,
) -> SupervisedTrainer:
    """Train into a run folder: `config.json`, `run.json`, `history.csv` and `models/` end up in it.

    With a listing also `splits.csv` (id, split, group, label of every case) and `left_out.csv` (what the source holds that
    is no case, and why); neither of them has an absolute path of the data in it.

    A folder that holds an unfinished run of the same config is taken up where it stopped, so the same command resumes.
    Called from the "run" list of a bundle's train.json.

    Args:
        trainer: the trainer.
        checkpoint: its checkpoint handler.
        output_dir: the run folder.
        seed: recorded.
        audit: what the audit of the splits found, recorded too.
        listing: the cases with their splits, for sources of files; None for sets that come with theirs.

    Raises:
        ValueError: an id that nothing reads, no whole number of epochs; or the folder holds a finished run, or one of another
            config or other cases.
    """
    config = merged_config()
    check_ids(config)
    epochs = _epochs(trainer)
    folder = Path(output_dir)
    old, differs = _earlier_run(folder, config)
    if old:
        _check_splits(listing, folder)
    checkpoint.class_names = _check_classes(config, "train#dataset")
    resumed_from = checkpoint.resume(trainer) if old else 0
    record = {"finished": False, "resumed_from_epoch": resumed_from, "started": now(), "class_names": checkpoint.class_names,
              **run_record(seed=seed, device=trainer.state.device), "audit": dict(audit or {})}
    if "spatial_size" in config:
        record["spatial_size"] = [int(size) for size in evaluated("spatial_size")]
    wait_for_all()  # nobody may write before everybody has read what was there
    if rank() == 0:
        if differs:
            _remove_splits(folder)
        _write_splits(listing, folder)
        write_json(config, folder / "config.json")
        write_json(record, folder / "run.json")
    if resumed_from < epochs:
        trainer.run()
    else:  # killed between the last checkpoint and run.json: Ignite would begin such a run anew, on the trained weights
        checkpoint.finish(trainer)
    if rank() == 0:
        best = checkpoint.evaluator.state
        write_json({**record, "finished": True, "ended": now(), "best_epoch": best.best_metric_epoch,
                    "best_validation_auc": float(best.best_metric),
                    "stopped_early_at": trainer.state.epoch if trainer.state.epoch < epochs else None}, folder / "run.json")
    return trainer


def open_test_split(
    network: torch.nn.Module, *, checkpoint: str, output_dir: str, listing: Listing | None = None
) -> None:
    """Load the checkpoint and write down that the test split is opened, once for a run folder.

    Called first in the "run" list of a bundle's evaluate.json. The opening stands in `test_opened.json` with the
    checkpoint's SHA-256 and the versions. An evaluation that broke off before its metrics were written may be repeated
    with the same checkpoint and config: it can only end as the first one would have.

    A listing is compared with the `splits.csv` of the training: where files have come or gone since, a draw with the same
    seed would put cases that were trained on among the test cases.

    Raises:
        ValueError: the test split was opened in this folder before, an id is read by nothing, other cases or splits, or
            images that reach the network otherwise than in its training.
        FileNotFoundError: there is no checkpoint.
    """
    config = merged_config()
    check_ids(config)
    folder = Path(output_dir)
    _check_splits(listing, folder)
    require_trained_input(config, checkpoint)
    state = load_checkpoint(checkpoint)
    require_trained_classes(_check_classes(config, "test#dataset"), trained_classes(state, checkpoint), checkpoint=checkpoint)
    place_weights(network, state, checkpoint)
    digest = hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest()
    opened = read_json(folder / "test_opened.json")
    if opened:
        changed = _difference(read_json(folder / "evaluate_config.json"), config)
        changed = "the checkpoint" if opened["checkpoint_sha256"] != digest else changed
        if changed or (folder / "metrics.json").exists():
            why = f"with a difference in {changed}" if changed else "and its metrics.json is there"
            raise ValueError(f"the test split was opened in {folder} before ({opened['opened']}), {why}. To evaluate anew, "
                             "name another --output_dir and --ckpt_path.")
    wait_for_all()
    if rank() == 0:
        device = next(network.parameters()).device
        _write_splits(listing, folder)
        write_json(config, folder / "evaluate_config.json")
        write_json({"opened": opened.get("opened", now()), "checkpoint_sha256": digest,
                    **run_record(seed=int(config.get("seed", 0)), device=device)}, folder / "test_opened.json")


def now() -> str:
    """Return the time as a run folder notes it: UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
