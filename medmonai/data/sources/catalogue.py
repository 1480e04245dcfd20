"""The 18 MedMNIST sets: what they are, where to find their files, and their known issues."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medmonai.nearest import did_you_mean
from medmonai.task import Kind, Task

MEDMNIST_CITATION = (
    "Yang J, Shi R, Wei D, et al. MedMNIST v2 - A large-scale lightweight benchmark for 2D and 3D "
    "biomedical image classification. Scientific Data 10:41 (2023). doi:10.1038/s41597-022-01721-8"
)

# The papers of the sources, which MedMNIST asks users to cite besides its own.
_LITS = (
    "Bilic P, et al. Medical Image Analysis 84:102680 (2023); Xu X, et al. IEEE TMI 38:1885-1898 "
    "(2019)"
)
_KERMANY = "Kermany DS, et al. Cell 172:1122-1131 (2018)"
_SOURCES = {
    "pathmnist": "Kather JN, et al. PLoS Medicine 16:e1002730 (2019)",
    "chestmnist": "Wang X, et al. CVPR 2017, 3462-3471",
    "dermamnist": (
        "Tschandl P, et al. Scientific Data 5:180161 (2018); Codella N, et al. arXiv:1902.03368 "
        "(2019)"
    ),
    "octmnist": _KERMANY,
    "pneumoniamnist": _KERMANY,
    "retinamnist": "Liu R, et al. Patterns 3:100512 (2022)",
    "breastmnist": "Al-Dhabyani W, et al. Data in Brief 28:104863 (2020)",
    "bloodmnist": "Acevedo A, et al. Data in Brief 30:105474 (2020)",
    "tissuemnist": "Ljosa V, et al. Nature Methods 9:637 (2012)",
    "organamnist": _LITS,
    "organcmnist": _LITS,
    "organsmnist": _LITS,
    "organmnist3d": _LITS,
    "nodulemnist3d": "Armato SG, et al. Medical Physics 38:915-931 (2011)",
    "fracturemnist3d": "Jin L, et al. EBioMedicine 62:103106 (2020)",
    "vesselmnist3d": "Yang X, et al. CVPR 2020, 2656-2666",
}

_UNVERIFIED = (
    "The splits are not stated to be patient-level: unverified, one patient may be in train and "
    "test."
)
_BY_SCAN = (
    "The splits are stated to be by CT scan; that no patient has scans in two of them is "
    "unverified."
)
# Data known to be in several splits, which makes scores too good.
_LEAKS = {
    "dermamnist": (
        "Leaking splits, as published: 641 lesions are in both train and test, and 773 of 2005 "
        "test images (38.6 %) share their lesion with a training or validation image (Abhishek K, "
        "et al. Scientific Data 12:196 (2025), arXiv:2401.14497; "
        "github.com/kakumarabhishek/Corrected-Skin-Image-Datasets); report official and corrected "
        "splits apart.",
    ),
    "pneumoniamnist": (
        (
            "Leaking splits: 8 images of train are in val, pixel for pixel (medmonai data check); "
            "test shares none with them."
        ),
    ),
    "vesselmnist3d": (
        "Near duplicates: 7 pairs of volumes across splits at 28 voxels, 11 at 64 (5 test volumes "
        "have a twin in train), one of them with another label (medmonai data check).",
    ),
    "breastmnist": (
        "Leaking splits: one image is in train and in test, pixel for pixel, with opposite labels; "
        "59 of 156 test images have a near duplicate in train or val (medmonai data check).",
    ),
}
# Everything else that a reader of a result must know.
_ISSUES = {
    "adrenalmnist3d": (),
    "dermamnist": (),
    "organamnist": (_BY_SCAN,),
    "organcmnist": (_BY_SCAN,),
    "organsmnist": (_BY_SCAN,),
    "organmnist3d": (_BY_SCAN,),
    "pneumoniamnist": (
        _UNVERIFIED,
        "The prior shifts: 74 % of train and 62.5 % of test are positive; give results at a "
        "threshold chosen on validation beside 0.5.",
        "Repeated cases: 16 images occur twice in train and 3 in test.",
        (
            "The validation AUC is saturated (.995-.997 for most networks): it cannot choose "
            "between models."
        ),
    ),
    "breastmnist": (
        _UNVERIFIED,
        "Class 1, the positive one, is 'normal, benign'; class 0 is 'malignant'.",
    ),
}


@dataclass(frozen=True)
class DatasetFile:
    """One file of a set: its name, its download URL, and the MD5 that MedMNIST publishes."""

    name: str
    url: str
    md5: str


@dataclass(frozen=True)
class DatasetInfo:
    """The catalogue entry of one set. `medmnist.INFO` has the same as untyped strings, without
    known issues.
    """

    name: str
    task: Task
    in_channels: int
    spatial_dims: int
    class_names: tuple[str, ...]
    num_cases: Mapping[str, int]
    files: Mapping[int, DatasetFile]
    licence: str

    @property
    def sizes(self) -> tuple[int, ...]:
        """Available sizes, in voxels along each axis."""
        return tuple(self.files)

    @property
    def citation(self) -> str:
        """Papers to cite: MedMNIST's and that of the images' source."""
        source = _SOURCES.get(self.name)
        return (
            f"{MEDMNIST_CITATION}; source of the images: {source}" if source else MEDMNIST_CITATION
        )

    @property
    def known_issues(self) -> tuple[str, ...]:
        """What a reader of results on this set must know, one sentence each, leaks first."""
        return (*self.known_leaks, *_ISSUES.get(self.name, (_UNVERIFIED,)))

    @property
    def known_leaks(self) -> tuple[str, ...]:
        """The known issues about what the published splits share."""
        return _LEAKS.get(self.name, ())

    def file(self, size: int = 28) -> DatasetFile:
        """Return the file of the set at a given size.

        Raises:
            ValueError: the set does not have this size.
        """
        if size not in self.files:
            allowed = ", ".join(map(str, self.sizes))
            nearest = (
                min(self.sizes, key=lambda s: abs(s - size))
                if isinstance(size, (int, float))
                else self.sizes[0]
            )
            raise ValueError(
                f"size={size!r} does not exist for {self.name}; use {allowed} (nearest: {nearest})."
            )
        return self.files[size]


def dataset_names() -> tuple[str, ...]:
    """Return the names of the 18 sets, in MedMNIST's order.

    Example:
        >>> len(dataset_names())
        18
    """
    return tuple(_medmnist_table())


def sets_of_same_classes(name: str) -> tuple[str, ...]:
    """Return the other sets whose images and labels have the same meaning: the same order of
    classes, channels, axes and task.

    Raises:
        ValueError: no set has this name.

    Example:
        >>> sets_of_same_classes("organamnist"), sets_of_same_classes("pneumoniamnist")
        (('organcmnist', 'organsmnist'), ())
    """

    def meaning(info: DatasetInfo) -> tuple[Any, ...]:
        return info.task, info.class_names, info.in_channels, info.spatial_dims

    wanted = meaning(dataset_info(name))
    others = (other for other in dataset_names() if other != name)
    return tuple(other for other in others if meaning(dataset_info(other)) == wanted)


def is_published(checksum: str) -> bool:
    """Return whether a checksum is the MD5 that MedMNIST publishes for one of its files.

    Args:
        checksum: as in `Provenance.checksum`, "md5:..."; "" for a file that was not verified.

    Example:
        >>> is_published("md5:28209eda62fecd6e6a2d98b1501bb15f"), is_published("")
        (True, False)
    """
    return checksum in _published()


@cache
def _published() -> frozenset[str]:
    infos = map(dataset_info, dataset_names())
    return frozenset(f"md5:{file.md5}" for info in infos for file in info.files.values())


def dataset_info(name: str) -> DatasetInfo:
    """Return the catalogue entry of a set.

    Raises:
        ValueError: no set has this name; the message suggests the nearest one.

    Example:
        >>> info = dataset_info("vesselmnist3d")
        >>> info.task.kind, info.sizes, info.class_names
        ('binary', (28, 64), ('vessel', 'aneurysm'))
    """
    table = _medmnist_table()
    if name not in table:
        hint = did_you_mean(str(name).lower(), table, cutoff=0.4)
        raise ValueError(
            f"dataset {name!r} is unknown; {hint and f'{hint} '}Use one of {', '.join(table)}."
        )
    return _parse(name, table[name])


@cache
def _medmnist_table() -> Mapping[str, dict[str, Any]]:
    """Read `medmnist.INFO` without importing medmnist, which takes 3 s (pandas) and creates
    ~/.medmnist.
    """
    spec = importlib.util.find_spec("medmnist")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("medmnist is not installed; run: pip install 'medmnist>=3.0.2'")
    folder = Path(spec.submodule_search_locations[0])
    for node in ast.parse((folder / "info.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "INFO":
            return MappingProxyType(ast.literal_eval(node.value))
    from medmnist.info import INFO  # a release that builds the table differently

    return MappingProxyType(INFO)


def _parse(name: str, entry: dict[str, Any]) -> DatasetInfo:
    spatial_dims = 3 if name.endswith("3d") else 2
    class_names = tuple(entry["label"][str(i)] for i in range(len(entry["label"])))
    files = {}
    for size in (28, 64, 128, 224):
        suffix = "" if size == 28 else f"_{size}"
        if f"MD5{suffix}" in entry:
            files[size] = DatasetFile(
                f"{name}{suffix}.npz", entry[f"url{suffix}"], entry[f"MD5{suffix}"]
            )
    return DatasetInfo(
        name=name,
        task=_task(entry["task"], len(class_names)),
        in_channels=entry["n_channels"],
        spatial_dims=spatial_dims,
        class_names=class_names,
        num_cases=MappingProxyType(dict(entry["n_samples"])),
        files=MappingProxyType(files),
        licence=entry["license"],
    )


def _task(text: str, num_classes: int) -> Task:
    """Turn MedMNIST's own term for a task into a Task; these terms are used nowhere else."""
    kinds: dict[str, Kind] = {
        "binary-class": "binary",
        "multi-class": "multiclass",
        "ordinal-regression": "ordinal",
        "multi-label, binary-class": "multilabel",
    }
    if text not in kinds:
        raise ValueError(
            f"medmnist names the task {text!r}; known are {', '.join(kinds)}. Use medmnist 3.0.2."
        )
    return Task(kinds[text], num_classes)
