"""The model of a run folder, rebuilt from what the run recorded; nothing that it says is run as a
program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from medmonai.config_text import unescaped
from medmonai.data import CovariateEncoder, ImageForm, MemberEncoders, read_covariates
from medmonai.engines import FlipAveragingInferer, choose_precision
from medmonai.networks import to_channels_last
from medmonai.run_files import file_sha256, parts_of, read_record
from medmonai.task import Task
from medmonai.transforms import BatchCompose, Resize

# The id in inference.json of the columns with the files of each channel.
IMAGE_COLUMNS = "dataset::image_column"
COVARIATES = "covariate_encoder"  # in both configs
_NUM_COVARIATES = "$@covariate_encoder.num_values"  # of the network, as bundles write it
# What a record may name: the public names of these packages, and nothing that they import.
_PACKAGES = ("medmonai.networks", "medmonai.transforms", "monai.networks.nets")
_DATASETS = ("medmonai.data.load_medmnist", "medmonai.data.lesion_phantom")
_TRANSFORMS = re.compile(r"\$\[@scaling, (\*@enlargement, )?\*@normalization\]")
_OF_FILES = re.compile(r"\$@images\['(train|val|test)'\]")


def recorded_content(folder: Path) -> dict[str, Any]:
    """Return what `load_model` needs of an evaluated run: its network without weights, and what
    leads from a file to the network's input.

    The recorded config may hold expressions, which MONAI would run. Only references, plain values
    and the public classes of medmonai.networks, medmonai.transforms and monai.networks.nets are
    used; anything else is refused.

    Args:
        folder: written by `medmonai run`, or by `monai.bundle run` with train.json and
            evaluate.json.

    Raises:
        FileNotFoundError: the weights or the decision are missing.
        ValueError: a run that is not evaluated, weights that are not those that were evaluated, a
            config that needs its bundle, or a damaged record.
    """
    metrics = read_record(folder / "metrics.json")
    config = read_record(folder / "evaluate_config.json")
    run = read_record(folder / "run.json")
    if not metrics or not config or not run:
        raise ValueError(
            f"{folder} holds a run that is not evaluated, so it has no threshold yet; repeat the "
            "command of the run to finish it."
        )
    _require_evaluated_weights(folder)
    with parts_of(folder / "run.json"):
        names = tuple(str(name) for name in run["class_names"])
        seen = {name: run[name] for name in ("spatial_size", "in_channels", "image_dtype")}
    with parts_of(folder / "metrics.json"):
        task = Task(metrics["splits"]["test"]["task"], len(names))
    record = _Record(config, folder)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with parts_of(folder / "evaluate_config.json"):
        form = _form(record, seen)
        preprocessing, size = _preprocessing(record, form)
        encoder = _encoder(record)
        network = record.value("network_def")
        flips = record.value("flip_axes")
        _require_flip_averaging(record)
        chosen: Any = choose_precision(
            record.value("precision"), network=network, spatial_size=size, device=device
        )
        return {
            "network": to_channels_last(network.to(device)),
            "preprocessing": preprocessing,
            "inferer": FlipAveragingInferer(flips, precision=chosen),
            "task": task,
            "class_names": names,
            "batch_size": record.value("batch_size"),
            "device": device,
            "dataset::form": form,
            IMAGE_COLUMNS: _image_columns(record),
            COVARIATES: encoder,
        }


def _require_evaluated_weights(folder: Path) -> None:
    weights = folder / "models" / "model.pt"
    for path in (weights, folder / "models" / "decision.json"):
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing; put back a copy of it.")
    with parts_of(folder / "test_opened.json"):
        evaluated = read_record(folder / "test_opened.json")["checkpoint_sha256"]
    if file_sha256(weights) != evaluated:
        raise ValueError(
            f"{weights} is not the file whose threshold was chosen (test_opened.json); put back a "
            "copy of the weights that were evaluated."
        )


def _form(record: _Record, seen: Mapping[str, Any]) -> ImageForm:
    """Return how files are decoded: as the run decoded its own, or to the size of its arrays."""
    datasets = [record.config[name]["dataset"] for name in ("train", "validate", "test")]
    if all(isinstance(one, str) and _OF_FILES.fullmatch(one) for one in datasets):
        images = record.config["images"]
        if images.get("_target_") != "medmonai.data.load_listing":
            raise record.refused(f"images of {images.get('_target_')!r}")
        return ImageForm.of(record.value("images::form"), argument="form")
    for one in datasets:
        target = one.get("_target_") if isinstance(one, Mapping) else one
        if target not in _DATASETS or seen["image_dtype"] != "uint8":
            raise record.refused(f"the data set {target!r}")
    return ImageForm(tuple(seen["spatial_size"]), in_channels=seen["in_channels"])


def _encoder(record: _Record) -> CovariateEncoder | MemberEncoders | None:
    """Return the encoder of the covariates that lies beside the weights, and let the config refer
    to the number of its values; None of a network without covariates.
    """
    if COVARIATES not in record.config:
        return None
    encoder = read_covariates(record.folder / "models" / "model.pt")
    record.known[_NUM_COVARIATES] = encoder.num_values
    return encoder


def _image_columns(record: _Record) -> tuple[str, ...]:
    """Return the columns with the files of each channel; () if a case is one file."""
    listing = record.config.get("listing")
    columns = listing.get("columns") if isinstance(listing, Mapping) else None
    stated = columns.get("image_column") if isinstance(columns, Mapping) else None
    return tuple(map(unescaped, stated)) if isinstance(stated, list) and len(stated) > 1 else ()


def _preprocessing(record: _Record, form: ImageForm) -> tuple[BatchCompose, tuple[int, ...]]:
    """Return the transforms before the network, and the size of what they return."""
    compose: Any = record.raw("validate::dataloader::transform")
    stated = compose.get("transforms")
    known = _TRANSFORMS.fullmatch(stated) if isinstance(stated, str) else None
    if compose.get("_target_") != "medmonai.transforms.BatchCompose" or not known:
        raise record.refused(f"the transforms {stated!r}")
    enlarged = record.value("enlarged_size") if known[1] else None
    resized = [Resize(tuple(enlarged))] if enlarged else []
    transforms = [record.value("scaling"), *resized, *record.value("normalization")]
    return BatchCompose(transforms), tuple(enlarged or form.spatial_size)


def _require_flip_averaging(record: _Record) -> None:
    inferer = record.config["validate"]["inferer"]
    if inferer.get("_target_") != "medmonai.engines.FlipAveragingInferer" or set(inferer) > {
        "_target_",
        "spatial_axes",
        "precision",
    }:
        raise record.refused(f"the inferer {inferer.get('_target_')!r}")


class _Record:
    """A recorded config, of which nothing is evaluated.

    Args:
        config: the content of evaluate_config.json.
        folder: of the run, for messages.
    """

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.known: dict[str, int] = {}  # expression -> its value

    def refused(self, what: str) -> ValueError:
        """Return the error for something that only the bundle may make."""
        return ValueError(
            f"{self.folder / 'evaluate_config.json'} asks for {what}, which only the bundle of the "
            "run can make; copy model.pt and decision.json from its models folder into that of the "
            "bundle, and name the bundle."
        )

    def raw(self, name: str) -> Any:
        """Return what stands at an id, such as "images::form"."""
        content: Any = self.config
        for part in re.split("::|#", name):
            content = content[int(part) if isinstance(content, list) else part]
        return content

    def value(self, name: str) -> Any:
        """Return what an id stands for.

        Raises:
            KeyError: no such id.
            ValueError: an expression, or an object of another package.
        """
        return self._made(self.raw(name), name, ())

    def _made(self, content: Any, name: str, above: tuple[str, ...]) -> Any:
        if isinstance(content, str) and content.startswith("@"):
            wanted = content[1:]
            if wanted in above:
                raise ValueError(f"{wanted} refers to itself")
            return self._made(self.raw(wanted), wanted, (*above, wanted))
        if isinstance(content, str) and content in self.known:
            return self.known[content]
        if isinstance(content, str) and content.startswith(("$", "%")):
            raise self.refused(f"{name} = {content!r}")
        if isinstance(content, list):
            return [self._made(one, f"{name}::{i}", above) for i, one in enumerate(content)]
        if not isinstance(content, Mapping):
            return content
        arguments = {
            key: self._made(one, f"{name}::{key}", above)
            for key, one in content.items()
            if not key.startswith("_")
        }
        if "_target_" not in content:
            return arguments
        if set(content) - set(arguments) - {"_target_", "_desc_"}:
            raise self.refused(f"{name} = {dict(content)!r}"[:200])
        if "pretrained" in arguments:  # the trained weights are loaded next
            arguments["pretrained"] = False
        return self._public(str(content["_target_"]), name)(**arguments)

    def _public(self, target: str, name: str) -> Any:
        own = target.rpartition(".")[2]
        for package in _PACKAGES:
            if target.startswith(f"{package}.") or target == own:
                found = getattr(import_module(package), own, None)
                defined = str(getattr(found, "__module__", ""))
                known = package in defined and (own[:1] != "_") and callable(found)
                if known and (not isinstance(found, type) or _makes_part(found)):
                    return found
        raise self.refused(f"{name} of {target!r}")


def _makes_part(kind: type) -> bool:
    return issubclass(kind, nn.Module) or kind.__module__.startswith("medmonai.transforms")
