"""MedMNIST sets as Cohorts: found or downloaded, verified, and read straight into place."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.cache import expanded
from medmonai.data.cohort import Cohort, Provenance
from medmonai.data.containers import NpzArray, npz_array
from medmonai.data.positive_class import with_positive_class

from .catalogue import DatasetFile, DatasetInfo, dataset_info
from .known_groups import with_known_groups
from .medmnist_files import DatasetFolder, file_stamp, find_or_download, verified_md5
from .memory import default_memory_limit

logger = logging.getLogger("medmonai.data")

SPLITS = ("train", "val", "test")
_announced: set[str] = set()


def load_medmnist(
    name: str,
    *,
    split: str,
    size: int = 28,
    dataset_dir: str | Path | DatasetFolder | Mapping[str, Any] | None = None,
    memory_limit: int | None = None,
    groups_file: str | Path | None = None,
    cache_dir: str | Path | None = None,
    positive_class: str | None = None,
) -> Cohort:
    """Return one split of a MedMNIST set, from disk or downloaded, with uint8 images (N, C,
    *spatial).

    The file (`pneumoniamnist.npz`, `vesselmnist3d_64.npz`) is searched for in `dataset_dir`, then
    in the folder named by the environment variable MEDMNIST_ROOT, then in `~/.medmnist`. If none
    has it, it is downloaded into the first of these. Its MD5 is computed once per process. A set
    that has been expanded (see `memory_limit`) is not hashed again as long as the npz file keeps
    its size and time. `medmnist`'s own classes decode one PIL image per case, do not check the MD5
    of an existing file, and do not know about licenses and leaks. MONAI's `MedNISTDataset` is a
    different set.

    License, citation and known issues are logged to "medmonai.data" once per process and set.

    Args:
        name: one of `dataset_names()`.
        split: "train", "val" or "test", as defined by MedMNIST.
        size: 28, 64, 128 or 224 (3D: 28 or 64) voxels along each axis.
        dataset_dir: folder to search first, or a `DatasetFolder` that also says whether to download
            a missing file and whether the file must be the official one.
        memory_limit: size in bytes of the images (all splits) above which they are expanded once
            into a memmap in the cache. Default: the environment variable MEDMONAI_MEMORY_LIMIT,
            else half of the free memory. With 0, processes that train on the same set at the same
            time share its memory pages.
        groups_file: a CSV (id, group) with the patient or lesion of every case, which MedMNIST does
            not provide. Cases of val and test that share a group with an earlier split are left out
            (see `with_known_groups`).
        cache_dir: folder of the expanded images; default: MEDMONAI_CACHE, else the user's cache
            folder.
        positive_class: for a binary set, the class that becomes class 1; default: MedMNIST's own
            class 1, which in BreastMNIST is "normal, benign".

    Raises:
        FileNotFoundError: the file is not there and could not be downloaded.
        ValueError: an unknown name, size, split or positive class, or a file with a different MD5
            or layout.

    Example:
        >>> cohort = load_medmnist("pneumoniamnist", split="val")  # doctest: +SKIP
        >>> cohort.class_counts()  # doctest: +SKIP
        {'normal': 135, 'pneumonia': 389}
    """
    info = dataset_info(name)
    wanted = info.file(size)
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is unknown; use one of {', '.join(SPLITS)}.")
    if dataset_dir is None or isinstance(dataset_dir, (str, Path)):
        dataset_dir = DatasetFolder(dataset_dir)
    folder = DatasetFolder.of(dataset_dir, argument="dataset_dir")
    path = find_or_download(wanted, folder)
    md5 = verified_md5(path, wanted, cache_dir) if folder.verify else ""
    arrays = {s: npz_array(path, f"{s}_images") for s in SPLITS}
    for s, array in arrays.items():
        _check_layout(array, info, size, info.num_cases[s] if folder.verify else None)
    labels = _read_labels(path, split, info, arrays[split].shape[0])
    limit = default_memory_limit() if memory_limit is None else memory_limit
    on_disk = sum(array.nbytes for array in arrays.values()) > limit
    identity = {"md5": md5, **file_stamp(path)} if on_disk else None
    images = _read_images(arrays[split], info, identity=identity, cache_dir=cache_dir)
    provenance = _provenance(info, wanted, md5) if folder.verify else _unverified(info)
    _announce(provenance)
    stem = f"{name}-{split}-"
    ids = np.fromiter(
        (f"{stem}{i:06d}" for i in range(len(labels))), dtype=f"U{len(stem) + 6}", count=len(labels)
    )
    cohort = Cohort(
        images,
        labels=labels,
        ids=ids,
        task=info.task,
        class_names=info.class_names,
        provenance=provenance,
        split=split,
    )
    return with_positive_class(with_known_groups(cohort, groups_file), positive_class)


def _provenance(info: DatasetInfo, wanted: DatasetFile, md5: str) -> Provenance:
    return Provenance(
        info.name,
        version="MedMNIST v2/+ (medmnist 3)",
        licence=info.licence,
        citation=info.citation,
        source=wanted.url,
        checksum=f"md5:{md5}",
        known_issues=info.known_issues,
    )


def _unverified(info: DatasetInfo) -> Provenance:
    """Return the provenance of a user's own file in a set's layout, or of an unverified copy of the
    set: only possible leaks are stated.

    License and citation could be wrong. A warning about leaks is worth the risk that it does not
    apply to this file, and its text says so: a re-saved copy of the set has another MD5 but the
    same leaks.
    """
    told = tuple(
        f"Known of the published {info.name}, while this file was not verified as that one: {leak}"
        for leak in info.known_leaks
    )
    return Provenance(
        info.name,
        licence=(
            f"not stated (written for MedMNIST's {info.name}, {info.licence}; this file was not "
            "verified as that one)"
        ),
        known_issues=told,
    )


def _check_layout(array: NpzArray, info: DatasetInfo, size: int, num_cases: int | None) -> None:
    """Compare the header of an image array with the catalogue, before allocating memory for it."""
    expected = (size,) * info.spatial_dims + ((info.in_channels,) if info.in_channels > 1 else ())
    n_fits = array.shape[:1] != (0,) if num_cases is None else array.shape[:1] == (num_cases,)
    if array.shape[1:] != expected or not array.shape or not n_fits:
        wanted = ", ".join(map(str, ("N" if num_cases is None else num_cases, *expected)))
        raise ValueError(
            f"{array.path.name}: {array.key} has shape {array.shape}, expected ({wanted}) for "
            f"{info.name} at size {size}; check name and size."
        )
    if array.dtype != np.uint8:
        raise ValueError(
            f"{array.path.name}: {array.key} has dtype {array.dtype}, expected uint8; save 0 to "
            "255."
        )


def _read_labels(path: Path, split: str, info: DatasetInfo, num_cases: int) -> np.ndarray:
    array = npz_array(path, f"{split}_labels")
    if array.shape[:1] != (num_cases,):
        raise ValueError(
            f"{path.name}: {array.key} has shape {array.shape}, expected {num_cases} rows as in "
            f"{split}_images."
        )
    return info.task.check_labels(array.read(), name=f"{path.name}: {array.key}")


def _read_images(
    array: NpzArray,
    info: DatasetInfo,
    *,
    identity: dict[str, str | int] | None,
    cache_dir: str | Path | None,
) -> np.ndarray:
    rgb = info.in_channels > 1
    if identity is not None:
        return expanded(array, channels_last=rgb, identity=identity, cache_dir=cache_dir)
    spatial = array.shape[1:-1] if rgb else array.shape[1:]
    images = np.empty((array.shape[0], info.in_channels, *spatial), np.uint8)
    array.read_images(images, channels_last=rgb)
    return images


def _announce(provenance: Provenance) -> None:
    """Log license, citation and known issues of a set, once per process."""
    if provenance.name in _announced:
        return
    _announced.add(provenance.name)
    cite = f"; please cite {provenance.citation}" if provenance.citation else ""
    logger.info(
        "%s: licence %s%s. Not for clinical use.", provenance.name, provenance.licence, cite
    )
    for issue in provenance.known_issues:
        logger.warning("%s: %s", provenance.name, issue)
