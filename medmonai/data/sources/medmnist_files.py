"""The file of a MedMNIST set: found or downloaded, and verified to be the official one."""

from __future__ import annotations

import hashlib
import os
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from medmonai.data.cache import expansion_identity
from medmonai.data.options import Options

from .catalogue import DatasetFile

_WITHOUT_DATA = "bundles/lesion_phantom_classification"
_md5_of: dict[tuple[str | int, ...], str] = {}


@dataclass(frozen=True)
class DatasetFolder(Options):
    """A folder of MedMNIST files, with the rules for downloading and verifying them.

    Args:
        path: the folder to search first; for None see `load_medmnist`.
        download: whether to download a missing file.
        verify: whether the file must be the official one (MD5, number of cases). False accepts any
            file with that layout. Its license is then not stated, and known leaks are reported as
            those of the published data set.

    Example:
        >>> DatasetFolder("/data", download=False).download
        False
    """

    path: str | Path | None = None
    _: KW_ONLY
    download: bool = True
    verify: bool = True


def _folders(dataset_dir: str | Path | None) -> list[Path]:
    named = (dataset_dir, os.environ.get("MEDMNIST_ROOT"), Path.home() / ".medmnist")
    return [Path(folder).expanduser() for folder in named if folder]


def find_or_download(wanted: DatasetFile, folder: DatasetFolder) -> Path:
    """Return the path of a file, after downloading it if it is missing and this is allowed.

    Raises:
        FileNotFoundError: the file is not there and could not be downloaded.
    """
    folders = _folders(folder.path)
    # ~/.medmnist, the last one, may be created
    mistyped = len(folders) > 1 and not folders[0].is_dir()
    for place in () if mistyped else folders:
        if (place / wanted.name).is_file():
            return place / wanted.name
    reason = "download=False"
    if mistyped:
        reason = "there is no such folder (check its name, or create it)"
    elif folder.download:
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
    """Name the cause of a failed download in a few words; errors of requests are nested over
    several lines.
    """
    text = " ".join(str(error).split())
    if "hash" in text.lower():
        return "the server sent a file with another MD5"
    return (
        f"{type(error).__name__}: {text[:117]}..."
        if len(text) > 120
        else f"{type(error).__name__}: {text}"
    )


def file_stamp(path: Path) -> dict[str, int]:
    """Return the size and time of a file."""
    stat = path.stat()
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def verified_md5(path: Path, wanted: DatasetFile, cache_dir: str | Path | None) -> str:
    """Return the MD5 of a file if it is the official one, computed once per process; raise
    ValueError otherwise.
    """
    stamp = file_stamp(path)
    key = (str(path.resolve()), *stamp.values())
    if key not in _md5_of:
        made_from = expansion_identity(path, "train_images", cache_dir=cache_dir)
        known = made_from.get("md5", "") if {k: made_from.get(k) for k in stamp} == stamp else ""
        _md5_of[key] = str(known) or _md5(path)
    if _md5_of[key] != wanted.md5:
        raise ValueError(
            f"{path} ({stamp['size']} bytes) has MD5 {_md5_of[key]}, expected {wanted.md5}: "
            "truncated or another file. It was left as it is; move it away to download it again, "
            "or pass dataset_dir=DatasetFolder(..., verify=False) (in a bundle "
            "--verify_checksum false) for a file of your own in "
            "this layout."
        )
    return wanted.md5


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
