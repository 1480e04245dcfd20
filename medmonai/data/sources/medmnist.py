"""MedMNIST sets as Cohorts: found or downloaded, verified, and read straight into place."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

import numpy as np

from medmonai.data.cache import expanded, expansion_identity
from medmonai.data.cohort import Cohort, Provenance
from medmonai.data.containers import NpzArray, npz_array
from medmonai.data.positive_class import with_positive_class

from .catalogue import DatasetFile, DatasetInfo, dataset_info
from .known_groups import with_known_groups

logger = logging.getLogger("medmonai.data")

SPLITS = ("train", "val", "test")
_WITHOUT_DATA = "bundles/lesion_phantom_classification"
_md5_of: dict[tuple[str | int, ...], str] = {}
_announced: set[str] = set()


def load_medmnist(
    name: str,
    *,
    split: str,
    size: int = 28,
    dataset_dir: str | Path | None = None,
    download: bool = True,
    verify: bool = True,
    memory_limit: int | None = None,
    groups_file: str | Path | None = None,
    cache_dir: str | Path | None = None,
    positive_class: str | None = None,
) -> Cohort:
    """Return one split of a MedMNIST set, from disk or downloaded, with uint8 images (N, C,
    *spatial).

    The file (`pneumoniamnist.npz`, `vesselmnist3d_64.npz`) is looked for in `dataset_dir`, then in
    the folder that the environment variable MEDMNIST_ROOT names, then in `~/.medmnist`, and
    downloaded into the first of these if it is in none. Its MD5 is computed once per process; a set
    that has been expanded (see `memory_limit`) is not hashed again as long as the npz file keeps
    its size and time. `medmnist`'s own classes decode one PIL image per case, neither check the MD5
    of a file that is there nor know about licences and leaks; MONAI's `MedNISTDataset` is another
    set.

    Licence, citation and known issues are logged to "medmonai.data" once per process and set.

    Args:
        name: one of `dataset_names()`.
        split: "train", "val" or "test", as MedMNIST draws them.
        size: 28, 64, 128 or 224 (3D: 28 or 64) voxels along each axis.
        dataset_dir: folder to look in first.
        download: whether a missing file may be downloaded.
        verify: whether the file must be the official one (MD5, number of cases). False takes any
            file of its layout: its licence is not stated then, and leaks of the published set are
            named as such.
        memory_limit: bytes of images (all splits) above which they are expanded once into a memmap
            in the cache. Default: what the environment variable MEDMONAI_MEMORY_LIMIT says, else
            half of the memory that is free. With 0, processes that train on one set at the same
            time share its pages.
        groups_file: a CSV (id, group) of the patient or lesion of every case, which MedMNIST does
            not tell; cases of val and test that share theirs with an earlier split are left out
            (see `with_known_groups`).
        cache_dir: folder of the expanded images; default: MEDMONAI_CACHE, else the user's cache
            folder.
        positive_class: of a binary set, the class that becomes class 1; default: the one that
            MedMNIST has as 1. In BreastMNIST that is "normal, benign".

    Raises:
        FileNotFoundError: the file is not there and could not be downloaded.
        ValueError: unknown name, size, split or positive class; a file with another MD5, or of
            another layout.

    Example:
        >>> cohort = load_medmnist("pneumoniamnist", split="val")  # doctest: +SKIP
        >>> cohort.class_counts()  # doctest: +SKIP
        {'normal': 135, 'pneumonia': 389}
    """
    info = dataset_info(name)
    wanted = info.file(size)
    if split not in SPLITS:
        raise ValueError(f"split={split!r} is unknown; use one of {', '.join(SPLITS)}.")
    path = _find_or_download(wanted, dataset_dir, download=download)
    md5 = _verified_md5(path, wanted, cache_dir) if verify else ""
    arrays = {s: npz_array(path, f"{s}_images") for s in SPLITS}
    for s, array in arrays.items():
        _check_layout(array, info, size, info.num_cases[s] if verify else None)
    labels = _read_labels(path, split, info, arrays[split].shape[0])
    limit = default_memory_limit() if memory_limit is None else memory_limit
    on_disk = sum(array.nbytes for array in arrays.values()) > limit
    identity = {"md5": md5, **_stamp(path)} if on_disk else None
    images = _read_images(arrays[split], info, identity=identity, cache_dir=cache_dir)
    provenance = _provenance(info, wanted, md5) if verify else _unverified(info)
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
    """Somebody's own file in a set's layout, or an unverified copy of the set: nothing is said of
    it but what may leak.

    Licence and citation could be wrong. A warning of leaks is worth more than the risk that it does
    not concern this file, and says so: a re-saved copy of the set has another MD5 and the same
    leaks.
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


