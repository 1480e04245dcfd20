"""A trained model, ready to predict: what its bundle or its run describes, and its decision."""

from __future__ import annotations

import copy
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch import nn

from medmonai.bundle import (
    own_modules,
    require_trained_classes,
    require_trained_input,
    trained_classes,
)
from medmonai.config_text import escaped
from medmonai.data import CovariateEncoder, ImageForm, MemberEncoders
from medmonai.engines import (
    FlipAveragingInferer,
    PrecisionInferer,
    load_checkpoint,
    place_weights,
)
from medmonai.metrics import OperatingPoint, Temperature, read_decision
from medmonai.networks import ClassLogits, Ensemble
from medmonai.task import Task

from .familiar import Familiar
from .recorded import IMAGE_COLUMNS, recorded_content


@dataclass(frozen=True, eq=False)
class Model:
    """A trained network with everything that leads from a file to a decision.

    Args:
        network: with its weights, in evaluation mode.
        form: what every image becomes before `preprocessing`.
        image_columns: columns of the training's table, if each channel is a file of its own.
        preprocessing: from a batch of gray values to the network's input.
        inferer: runs the network on a batch, averaged over flips.
        task: what is predicted.
        class_names: in the order of the labels.
        point: the operating point; the default one where none was stored with the weights.
        temperature: the calibration; the identity where none was stored.
        familiar: what the training images looked like; None where nobody noted it.
        batch_size: images that the network sees at once.
        device: where it runs.
        covariates: the encoder of the columns that the network takes beside an image; None where it
            takes none.
    """

    network: nn.Module
    _: KW_ONLY
    form: ImageForm
    image_columns: tuple[str, ...] = ()
    preprocessing: Any
    inferer: Any
    task: Task
    class_names: tuple[str, ...]
    point: OperatingPoint
    temperature: Temperature
    familiar: Familiar | None
    batch_size: int
    device: torch.device
    covariates: CovariateEncoder | MemberEncoders | None = None

    @property
    def member_count(self) -> int:
        """Number of `members`."""
        return len(self.members)

    @property
    def members(self) -> tuple[nn.Module, ...]:
        """The networks of an ensemble; the network itself where it is one."""
        network = self.network
        return tuple(network.members) if isinstance(network, Ensemble) else (network,)


def load_model(folder: str | Path) -> Model:
    """Load a trained model from the folder of a fit, of a run, or of a bundle with weights.

    A bundle is a program: load only one whose author you trust. A fit contains one. Of a run only
    its records are read, and weights never hold a program (`weights_only=True`).

    Args:
        folder: what `medmonai fit` wrote, a run folder of `medmonai run` or `monai.bundle run`, or
            a bundle's folder with models/model.pt, or what `medmonai adapt` made of one of them.

    Raises:
        FileNotFoundError: no model there, no weights, or no decision of a fit or an adapted model.
        ValueError: weights of another network or of other classes, images prepared otherwise than
            in training, a run that is not evaluated or needs its bundle, or a damaged file.
    """
    place, content, config = _content_of(Path(folder))
    path = place / "models" / "model.pt"
    if not path.is_file():
        raise FileNotFoundError(
            f"{place} has no weights (models/model.pt); train it first: python -m medmonai fit."
        )
    names = tuple(content["class_names"])
    state = load_checkpoint(path)
    require_trained_classes(names, trained_classes(state, path), checkpoint=path)
    if config is not None:
        require_trained_input(config, path)
    stored = place / "models" / "decision.json"
    _require_decision(stored, place)
    point, temperature = read_decision(stored, content["task"], names)
    return Model(
        place_weights(content["network"], state, path).eval(),
        form=ImageForm.of(content["dataset::form"], argument="form"),
        image_columns=tuple(content.get(IMAGE_COLUMNS, ())),
        preprocessing=content["preprocessing"],
        inferer=_in_float32(content["inferer"]),
        task=content["task"],
        class_names=names,
        point=point,
        temperature=temperature,
        familiar=Familiar.read(place / "models" / "training_images.json"),
        batch_size=int(content["batch_size"]),
        device=torch.device(content["device"]),
        covariates=content.get("covariate_encoder"),
    )


def _require_decision(stored: Path, place: Path) -> None:
    """Refuse a fit or an adapted model whose decision is lost: with the default one, it would
    decide at another threshold and give probabilities that are not calibrated.
    """
    made = any((place.parent / name).is_file() for name in ("fit.json", "adaptation.json"))
    if place.name == "model" and made and not stored.is_file():
        raise FileNotFoundError(
            f"{stored} is missing, which holds the threshold and the temperature; put back a copy "
            "of it."
        )


def _in_float32(inferer: Any) -> Any:
    """Return an inferer that computes in float32, so that the same image has the same number on
    every machine and in an exported file.

    Training may use bf16 on one machine and float32 on another; docs/decisions has what that
    changes.
    """
    if isinstance(inferer, PrecisionInferer):
        inferer.dtype = None
    return inferer


def model_place(folder: Path) -> Path:
    """Return the folder of a bundle or of a run that a model is in: folder/model, or the folder
    itself.

    Raises:
        FileNotFoundError: no model there.
    """
    for place in (folder / "model", folder):
        if any((place / n).is_file() for n in ("configs/inference.json", "config.json")):
            return place.resolve()
    raise FileNotFoundError(
        f"{folder} holds no model; name the --output of `medmonai fit`, a run folder (config.json, "
        "models/model.pt), or the folder of a bundle with configs/inference.json and "
        "models/model.pt."
    )


def _content_of(folder: Path) -> tuple[Path, dict[str, Any], dict[str, Any] | None]:
    """Return the folder whose models/ has the weights, what the model is made of, and the config of
    a bundle.
    """
    place = model_place(folder)
    if (place / "configs" / "inference.json").is_file():
        return place, *_of_bundle(place)
    return place, recorded_content(place), None


def _of_bundle(bundle: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with own_modules(bundle):
        parser = ConfigParser()
        parser.read_config(str(bundle / "configs" / "inference.json"))
        parser["bundle_root"] = escaped(str(bundle))
        assert isinstance(parser.config, dict)  # of every config file that is read
        config = copy.deepcopy(parser.config)
        content = {
            name: parser.get_parsed_content(name)
            for name in (
                "network",
                "batch_preprocessing",
                "inferer",
                "task",
                "class_names",
                "batch_size",
                "device",
                "dataset::form",
                *[IMAGE_COLUMNS] * (IMAGE_COLUMNS in parser),
                *(["covariate_encoder"] if "covariate_encoder" in config else []),
            )
        }
        content["preprocessing"] = content.pop("batch_preprocessing")
        network = content["network"]
        if isinstance(network, ClassLogits):  # for programs that know no inferer
            content["network"] = network.network
            precision = parser.get_parsed_content("chosen_precision")
            content["inferer"] = FlipAveragingInferer(network.flip_axes, precision=precision)
        return content, config
