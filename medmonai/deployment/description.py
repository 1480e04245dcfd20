"""What an exported file says of itself: its metadata, all of it text."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from medmonai import __version__
from medmonai.data import ImageForm
from medmonai.report import NOT_CLINICAL
from medmonai.run_files import parts_of, read_record, read_text

from .graph_levels import takes_any_color
from .model import Model

DESCRIPTION_FILE = "medmonai.json"  # in TorchScript's archive
_NOT_STATED = "not stated"
_SPATIAL = {2: ("height", "width"), 3: ("depth", "height", "width")}

# What identifies a model and says what it is for, beside the digest of its weights.
ABOUT = ("name", "medmonai_version", "training_data_sha256", "intended_use", "limits")


def described(model: Model, folder: Path | None, input_names: Sequence[str]) -> dict[str, str]:
    """Return the metadata of an exported file, name -> text; structures are JSON.

    Args:
        model: what is exported.
        folder: where it was loaded from, and the records of its training lie; None if unknown.
        input_names: of the file.
    """
    metadata = {}
    trained_on = ""
    if folder is not None:
        metadata = read_record(_model_folder(folder) / "configs" / "metadata.json")
        trained_on = training_data_sha256(folder)
    binary = model.task.kind == "binary"
    structures: dict[str, Any] = {
        "class_names": list(model.class_names),
        "inputs": {name: _input(name, model) for name in input_names},
        "form": model.form.as_dict(),
        "spacing": None if model.form.spacing is None else list(model.form.spacing),
        "operating_point": model.point.as_dict(),
        "temperature": model.temperature.as_dict(),
        "training_images": None if model.familiar is None else asdict(model.familiar),
        "image_columns": list(model.image_columns),
        "covariates": None if model.covariates is None else model.covariates.as_dict(),
    }
    texts = {
        "medmonai_version": __version__,
        "name": str(metadata.get("name", _NOT_STATED)),
        "task": model.task.kind,
        "positive_class": model.class_names[1] if binary else "",
        "orientation": model.form.orientation if len(model.form.spatial_size) == 3 else "",
        "outputs": (
            "probabilities: calibrated, one for each class. decision: number of the class at the "
            "stored threshold (several labels: 0 or 1 for each), -1 where an image holds NaN or "
            "infinite values. spread: standard deviation of the probability over the members."
        ),
        "members": str(len(model.members)),
        "batch_size": str(model.batch_size),
        "training_data_sha256": trained_on or _NOT_STATED,
        "intended_use": str(metadata.get("intended_use", _NOT_STATED)),
        "limits": " ".join(_limits(model)),
        "not_inside": " ".join(_not_inside(model)),
    }
    return texts | {name: json.dumps(value) for name, value in structures.items()}


def about_model(model: Model, folder: Path) -> dict[str, Any]:
    """Return what identifies a model and says what it is for: its name, the digests of its weights
    and of its training images, intended use and limits.

    Args:
        model: a loaded model.
        folder: where it was loaded from.
    """
    said = described(model, folder, ())
    weights = hashlib.sha256()
    for name, value in model.network.state_dict().items():
        weights.update(name.encode())
        weights.update(value.detach().cpu().contiguous().numpy().tobytes())
    return {**{name: said[name] for name in ABOUT}, "weights_sha256": weights.hexdigest()}


def training_data_sha256(folder: Path) -> str:
    """Return a SHA-256 of the decoded images and labels that a model was trained and tuned on, from
    the records of its runs; "" where there are none.

    It is that of the sorted lines "id,digest" of the train and validation cases in cases.csv of all
    members. A set with splits of its own has one digest for each split instead of one per case.
    """
    records = records_of(folder)
    paths = sorted(records.glob("members/*/cases.csv")) or [records / "cases.csv"]
    lines = set()
    for path in paths:
        if not path.is_file():
            return ""
        with parts_of(path):
            for row in csv.DictReader(io.StringIO(read_text(path))):
                # The digest of a whole split would count the division into folds, too.
                if row["split"] != "test":
                    lines.add(f"{row['id']},{row['digest']}")
    cases = {line for line in lines if not line.startswith(",")} or lines
    return hashlib.sha256("\n".join(sorted(cases)).encode()).hexdigest() if cases else ""


def records_of(folder: Path) -> Path:
    """Return where the records of a model's training lie: training/ of an adapted model, else the
    folder itself.
    """
    inner = folder / "training"
    return inner if (folder / "adaptation.json").is_file() and inner.is_dir() else folder


def _model_folder(folder: Path) -> Path:
    inner = folder / "model"
    return inner if (inner / "configs").is_dir() else folder


def _input(name: str, model: Model) -> dict[str, Any]:
    """Return dtype and axes of an input; the names of axes stand for any length."""
    form = model.form
    if name == "image":
        axes: list[str | int] = ["batch", *_SPATIAL[len(form.spatial_size)]]
        if takes_any_color(form, from_columns=bool(model.image_columns)):
            axes.append("channels")
        elif len(form.spatial_size) == 2 or form.image_channels > 1:
            axes.append(form.image_channels)
        return {"dtype": "uint8" if form.intensity_range is None else "float32", "axes": axes}
    if name == "spacing":
        return {"dtype": "float64", "axes": ["batch", 3]}
    if name == "present":
        return {"dtype": "float32", "axes": ["batch", len(form.indicators)]}
    assert model.covariates is not None  # the network takes them
    members = [len(model.members)] if hasattr(model.covariates, "members") else []
    return {"dtype": "float32", "axes": ["batch", *members, model.covariates.num_values]}


def _limits(model: Model) -> list[str]:
    said = [NOT_CLINICAL]
    seen = model.familiar
    if seen is not None:
        sizes = [" x ".join(map(str, size)) for size in (seen.smallest, seen.largest)]
        said.append(f"Training files had {sizes[0]} to {sizes[1]} pixels or voxels")
        if seen.finest:
            ends = [" x ".join(f"{mm:.4g}" for mm in mms) for mms in (seen.finest, seen.coarsest)]
            said[-1] += f" of {ends[0]} to {ends[1]} mm"
        said[-1] += "; nothing is known about results on images unlike those."
    else:
        said.append("What the training images looked like was not recorded.")
    if model.temperature.chosen_on == "adaptation":
        said.append(
            f"Threshold and temperature were chosen on {model.temperature.n} cases of one site, "
            "not on those of the training; they hold there."
        )
    if model.point.chosen_on == "none":
        said.append("The threshold was not chosen on any data.")
    if model.temperature.chosen_on == "none":
        said.append("The probabilities were not calibrated on any data.")
    return said


def _not_inside(model: Model) -> list[str]:
    said = ["Decoding of files is not inside: the image is given as it was decoded."]
    form = model.form
    if len(form.spatial_size) == 3:
        said.append(
            "Gray values are those after slope and intercept; the axes run in the directions of "
            f"`orientation` ({form.orientation}); of files without directions, as they are."
        )
        if form.image_channels > 1:
            said.append("The channels lie on one grid.")
    else:
        said.append(_pictures(form))
    if model.covariates is not None:
        said.append("Covariates are given encoded; `covariates` says how.")
    said.append("Images unlike the training images are not flagged; `medmonai predict` does that.")
    return said


def _pictures(form: ImageForm) -> str:
    said = "Pictures are upright (EXIF), palettes replaced by their colors"
    if form.intensity_range is None:
        said += ", 8 bits"
    said += "."
    if form.jpeg_scaling:
        said += (
            " `medmonai predict` decodes large JPEGs at a smaller size, which changes the "
            "gray levels a little; the file takes them at full size."
        )
    return said