def available_memory() -> int:
    """Return the bytes of memory this process may still take: free on the machine, and within its
    control group.
    """
    free = [1 << 32]
    try:
        with open("/proc/meminfo") as file:
            free = [
                int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:")
            ] or free
        group = Path("/sys/fs/cgroup")
        used = int((group / "memory.current").read_text())
        free.append(int((group / "memory.max").read_text()) - used)
    except (OSError, ValueError):  # another system, or a group without a limit ("max")
        pass
    return max(0, min(free))


def default_memory_limit() -> int:
    """Return the bytes above which images stay on disk: MEDMONAI_MEMORY_LIMIT, or half of the
    memory that is free.

    Raises:
        ValueError: MEDMONAI_MEMORY_LIMIT is not a number of bytes.
    """
    given = os.environ.get("MEDMONAI_MEMORY_LIMIT", "")
    if given and not given.isdecimal():
        raise ValueError(
            f"MEDMONAI_MEMORY_LIMIT={given!r}; a number of bytes is needed, or leave it unset."
        )
    return int(given) if given else available_memory() // 2


def _folders(dataset_dir: str | Path | None) -> list[Path]:
    named = (dataset_dir, os.environ.get("MEDMNIST_ROOT"), Path.home() / ".medmnist")
    return [Path(folder).expanduser() for folder in named if folder]


def _find_or_download(
    wanted: DatasetFile, dataset_dir: str | Path | None, *, download: bool
) -> Path:
    folders = _folders(dataset_dir)
    # ~/.medmnist, the last one, may be made
    mistyped = len(folders) > 1 and not folders[0].is_dir()
    for folder in () if mistyped else folders:
        if (folder / wanted.name).is_file():
            return folder / wanted.name
    reason = "download=False"
    if mistyped:
        reason = "there is no such folder (check its name, or make it)"
    elif download:
        import pooch
        import requests

        try:
            return Path(
                pooch.retrieve(
                    wanted.url,
                    known_hash=f"md5:{wanted.md5}",
                    fname=wanted.name,
                    path=folders[0],
                    progressbar=True,
                )
            )
        except (requests.RequestException, OSError, ValueError) as error:
            reason = f"the download failed ({_in_short(error)})"
    raise FileNotFoundError(
        f"{wanted.name} (MD5 {wanted.md5}) is not in {folders[0]} and {reason}; get it from "
        f"{wanted.url} and put it there, or run {_WITHOUT_DATA}, which needs no data."
    )


def _in_short(error: Exception) -> str:
    """Name the cause of a failed download in a few words; requests nests its errors over several
    lines.
    """
    text = " ".join(str(error).split())
    if "hash" in text.lower():
        return "the server sent a file with another MD5"
    return (
        f"{type(error).__name__}: {text[:117]}..."
        if len(text) > 120
        else f"{type(error).__name__}: {text}"
    )


def _stamp(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _verified_md5(path: Path, wanted: DatasetFile, cache_dir: str | Path | None) -> str:
    """Return the MD5 of a file if it is the official one, computed once per process; raise
    ValueError otherwise.
    """
    stamp = _stamp(path)
    key = (str(path.resolve()), *stamp.values())
    if key not in _md5_of:
        made_from = expansion_identity(path, "train_images", cache_dir=cache_dir)
        known = made_from.get("md5", "") if {k: made_from.get(k) for k in stamp} == stamp else ""
        _md5_of[key] = str(known) or _md5(path)
    if _md5_of[key] != wanted.md5:
        raise ValueError(
            f"{path} ({stamp['size']} bytes) has MD5 {_md5_of[key]}, expected {wanted.md5}: "
            "truncated or another file. It was left as it is; move it away to download it again, "
            "or pass verify=False for a file of your own in this layout."
        )
    return wanted.md5


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check_layout(array: NpzArray, info: DatasetInfo, size: int, num_cases: int | None) -> None:
    """Compare the header of an image array with the catalogue, before any memory is taken for
    it.
    """
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
    """Log licence, citation and known issues of a set, once per process."""
    if provenance.name in _announced:
        return
    _announced.add(provenance.name)
    cite = f"; please cite {provenance.citation}" if provenance.citation else ""
    logger.info(
        "%s: licence %s%s. Not for clinical use.", provenance.name, provenance.licence, cite
    )
    for issue in provenance.known_issues:
        logger.warning("%s: %s", provenance.name, issue)
