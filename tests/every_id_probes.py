"""What tests/bundle/test_every_id.py compares: what the parts of a bundle do, asked of the parts
and not of the config.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, run
from ignite.engine import Events
from monai.bundle import ConfigParser

from medmonai.bundle import bundle_config

PHANTOM = "lesion_phantom_classification"
REFUSED, OTHER = "refused", object()


class Bundle:
    """A bundle with overrides, of which the probes ask for what they look at."""

    # trainings by their overrides: several rows compare with the same one
    runs: ClassVar[dict[str, Path]] = {}

    def __init__(
        self, name: str, files: tuple[str, ...], overrides: Mapping[str, Any], folder: Path
    ) -> None:
        self.name, self.files, self.folder = name, files, folder
        self.key = json.dumps(
            [name, {key: value for key, value in overrides.items() if key != "output_dir"}],
            sort_keys=True,
        )
        self.overrides = {"bundle_root": str(BUNDLES / name), **overrides}
        self.parser = ConfigParser(bundle_config(BUNDLES / name, self.overrides, files=files))

    def get(self, name: str) -> Any:
        return self.parser.get_parsed_content(name)

    def trained(self) -> Path:
        if self.key not in self.runs:
            run(self.name, *self.files, **self.overrides)
            self.runs[self.key] = Path(self.overrides["output_dir"])
        return self.runs[self.key]

    def inferred(self) -> Path:
        run(self.name, *self.files, workflow_type="infer", **self.overrides)
        return Path(self.overrides["output_dir"])


def trained_weights(b: Bundle) -> Any:
    return torch.load(b.trained() / "models" / "model_final.pt", weights_only=True)


def history(column: str) -> Callable[[Bundle], list[str]]:
    def probe(b: Bundle) -> list[str]:
        with (b.trained() / "history.csv").open() as file:
            return [row[column] for row in csv.DictReader(file)]

    return probe


def record(name: str) -> Callable[[Bundle], Any]:
    return lambda b: json.loads((b.trained() / "run.json").read_text()).get(name)


def initial_weights(b: Bundle) -> Any:
    b.get("initialize")
    return b.get("network_def").state_dict()


def device_of_weights(b: Bundle) -> str:
    return next(b.get("network").parameters()).device.type


def first_batch(b: Bundle) -> Any:
    return next(iter(b.get("train#dataloader" if "train" in b.parser.config else "dataloader")))[
        "image"
    ]


def batch_length(b: Bundle) -> int:
    return len(first_batch(b))


def batch_shape(b: Bundle) -> list[int]:
    return list(first_batch(b).shape[2:])


def first_labels(b: Bundle) -> Any:
    return next(iter(b.get("train#dataloader")))["label"]


def balance_of_epoch(b: Bundle) -> list[int]:
    loader = b.get("train#dataloader")
    return np.bincount(
        torch.cat([batch["label"] for batch in loader]).flatten().cpu().numpy()
    ).tolist()


def pixels(b: Bundle) -> Any:
    return np.asarray(b.get("train#dataset").images)


def pixels_of_validation(b: Bundle) -> Any:
    return np.asarray(b.get("validate#dataset").images)


def size_of_cohort(b: Bundle) -> list[int]:
    return list(b.get("train#dataset").spatial_size)


def number_of_cases(b: Bundle) -> int:
    return len(b.get("train#dataset"))


def cases_of_splits(b: Bundle) -> Any:
    return {part: b.get(f"{part}#dataset").ids.tolist() for part in ("train", "validate")}


def classes(b: Bundle) -> list[str]:
    return list(b.get("train#dataset").class_names)


def loss_of_fixed_output(b: Bundle) -> float:
    cohort, loss = b.get("train#dataset"), b.get("loss")
    output = torch.linspace(-1, 2, 8 * cohort.task.num_outputs).reshape(8, -1)
    return float(loss(output, torch.as_tensor(cohort.labels[:8])))


def average_after_two_updates(b: Bundle) -> float:
    """The average of weights that were 0 and are 1: 1 - average_decay."""
    average, network = b.get("average"), b.get("network_def")
    for value in (0.0, 1.0):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(value)
        average.update_parameters(network)
    return round(float(next(average.module.parameters()).flatten()[0]), 6)


def step_of_optimizer(name: str) -> Callable[[Bundle], float]:
    return lambda b: b.get(name).param_groups[0]["lr"]


def kind_of_optimizer(b: Bundle) -> str:
    return type(b.get("optimizer")).__name__


def dtype(name: str) -> Callable[[Bundle], Any]:
    return lambda b: b.get(name).dtype


def splits(b: Bundle) -> Any:
    listing = b.get("planned_listing")
    return {
        split: sorted(listing.ids[listing.splits == split].tolist())
        for split in ("train", "val", "test")
    }


def groups(b: Bundle) -> Any:
    listing = b.get("listing")
    return (
        {} if listing.groups is None else dict(zip(listing.ids.tolist(), listing.groups.tolist()))
    )


def licence(b: Bundle) -> Any:
    said = b.get("train#dataset").provenance
    return said.licence, said.citation, said.known_issues


def refused(name: str) -> Callable[[Bundle], str]:
    def probe(b: Bundle) -> str:
        with suppress(ValueError, RuntimeError, FileNotFoundError):
            b.get(name)
            return "accepted"
        return REFUSED

    return probe


def files_of_cache(b: Bundle) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        # sets that are larger than the memory are expanded
        patch.setenv("MEDMONAI_MEMORY_LIMIT", "0")
        b.get("train#dataset")
    folder = Path(b.overrides.get("cache_dir") or b.folder / "none")
    return sorted({path.suffix for path in folder.rglob("*.npy")})


def near_pairs(b: Bundle) -> bool:
    return b.get("audit").near_threshold is not None and b.get("audit").near_across is not None


def flipped_logits(b: Bundle) -> Any:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 1))
    with torch.no_grad():
        network[1].weight.copy_(torch.arange(36.0)[None])
    inferer = b.get("inferer" if "inferer" in b.parser.config else "validate#inferer")
    return inferer(torch.arange(36.0).reshape(1, 1, 6, 6), network).detach()


def unfrozen_at_first_epoch(b: Bundle) -> int:
    handler, network = b.get("unfreezing"), b.get("network_def")
    handler(SimpleNamespace(state=SimpleNamespace(epoch=1)))
    return sum(parameter.requires_grad for parameter in network.backbone.parameters())


def best_epoch_when_the_stage_begins(b: Bundle) -> int:
    trainer, best = b.get("train#trainer"), b.get("validate#evaluator").state
    best.best_metric, best.best_metric_epoch, trainer.state.epoch = (
        0.99,
        1,
        b.get("stage").start_epoch,
    )
    trainer.fire_event(Events.EPOCH_STARTED)
    return best.best_metric_epoch


def where_history_goes(b: Bundle) -> str:
    return str(b.get("history").path.parent)


def federated_job(b: Bundle) -> bool:
    return b.get("checkpoint").job is not None


class OfEvaluation:
    """What a file says of the one evaluation in which all ids with such a probe are changed: an
    evaluation takes seconds.
    """

    def __init__(self, file: str, *keys: str) -> None:
        self.file, self.keys = file, keys

    def __call__(self, folder: Path) -> Any:
        found = json.loads((folder / self.file).read_text())
        for key in self.keys:
            found = found[key]
        return found


def predictions(b: Bundle) -> str:
    return (b.inferred() / "predictions.csv").read_text()


def decided(b: Bundle) -> list[str]:
    return [row["predicted"] for row in csv.DictReader(predictions(b).splitlines())]


@dataclass(frozen=True)
class Row:
    """One id.

    Args:
        value: another value than the bundle's own; a text "{name}" is one of the paths of the
            fixture `made`.
        probe: what is compared, before and after.
        on: the bundles that it is tried on, one for each kind of data.
        base: other overrides, before and after.
        then: what the probe finds with the value; OTHER: anything but what it found before.
        without: ids that are left as the bundle has them.
        idle: why the id changes nothing on purpose, in the words of the bundle's README.
    """

    value: Any
    probe: Callable[[Bundle], Any]
    on: tuple[str, ...] = (PHANTOM,)
    base: Mapping[str, Any] = field(default_factory=dict)
    then: Any = OTHER
    without: tuple[str, ...] = ()
    idle: str = ""
