"""Images without labels, for inference: a folder of NIfTI, PNG or JPEG files, or an npz file."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from tqdm import tqdm

from .cohort import check_finite, check_ids, check_images
from .decoding import KINDS, image_kind, read_image, read_npz_images, resize, to_channels, to_grey_levels

logger = logging.getLogger("medmonai.data")

_PROGRESS_FROM = 100


@dataclass(frozen=True, eq=False)
class ImageSet(Dataset):
    """Images and ids of cases whose labels are not known. What a Cohort is, less all that needs labels.

    Args:
        images: (N, C, *spatial) uint8, int16 or float32, as in a Cohort.
        ids: (N,) different strings.

    Raises:
        TypeError: images or ids of a dtype that is not allowed.
        ValueError: no case, different lengths, double ids, NaN or infinite pixels.

    Example:
        >>> images = ImageSet(np.zeros((2, 1, 4, 4), np.uint8), ids=["a.png", "b.png"])
        >>> len(images), images[1]["id"], images[1]["image"].shape
        (2, 'b.png', torch.Size([1, 4, 4]))
    """

    images: np.ndarray
    _: KW_ONLY
    ids: np.ndarray

    def __post_init__(self) -> None:
        check_images(self.images)
        object.__setattr__(self, "ids", check_ids(self.ids, len(self.images)))
        check_finite(self.images, self.ids)

    @property
    def in_channels(self) -> int:
        """Channels of an image."""
        return int(self.images.shape[1])

    @property
    def spatial_size(self) -> tuple[int, ...]:
        """Voxels along each spatial axis."""
        return tuple(int(n) for n in self.images.shape[2:])

    @property
    def spatial_dims(self) -> int:
        """2 for images, 3 for volumes."""
        return self.images.ndim - 2

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one case: its image (C, *spatial) in the dtype it is stored in, and its id."""
        return {"image": torch.from_numpy(np.array(self.images[index])), "id": str(self.ids[index])}

    def __repr__(self) -> str:
        return f"ImageSet({len(self)} images, {self.in_channels} x {self.spatial_size} {self.images.dtype})"


def load_images(
    path: str | Path, *, in_channels: int, spatial_size: Sequence[int], intensity_range: Sequence[float] | None = None
) -> ImageSet:
    """Read images of any size into one uint8 array (N, in_channels, *spatial_size).

    - A folder is read with its sub-folders; ids are the paths inside it. An npz file holds `images`, or one array whose
      name ends in `_images` as MedMNIST names them, and may hold `ids`.
    - Grey values: uint8 is kept if no `intensity_range` is given. Anything else (CT in HU, 16-bit PNG, float) needs one:
      low becomes 0, high 255, what lies outside is clipped.
    - Size: an image of another size is resized, each axis on its own, bilinear or trilinear, smoothed first where it
      shrinks (`monai.transforms.Resize(anti_aliasing=True)`). A warning counts them. Nothing is cropped.
    - Channels: colour becomes grey by ITU-R 601 luma (.299 R + .587 G + .114 B), grey becomes colour by repetition, an
      alpha channel is dropped.
    - NIfTI volumes are turned to the nearest RAS orientation, axes (x, y, z); PNG and JPEG are (row, column), as MedMNIST
      has them. MedMNIST volumes state no orientation: the network sees the axes it was trained on only if you know them.

    MONAI's `LoadImage` + `Compose` does each step for one file; the rules above would be left to each bundle.

    Args:
        path: a folder, or one file.
        in_channels: 1 or 3, what the network takes.
        spatial_size: voxels along each axis, what the network takes; two axes or three.
        intensity_range: (low, high) grey values that are mapped to 0 and 255.

    Raises:
        FileNotFoundError: the path does not exist, or holds no image.
        ValueError: several kinds of files, an unreadable one, NaN, grey values without a range, wrong axes or channels.

    Example:
        >>> load_images("scans/", in_channels=1, spatial_size=(28, 28, 28), intensity_range=(-160, 240))  # doctest: +SKIP
        ImageSet(12 images, 1 x (28, 28, 28) uint8)
    """
    size = tuple(int(n) for n in spatial_size)
    if in_channels not in (1, 3) or len(size) not in (2, 3) or min(size) < 1:
        raise ValueError(f"in_channels={in_channels}, spatial_size={size}; 1 or 3 channels and two or three axes are needed.")
    window = _check_range(intensity_range)
    files, root = _find(Path(path))
    if image_kind(files[0]) == "npz":
        ids, total, source = read_npz_images(files[0], size)
    else:
        ids, total = [file.relative_to(root).as_posix() for file in files], len(files)
        source = ((file.name, read_image(file, size)) for file in files)
    out = np.empty((total, in_channels, *size), np.uint8)
    resized = 0
    for i, (name, image) in enumerate(tqdm(source, total=total, desc="reading images", disable=total < _PROGRESS_FROM)):
        grey = to_grey_levels(to_channels(image, in_channels, name), window, name)
        if grey.shape[1:] != size:
            grey, resized = resize(grey, size), resized + 1
        out[i] = np.rint(grey)
    if resized:
        logger.warning("%d of %d images were resized to %s, each axis on its own.", resized, total, size)
    return ImageSet(out, ids=np.array(ids))


def _check_range(intensity_range: Sequence[float] | None) -> tuple[float, float] | None:
    if intensity_range is None:
        return None
    if len(intensity_range) != 2 or not intensity_range[0] < intensity_range[1]:
        raise ValueError(f"intensity_range={intensity_range!r}; (low, high) with low < high is needed, such as (-160, 240).")
    return float(intensity_range[0]), float(intensity_range[1])


def _find(path: Path) -> tuple[list[Path], Path]:
    """Return the image files at a path, sorted, and the folder that their ids are relative to."""
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give a folder of NIfTI, PNG or JPEG files, or an npz file.")
    root = path if path.is_dir() else path.parent
    found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    seen = [p for p in found if not any(part.startswith(".") for part in p.relative_to(root).parts)]
    files = [p for p in seen if image_kind(p)]
    if not files:
        raise FileNotFoundError(f"{path} holds no image ({len(seen)} other files); {', '.join(KINDS)} are read.")
    kinds = sorted({image_kind(p) for p in files})
    if len(kinds) > 1 or (kinds == ["npz"] and len(files) > 1):
        several = " and ".join(kinds) if len(kinds) > 1 else f"{len(files)} npz"
        raise ValueError(f"{path} holds {several} files; give a folder with one kind of image, or one npz file.")
    if len(seen) > len(files):
        logger.warning("%d files that are no images were passed over in %s.", len(seen) - len(files), path.name)
    return files, root
