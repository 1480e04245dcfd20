"""Bundles of every kind with random weights and a decision, and an image file for each."""

from __future__ import annotations

import json
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.bundle import ConfigParser
from PIL import Image

from medmonai.bundle import write_bundle
from medmonai.networks import ensemble_state


@dataclass(frozen=True)
class Kind:
    """A bundle.

    Args:
        task: kind of the task.
        names: of the classes.
        size: that the network sees.
        channels: of the network.
        form: what else is stated about images.
        medmnist: name of the set, instead of images of one's own.
        recipe: more entries of the recipe.
        members: of an ensemble, as `medmonai fit` leaves it; 0: a single network.
        image: shape of the file, in 2D (H, W) or (H, W, 3).
        high: gray values lie below it.
    """

    task: str
    names: tuple[str, ...]
    size: tuple[int, ...]
    _: KW_ONLY
    channels: int = 1
    form: dict[str, Any] = field(default_factory=dict)
    medmnist: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    members: int = 0
    image: tuple[int, ...] = (40, 52)
    high: int = 256


SPACED = {"intensity_range": [-1000, 1000], "spacing": [2.0, 2.0, 3.0]}
KINDS = {
    "gray pictures": Kind(
        "binary", ("normal", "sick"), (24, 20), recipe={"flip_axes": [1]}, image=(61, 45)
    ),
    "colored pictures": Kind(
        "multiclass",
        ("a", "b", "c"),
        (24, 24),
        channels=3,
        form={"aspect": "pad"},
        recipe={
            "flip_axes": [0, 1],
            "normalization": {
                "subtrahend": [0.5, 0.4, 0.3],
                "divisor": [0.2, 0.2, 0.3],
                "channel_wise": True,
            },
        },
        image=(70, 50, 3),
    ),
    "pictures of 16 bits": Kind(
        "multilabel", ("a", "b", "c"), (20, 20), form={"intensity_range": [0, 4095]}, high=4096
    ),
    "volumes": Kind(
        "ordinal",
        ("0", "1", "2", "3"),
        (12, 10, 8),
        form=SPACED,
        recipe={"flip_axes": [0]},
        image=(20, 18, 9),
        high=900,
    ),
    "MedMNIST": Kind("binary", ("malignant", "normal, benign"), (28, 28), medmnist="breastmnist"),
    "MedMNIST volumes": Kind(
        "binary", ("vessel", "aneurysm"), (28, 28, 28), medmnist="vesselmnist3d", image=(28,) * 3
    ),
    "transfer": Kind(
        "binary",
        ("no tumor", "tumor"),
        (32, 32),
        channels=3,
        recipe={
            "transfer": True,
            "enlarge": [48, 48],
            "network": {
                "_target_": "medmonai.networks.transfer_network",
                "backbone": "resnet18",
                "freeze": "backbone",
            },
        },
        image=(40, 40, 3),
    ),
    "a fit": Kind(
        "binary",
        ("normal", "sick"),
        (24, 20),
        members=3,
        form={"aspect": "crop"},
        recipe={"flip_axes": [1]},
    ),
    "a fit of volumes": Kind(
        "multiclass",
        ("a", "b", "c"),
        (12, 10, 8),
        members=2,
        form=SPACED,
        image=(20, 18, 9),
        high=900,
    ),
}


def untrained_bundle(kind: Kind, folder: Path) -> Path:
    """Write a bundle with random weights, a threshold and a temperature into a new folder."""
    if kind.medmnist:
        dataset = {"medmnist": kind.medmnist, "size": kind.size[0]}
    else:
        dataset = {
            "listing": {"_target_": "medmonai.data.list_class_folders", "root": "x", "name": "x"},
            "task": kind.task,
            "class_names": list(kind.names),
            "in_channels": kind.channels,
            "size": list(kind.size),
            "form": kind.form,
            "source": "drawn",
        }
    network = {"_target_": "medmonai.networks.resnet10", "stem": "small", "width": 4}
    recipe = {"title": "t", "dataset": dataset, "network": network, **kind.recipe}
    bundle = write_bundle("random_classification", recipe, folder)
    path = bundle / "configs" / "inference.json"
    config = json.loads(path.read_text())
    assert tuple(config["class_names"]) == kind.names
    states = [_weights(config, seed) for seed in range(kind.members or 1)]
    state = ensemble_state(states) if kind.members else states[0]
    torch.save(state, bundle / "models" / "model.pt")
    if kind.members:
        outputs = config["network_def"]["network"]["num_classes"]
        config["network_def"]["network"] = {
            "_target_": "medmonai.networks.Ensemble",
            "network": config["network_def"]["network"],
            "members": kind.members,
            "temperatures": [0.5 + member for member in range(kind.members)],
            "biases": [[0.1 * member] * outputs for member in range(kind.members)],
        }
        path.write_text(json.dumps(config))
    (bundle / "models" / "decision.json").write_text(json.dumps(_decision(kind)))
    return bundle


def _weights(config: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    parser = ConfigParser({**config, "flip_axes": []})
    network = parser.get_parsed_content("network_def")
    with torch.no_grad():  # logits of images far from each other, so that a wrong way is seen
        layer = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
        layer.weight.mul_(6.0 if layer.in_features < 100 else 1.0)
    return network.state_dict()


def _decision(kind: Kind) -> dict[str, Any]:
    """A decision that differs from the default one."""
    # of colored pictures so high that the less probable class is decided
    high = 0.9 if kind.channels == 3 else 0.3
    thresholds = {"binary": [high], "multilabel": [0.4, 0.5, 0.6]}.get(kind.task, [])
    biases = {"binary": [0.3], "multilabel": [0.2, 0.0, -0.2]}.get(kind.task, [])
    return {
        "class_names": list(kind.names),
        "operating_point": {
            "thresholds": thresholds,
            "rule": "youden" if thresholds else "argmax",
            "chosen_on": "validation" if thresholds else "none",
            "n": 40 if thresholds else 0,
        },
        "temperature": {
            "temperature": 1.7,
            "bias": biases,
            "n": 40,
            "chosen_on": "validation",
            "scores": "probabilities",
        },
    }


def pixels(kind: Kind, seed: int = 0) -> np.ndarray:
    """The pixels of a file: a bright part on noise, (H, W), (H, W, 3) or the axes of a volume."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, kind.high // 2, kind.image)
    values[: kind.image[0] // 2, : kind.image[1] // (3 - 2 * seed)] += kind.high // 2 - 1
    return values.astype(np.uint8 if kind.high <= 256 else np.uint16)


# Voxels of 1.5 x 1.8 x 2.5 mm, the first axis to the left, the second one to the back.
AFFINE = np.array([[-1.5, 0, 0, 14], [0, -1.8, 0, 21], [0, 0, 2.5, -7], [0, 0, 0, 1]])


def write_image(kind: Kind, folder: Path, seed: int = 0) -> Path:
    """Write the pixels as a PNG or NIfTI file."""
    values = pixels(kind, seed)
    if len(kind.size) == 2:
        path = folder / f"{seed}.png"
        Image.fromarray(values).save(path)
        return path
    path = folder / f"{seed}.nii.gz"
    kept = values if kind.high <= 256 else values.astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(kept, AFFINE), path)
    return path
