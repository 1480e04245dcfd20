"""A user's own npz file as a listing: with splits as MedMNIST's files have them, or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.cache import expanded
from medmonai.data.case_files import ArrayImage
from medmonai.data.class_names import check_classes, in_split_order
from medmonai.data.containers import NpzArray, npz_array, npz_keys
from medmonai.data.datalist import SPLITS, About, Listing, logged_notes
from medmonai.data.files import npz_channel_axis
from medmonai.data.positive_class import default_note
from medmonai.data.tables import TableLabels, labels_of
from medmonai.tables import TextTable
from medmonai.task import Task

_MOST_CHANNELS = 16  # an axis up to this length may hold channels or slices
_READ = ("images", "labels", "groups", "ids")
_LAYOUT = "`images` and `labels`, or `train_images`, `train_labels`, ... (val, test), are needed"


@dataclass(frozen=True)
class _File:
    """An npz file.

    Args:
        path: its path.
        keys: the names of its arrays.
        images: what the names of a part begin with ("" or "train_", ...) -> its images.
    """

    path: Path
    keys: Sequence[str]
    images: Mapping[str, NpzArray]

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes, if the file holds them."""
        if "class_names" not in self.keys:
            return None
        names = npz_array(self.path, "class_names", text=True).read()
        return [str(name) for name in names.reshape(-1)]

    def column(self, what: str) -> np.ndarray | None:
        """Return ids or groups as texts (N,); None if the file has none."""
        if not any(f"{part}{what}" in self.keys for part in self.images):
            return None
        return np.array([text for one in self.read(what) for text in _whole(self.path, one)])

    def read(self, what: str) -> list[np.ndarray]:
        """Return what stands beside the images of each part, of texts or of numbers."""
        return [self._beside(f"{part}{what}", images) for part, images in self.images.items()]

    def _beside(self, key: str, images: NpzArray) -> np.ndarray:
        if key not in self.keys:
            held = ", ".join(self.keys)
            raise ValueError(f"{self.path.name} holds {held} and no {key}; {_LAYOUT}.")
        try:
            array = npz_array(self.path, key)
        except ValueError as not_numbers:
            try:
                array = npz_array(self.path, key, text=True)
            except ValueError:
                raise not_numbers from None
        if array.shape[:1] != images.shape[:1]:
            raise ValueError(
                f"{self.path.name}: {key} has shape {array.shape} and {images.key} "
                f"{images.shape}; one row for each image is needed."
            )
        return array.read()


def list_npz(
    npz: str | Path,
    *,
    name: str,
    class_names: Sequence[str] | Mapping[str, str] | None = None,
    positive_class: str | None = None,
    task: Task | str = "auto",
    spatial_dims: int | None = None,
    about: About | Mapping[str, Any] | None = None,
    cache_dir: str | Path | None = None,
) -> Listing:
    """List the images of an npz file.

    - Arrays: `images` and `labels`, or `train_images`, `train_labels`, ... as in MedMNIST, whose
      splits are kept. `groups` (the patient of each image) and `ids` may stand beside them,
      `train_groups` and `train_ids` in the second case; so may `class_names`.
    - Images: (N, *spatial), (N, *spatial, C) or (N, C, *spatial), in 2D or 3D, of numbers.
    - Labels: (N,) or (N, 1) whole numbers or texts; (N, L) of 0 and 1 is a multilabel task.
    - Arrays of objects are refused. Sizes are compared with the file before anything is read. The
      images are written once into the cache, where rows can be read one at a time.

    Args:
        npz: the file.
        name: name of the set, for reports.
        class_names: the labels as the file has them, in the order of the classes, or a mapping of
            label -> name to show; multilabel: one name for each column.
        positive_class: see `list_image_table`.
        task: see `list_image_table`.
        spatial_dims: 2 or 3, where the shape of the images leaves it open.
        about: license, citation and known issues.
        cache_dir: see `medmonai.data.cache_folder`.

    Raises:
        FileNotFoundError: no such file.
        OSError: the cache cannot be written, or the disk is full.
        ValueError: a damaged file, a missing array, arrays of different lengths or shapes, labels
            that are not class numbers, or a class without cases.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> images = np.zeros((4, 8, 8), np.uint8)
        >>> np.savez(Path(folder, "a.npz"), images=images, labels=[0, 1, 0, 1])
        >>> list_npz(Path(folder, "a.npz"), name="a", cache_dir=folder)
        Listing(a: 4 cases, 2 classes)
    """
    path = Path(npz).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file; give an npz file.")
    keys = npz_keys(path)
    arrays = {part: npz_array(path, f"{part}images") for part in _parts(path, keys)}
    file = _File(path, keys, arrays)
    dims = _spatial_dims(arrays, spatial_dims)
    if not any(array.shape[0] for array in arrays.values()):
        raise ValueError(f"{path.name} holds no image.")
    files = [
        image for array in arrays.values() for image in _images(array, dims, cache_dir=cache_dir)
    ]
    labels = _labels(file, class_names, positive_class=positive_class, task=task)
    ids = file.column("ids")
    if ids is None:
        counted = [(part, row) for part, a in arrays.items() for row in range(a.shape[0])]
        ids = np.array([f"{path.stem}-{part.replace('_', '-')}{row:06d}" for part, row in counted])
    splits = None
    if "" not in arrays:
        splits = np.repeat([part[:-1] for part in arrays], [a.shape[0] for a in arrays.values()])
    if labels.task.exclusive:
        check_classes(name, labels.labels, splits, labels.class_names)
    chosen = class_names is not None or positive_class is not None or "class_names" in keys
    unchosen = "" if chosen else default_note(labels.class_names, labels.task)
    listing = Listing(
        tuple(files),
        ids=ids,
        labels=labels.labels,
        task=labels.task,
        class_names=labels.class_names,
        groups=file.column("groups"),
        splits=splits,
        provenance=About.of(about, argument="about").provenance(name, f"file {path.name}"),
        notes=logged_notes(name, (_unread_note(file), labels.note, unchosen)),
    )
    return listing.subset(in_split_order(splits, listing.ids))


