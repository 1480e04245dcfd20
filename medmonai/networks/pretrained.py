"""Published weights: where they are, what they are, and how they get into a backbone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch.hub
from torch import nn

from .medicalnet import load_medicalnet
from .weight_files import read_weights
from .weight_names import CLASSIFIERS, load_published

_TORCHVISION = (
    "BSD-3-Clause (torchvision); trained on ImageNet-1k, whose images are for non-commercial "
    "research"
)
_EFFICIENTNET = (
    "Apache-2.0 (EfficientNet-PyTorch); trained on ImageNet-1k, whose images are for "
    "non-commercial research"
)


@dataclass(frozen=True)
class WeightFile:
    """One file of published weights.

    Args:
        url: where it is downloaded from; its last part is the file's name.
        sha256: digest of the whole file; the name carries its first eight digits.
        licence: of the weights, and of what they were trained on.
    """

    url: str
    sha256: str
    licence: str

    @property
    def file_name(self) -> str:
        """Name of the file in torch's cache folder."""
        return self.url.rpartition("/")[2]


# The digests are stated in full by public projects that pin these files (EfficientNet's by one, the
# others by several), and begin with the eight digits in the file names.
IMAGENET = {
    "resnet18": WeightFile(
        "https://download.pytorch.org/models/resnet18-f37072fd.pth",
        "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
        _TORCHVISION,
    ),
    "resnet34": WeightFile(
        "https://download.pytorch.org/models/resnet34-b627a593.pth",
        "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f",
        _TORCHVISION,
    ),
    "resnet50": WeightFile(
        "https://download.pytorch.org/models/resnet50-0676ba61.pth",
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        _TORCHVISION,
    ),
    "densenet121": WeightFile(
        "https://download.pytorch.org/models/densenet121-a639ec97.pth",
        "a639ec97d7c33b07ae66f0b5fb7d0192f95a3b11b7576c66c0126c2a727c4395",
        _TORCHVISION,
    ),
    "vgg16": WeightFile(
        "https://download.pytorch.org/models/vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        _TORCHVISION,
    ),
    "efficientnet_b0": WeightFile(
        "https://github.com/lukemelas/EfficientNet-PyTorch/releases/download/1.0/efficientnet-b0-355c32eb.pth",
        "355c32ebf5c7b2e19ed8f926daea5b6d71c8744a49aab3148fc90775fbaac5a3",
        _EFFICIENTNET,
    ),
}


def weights_folder() -> Path:
    """Return the folder in which torch keeps weights: `$TORCH_HOME/hub/checkpoints`, by default
    under ~/.cache/torch.
    """
    return Path(torch.hub.get_dir()) / "checkpoints"


def imagenet_file(name: str) -> Path:
    """Return the file with a network's ImageNet weights, downloaded if it is not there, its SHA-256
    checked.

    Raises:
        ValueError: there are no ImageNet weights of that network, or the file is another one.
        FileNotFoundError: the file is not there and cannot be downloaded.
    """
    if name not in IMAGENET:
        raise ValueError(
            f"backbone={name!r} has no ImageNet weights; use one of {', '.join(IMAGENET)}, or "
            "pretrained=false."
        )
    wanted = IMAGENET[name]
    path = weights_folder() / wanted.file_name
    if not path.is_file():
        _download(wanted, path)
    import pooch

    if (digest := pooch.file_hash(path, alg="sha256")) != wanted.sha256:
        raise ValueError(
            f"{path} ({path.stat().st_size} bytes) has SHA-256 {digest}, expected {wanted.sha256}: "
            "cut off or another file. It was left as it is; move it away to download it again."
        )
    return path


def _download(wanted: WeightFile, path: Path) -> None:
    import pooch
    import requests

    try:
        pooch.retrieve(
            wanted.url,
            known_hash=f"sha256:{wanted.sha256}",
            fname=path.name,
            path=path.parent,
            progressbar=True,
        )
    except (requests.RequestException, OSError, ValueError) as error:
        text = " ".join(str(error).split())
        reason = (
            "the server sent another file"
            if "hash" in text.lower()
            else f"{type(error).__name__}: {text[:100]}"
        )
        raise FileNotFoundError(
            f"{path.name} (SHA-256 {wanted.sha256}) is not in {path.parent} and could not be "
            f"downloaded ({reason}); get it from {wanted.url} and put it there, or train from "
            "random weights with pretrained=false."
        ) from error


def load_pretrained(
    backbone: nn.Module,
    name: str,
    *,
    weights: str = "imagenet",
    classifiers: tuple[str, ...] = CLASSIFIERS,
) -> None:
    """Load weights, published or of a file, into a backbone, in place.

    ImageNet weights go into 2D and, inflated, into 3D networks with any number of input channels.
    torchvision's own loader needs torchvision, and MONAI's take only what fits, silently.

    Args:
        backbone: as `backbone_of` builds it.
        name: its name.
        weights: "imagenet" (see `IMAGENET`), "medicalnet" (3D ResNets, through MONAI from the
            Hugging Face hub), or the path of a file with the backbone's weights, see
            `medmonai.networks.weight_files.read_weights`.
        classifiers: what the names of the classifier's weights begin with; they are left out.

    Raises:
        ValueError: there are no such weights for this network, or the file is damaged.
        FileNotFoundError: the file is not there and cannot be downloaded; the message says what to
            put where.
    """
    if weights == "medicalnet":
        load_medicalnet(backbone, name)
        return
    path = imagenet_file(name) if weights == "imagenet" else Path(weights).expanduser()
    load_published(backbone, name, read_weights(path), classifiers=classifiers)
