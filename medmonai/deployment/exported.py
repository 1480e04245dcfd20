"""A file that `medmonai export` wrote, ready to predict."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from medmonai.data import CovariateEncoder, ImageForm, MemberEncoders
from medmonai.data.covariate_encoder import covariates_from
from medmonai.metrics import OperatingPoint, Temperature
from medmonai.run_files import file_sha256, parts_of
from medmonai.task import Task, kind_named

from .description import ABOUT, DESCRIPTION_FILE
from .familiar import Familiar
from .whole_model import OUTPUT_NAMES

_SUFFIXES = (".onnx", ".pt")
Run = Callable[[Mapping[str, np.ndarray]], Sequence[np.ndarray]]


@dataclass(frozen=True, eq=False)
class ExportedModel:
    """An exported file, and what it says of itself. The fields that `Model` has too mean the same.

    Args:
        run: name of an input -> array becomes probabilities, decisions and spread.
        form: what images are decoded to before the file gets them.
        image_columns: columns of the training's table, if each channel is a file of its own.
        task: what is predicted.
        class_names: in the order of the labels.
        familiar: what the training images looked like; None where nobody noted it.
        batch_size: images that the file gets at once.
        covariates: the encoder of the columns that it takes beside an image; None for none.
        point: the operating point inside.
        temperature: the calibration inside.
        member_count: networks inside.
        about: what identifies it and says what it is for: its name, the digests of the file and of
            the training images, intended use and limits.
    """

    run: Run
    _: KW_ONLY
    form: ImageForm
    image_columns: tuple[str, ...]
    task: Task
    class_names: tuple[str, ...]
    familiar: Familiar | None
    batch_size: int
    covariates: CovariateEncoder | MemberEncoders | None
    point: OperatingPoint
    temperature: Temperature
    member_count: int
    about: Mapping[str, str]

    def scores(
        self, images: np.ndarray, covariates: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return probabilities (B, classes), decisions and spread (B,) of decoded cases.

        The images have the size and the gray levels of `form` already. The file takes gray values
        as they were decoded, so that the window is undone first; it then finds the same gray
        levels, and has nothing to resize.

        Args:
            images: uint8 (B, in_channels, *spatial_size).
            covariates: encoded; None where the file takes none.
        """
        form = self.form
        channels = images[:, : form.image_channels]
        # an indicator is the same everywhere in the image
        indicators = images[:, form.image_channels :].max(axis=tuple(range(2, images.ndim)))
        given = {
            "image": _as_decoded(channels, form),
            "spacing": np.tile(np.array(form.spacing or (1.0,), np.float64), (len(images), 1)),
            "present": (indicators > 0).astype(np.float32),
        }
        if covariates is not None:
            given["covariates"] = covariates
        probabilities, decided, spread = self.run(given)
        return probabilities, decided, spread


def _as_decoded(levels: np.ndarray, form: ImageForm) -> np.ndarray:
    """Return gray levels 0 to 255 (B, C, *spatial) as gray values in the layout of a file."""
    values = levels
    window = form.intensity_range
    if window is not None:
        pairs = np.array(window, np.float64).reshape(-1, 2)
        low, high = pairs.T.reshape(2, 1, -1, *[1] * len(form.spatial_size))
        values = (low + levels * ((high - low) / 255)).astype(np.float32)
    if len(form.spatial_size) == 3 and form.image_channels == 1:
        return values[:, 0]
    return np.moveaxis(values, 1, -1)


def is_exported(path: str | Path) -> bool:
    """Return whether a path is a file with the suffix of an exported model."""
    return Path(path).suffix in _SUFFIXES and not Path(path).is_dir()


def load_exported(path: str | Path) -> ExportedModel:
    """Load a file that `medmonai export` wrote. Its network, threshold and calibration are inside.

    A TorchScript file is a program: load only one whose author you trust.

    Args:
        path: an .onnx or .pt file.

    Raises:
        FileNotFoundError: no such file.
        ImportError: ONNX Runtime is missing.
        ValueError: another file, or a damaged one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; medmonai export OUT --to {path.name}.")
    run, description = _of_onnx(path) if path.suffix == ".onnx" else _of_torchscript(path)
    with parts_of(path):
        form = ImageForm.of(json.loads(description["form"]), argument="form")
        names = tuple(json.loads(description["class_names"]))
        seen = json.loads(description["training_images"])
        covariates = json.loads(description["covariates"])
        return ExportedModel(
            run,
            form=form,
            image_columns=tuple(json.loads(description["image_columns"])),
            task=Task(kind_named(description["task"]), len(names)),
            class_names=names,
            familiar=None if seen is None else Familiar.from_dict(seen),
            batch_size=int(description["batch_size"]),
            covariates=None if covariates is None else covariates_from(covariates),
            point=OperatingPoint.from_dict(json.loads(description["operating_point"])),
            temperature=Temperature.from_dict(json.loads(description["temperature"])),
            member_count=int(description["members"]),
            about={name: description[name] for name in ABOUT}
            | {"weights_sha256": file_sha256(path)},
        )


def _of_onnx(path: Path) -> tuple[Run, Mapping[str, str]]:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f"{path.name} needs ONNX Runtime: pip install medmonai[export]"
        ) from error
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own exceptions have no common class
        raise ValueError(f"{path} cannot be read by ONNX Runtime: {_line(error)}") from error
    description = session.get_modelmeta().custom_metadata_map
    _require_description(path, description)
    names = [one.name for one in session.get_inputs()]

    def run(given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        outputs = session.run(list(OUTPUT_NAMES), {name: given[name] for name in names})
        return [np.asarray(one) for one in outputs]

    return run, description


def _of_torchscript(path: Path) -> tuple[Run, Mapping[str, str]]:
    held = zipfile.ZipFile(path).namelist() if zipfile.is_zipfile(path) else []
    if not any(name.endswith(f"/extra/{DESCRIPTION_FILE}") for name in held):
        _require_description(path, {})
    extra: dict[str, Any] = {DESCRIPTION_FILE: ""}
    try:
        network = torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
    except RuntimeError as error:
        raise ValueError(f"{path} cannot be read as TorchScript: {_line(error)}") from error
    with parts_of(path):
        description = json.loads(extra[DESCRIPTION_FILE])
        names = list(json.loads(description["inputs"]))

    def run(given: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        inputs = [torch.from_numpy(np.ascontiguousarray(given[name])) for name in names]
        with torch.inference_mode():
            return [one.numpy() for one in network(*inputs)]

    return run, description


def _require_description(path: Path, description: Mapping[str, str]) -> None:
    if "medmonai_version" not in description:
        raise ValueError(
            f"{path} was not written by `medmonai export`; name such a file, or the folder of a "
            "model."
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
