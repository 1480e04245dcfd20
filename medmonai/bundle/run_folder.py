"""The folder of a run: what lies in it, and what may not be written over."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from monai.engines import SupervisedTrainer

from medmonai.engines import RunCheckpoint, load_weights, run_record

from .config import check_ids, merged_config

# What may differ when a run is taken up again: where things lie and what they run on, not what is computed.
_PLACES = {"output_dir", "dataset_dir", "bundle_root", "device", "initialize", "run", "finalize", "imports", "run_name",
           "tracking_uri", "experiment_name", "save_execute_config", "is_not_rank0"}


def write_json(content: Any, path: str | Path) -> None:
    """Write JSON through a temporary file in the same folder, so that a reader never meets half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
    os.replace(temporary, path)


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _rank() -> int:
    return torch.distributed.get_rank() if torch.distributed.is_available() and torch.distributed.is_initialized() else 0


def _barrier() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Name the first id at which two configs differ, leaving out places; "" if none does."""
    for name in sorted(set(old) | set(new)):
        if name not in _PLACES and old.get(name) != new.get(name):
            return f"{name} ({json.dumps(old.get(name))[:60]} there, {json.dumps(new.get(name))[:60]} now)"
    return ""


def train(trainer: SupervisedTrainer, checkpoint: RunCheckpoint, *, output_dir: str, seed: int) -> SupervisedTrainer:
    """Train into a run folder: `config.json`, `run.json`, `history.csv` and `models/` end up in it.

    A folder that holds an unfinished run of the same config is taken up where it stopped, so the same command resumes.
    Called from the "run" list of a bundle's train.json.

    Raises:
        ValueError: an id that nothing reads; or the folder holds a finished run or one of another config.
    """
    config = merged_config()
    check_ids(config)
    folder = Path(output_dir)
    old = _read_json(folder / "config.json")
    status = _read_json(folder / "run.json")
    if old and (difference := _difference(old, config)):
        raise ValueError(f"{folder} holds another run: it differs in {difference}; choose another --output_dir.")
    if old and status.get("finished"):
        raise ValueError(f"{folder} holds this run, finished; evaluate it, or choose another --output_dir.")
    resumed_from = checkpoint.resume(trainer) if old else 0
    record = {"finished": False, "resumed_from_epoch": resumed_from, "started": _now(),
              **run_record(seed=seed, device=trainer.state.device)}
    _barrier()  # nobody may write before everybody has read what was there
    if _rank() == 0:
        write_json(config, folder / "config.json")
        write_json(record, folder / "run.json")
    trainer.run()
    if _rank() == 0:
        best = checkpoint.evaluator.state
        write_json({**record, "finished": True, "ended": _now(), "best_epoch": best.best_metric_epoch,
                    "best_validation_auc": float(best.best_metric)}, folder / "run.json")
    return trainer


def open_test_split(network: torch.nn.Module, *, checkpoint: str, output_dir: str) -> None:
    """Load the checkpoint and write down that the test split is opened, once for a run folder.

    Called first in the "run" list of a bundle's evaluate.json. The opening stands in `test_opened.json` with the
    checkpoint's SHA-256 and the versions.

    Raises:
        ValueError: the test split was opened in this folder before, or an id is read by nothing.
        FileNotFoundError: there is no checkpoint.
    """
    config = merged_config()
    check_ids(config)
    folder = Path(output_dir)
    opened = folder / "test_opened.json"
    load_weights(network, checkpoint)
    if opened.exists() and (folder / "predictions_test.csv").exists():
        raise ValueError(f"the test split was opened in {folder} before ({_read_json(opened).get('opened')}); its "
                         "predictions are there. To evaluate anew, name another --output_dir and --ckpt_path.")
    _barrier()
    if _rank() == 0:
        device = next(network.parameters()).device
        write_json({"opened": _now(), "checkpoint_sha256": hashlib.sha256(Path(checkpoint).read_bytes()).hexdigest(),
                    **run_record(seed=int(config.get("seed", 0)), device=device)}, opened)
        write_json(config, folder / "evaluate_config.json")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def read_history(folder: str | Path) -> dict[str, list[str]]:
    """Return the columns of a run folder's history.csv."""
    with (Path(folder) / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