def _unread_note(file: _File) -> str:
    """Return a sentence on arrays that are not read; "" if there are none."""
    read = {"class_names", *(part + what for part in file.images for what in _READ)}
    others = [key for key in file.keys if key not in read]
    return f"Not read: {', '.join(others)}. Patients are read from groups." if others else ""


def _parts(path: Path, keys: Sequence[str]) -> list[str]:
    """Return what the names of the arrays begin with: [""], or ["train_", ...]."""
    plain = "images" in keys
    parts = [f"{split}_" for split in SPLITS if f"{split}_images" in keys]
    if plain == bool(parts) or (parts and parts[0] != "train_"):
        both = "both layouts" if plain and parts else ", ".join(keys) or "nothing"
        raise ValueError(f"{path.name} holds {both}; {_LAYOUT}.")
    return [""] if plain else parts


def _spatial_dims(arrays: Mapping[str, NpzArray], stated: int | None) -> int:
    """Return 2 or 3, as the shapes of the images say, or as it is stated where they do not."""
    first = next(iter(arrays.values()))
    shape = first.shape
    for array in arrays.values():
        if array.shape[1:] != shape[1:] or array.dtype != first.dtype:
            raise ValueError(
                f"{first.path.name}: {array.key} has shape {array.shape} and dtype {array.dtype}, "
                f"and {first.key} {shape} and {first.dtype}; images of one size and dtype are "
                "needed."
            )
    if stated is not None and stated not in (2, 3):
        raise ValueError(f"spatial_dims={stated!r}; 2 or 3 is needed.")
    if stated is not None:
        return stated
    if len(shape) in (3, 5):
        return 2 if len(shape) == 3 else 3
    if len(shape) != 4:
        raise ValueError(
            f"{first.path.name}: {first.key} has shape {shape}; images (N, *spatial), with an axis "
            "of channels or without, in 2D or 3D are needed."
        )
    if shape[-1] in (1, 3) or shape[1] in (1, 3):
        return 2
    if min(shape[1], shape[-1]) <= _MOST_CHANNELS and len(set(shape[1:])) > 1:
        raise ValueError(
            f"{first.path.name}: {first.key} has shape {shape}: pictures of several channels, or "
            "volumes? Say it with spatial_dims=2 or 3 (--spatial_dims)."
        )
    return 3


def _images(array: NpzArray, dims: int, *, cache_dir: str | Path | None) -> list[ArrayImage]:
    axis = npz_channel_axis(array, dims)
    status = array.path.stat()
    identity: dict[str, str | int] = {
        "md5": "", "size": status.st_size, "time": status.st_mtime_ns
    }  # fmt: skip
    stored = expanded(array, channels_last=axis == -1, identity=identity, cache_dir=cache_dir)
    place = Path(str(stored.filename))
    return [ArrayImage(array.path, array.key, row, axis, place) for row in range(array.shape[0])]


def _labels(
    file: _File,
    class_names: Sequence[str] | Mapping[str, str] | None,
    *,
    positive_class: str | None,
    task: Task | str,
) -> TableLabels:
    path = file.path
    stored = file.read("labels")
    if len({values.shape[1:] for values in stored}) > 1:
        raise ValueError(f"{path.name}: the labels of the splits have different shapes.")
    values = np.concatenate(stored)
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim not in (1, 2):
        raise ValueError(
            f"{path.name}: labels have shape {values.shape}; (N,), or (N, L) of 0 and 1 is needed."
        )
    names = file.class_names
    rows = range(len(values))
    lines = list(rows)
    if values.ndim == 1:
        texts = _whole(path, values)
        if names is not None and values.dtype.kind != "U":
            texts = _named(path, texts, names)
        class_names = names if class_names is None else class_names
        table = TextTable(path.name, {"labels": texts}, lines)
        return labels_of(
            table, "labels", rows, class_names=class_names, task=task, positive_class=positive_class
        )
    shown = names or [f"label {column}" for column in range(values.shape[1])]
    shown = shown if class_names is None or isinstance(class_names, Mapping) else list(class_names)
    if len(shown) != values.shape[1]:
        raise ValueError(
            f"{path.name}: {len(shown)} class names and labels of {values.shape[1]} columns; give "
            "one name for each."
        )
    columns = {name: _whole(path, column) for name, column in zip(shown, values.T)}
    return labels_of(
        TextTable(path.name, columns, lines),
        shown,
        rows,
        class_names=class_names,
        task=task,
        positive_class=positive_class,
    )


def _named(path: Path, numbers: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the names of labels that are numbers of the file's class_names."""
    of_number = {str(number): name for number, name in enumerate(names)}
    unknown = [number for number in numbers if number not in of_number]
    if unknown:
        raise ValueError(
            f"{path.name}: a label is {unknown[0]} and class_names holds only {', '.join(names)}, "
            "for labels from 0 on; add the missing names."
        )
    return [of_number[number] for number in numbers]


def _whole(path: Path, values: np.ndarray) -> list[str]:
    """Return texts, or whole numbers as texts, of (N,) or (N, 1) values."""
    values = values.reshape(-1)
    if values.dtype.kind == "U":
        return [str(value).strip() for value in values]
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.rint(values))).all():
        raise ValueError(
            f"{path.name}: labels, groups or ids hold fractions or NaN; whole numbers or texts are "
            "needed."
        )
    return [str(int(value)) for value in values]
