"""Arrays of npz files expanded once on disk, so that they can be memory-mapped instead of read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from medmonai.atomic_files import replacing
from medmonai.data.containers import NpzArray

from .location import (
    cache_folder,
    file_claim,
    intact,
    read_note,
    room_for,
    writable_cache,
    write_note,
)


def expanded(
    array: NpzArray,
    *,
    channels_last: bool,
    identity: dict[str, str | int],
    cache_dir: str | Path | None = None,
) -> np.memmap:
    """Return images (N, C, *spatial) as a read-only memmap, written into the cache the first time.

    The array is written to a temporary file, which is renamed when it is complete. A note (`.json`)
    beside it records the `identity` of its npz file and the array's own size, time and SHA-256. An
    array that does not match its note is written again.

    Args:
        array: the images in the npz file.
        channels_last: whether they are (N, *spatial, C) instead of (N, *spatial).
        identity: what distinguishes this npz file from others: its "md5" ("" if unknown), size and
            time.
        cache_dir: see `cache_folder`.

    Raises:
        OSError: the cache cannot be written, or the disk is full.
        ValueError: the npz file is damaged.
    """
    spatial = array.shape[1:-1] if channels_last else array.shape[1:]
    shape = (array.shape[0], array.shape[-1] if channels_last else 1, *spatial)
    path = _expanded_path(array.path, array.key, cache_folder(cache_dir))
    if not _serves(path, identity, shape, array.dtype):
        writable_cache(cache_dir)
        with file_claim(path):
            if not _serves(path, identity, shape, array.dtype):
                _expand(array, path, shape, channels_last=channels_last)
            write_note(
                path,
                {
                    "kind": "expanded array",
                    "of": f"{array.path.name}: {array.key}",
                    "cases": shape[0],
                    "identity": identity,
                },
            )
    return np.load(path, mmap_mode="r", allow_pickle=False)


def expansion_identity(
    npz_path: Path, key: str, *, cache_dir: str | Path | None = None
) -> dict[str, str | int]:
    """Return the identity that the expanded copy of an array was made from; empty if there is no
    such copy.
    """
    note = read_note(_expanded_path(npz_path, key, cache_folder(cache_dir))) or {}
    identity = note.get("identity")
    return identity if isinstance(identity, dict) else {}


def _serves(
    path: Path, identity: dict[str, str | int], shape: tuple[int, ...], dtype: np.dtype
) -> bool:
    """Return whether a copy is complete and made from the same npz file. The same MD5 means the
    same file, whatever its time.
    """
    note = read_note(path)
    known = (note or {}).get("identity")
    if note is None or not isinstance(known, dict) or not intact(path, note):
        return False
    same_content = bool(known.get("md5")) and known.get("md5") == identity["md5"]
    if known != identity and not same_content:
        return False
    try:
        header = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return False
    return header.shape == shape and header.dtype == dtype


def _expand(array: NpzArray, path: Path, shape: tuple[int, ...], *, channels_last: bool) -> None:
    path.with_suffix(".json").unlink(missing_ok=True)
    with (
        room_for(array.nbytes, path.parent, what=f"the expanded {array.key} of {array.path.name}"),
        replacing(path, overwrite=True) as temporary,
    ):
        out = np.lib.format.open_memmap(temporary, mode="w+", dtype=array.dtype, shape=shape)
        array.read_images(out, channels_last=channels_last)
        out.flush()
        del out


def _expanded_path(npz_path: Path, key: str, folder: Path) -> Path:
    where = hashlib.sha256(
        f"{npz_path.resolve()}\0{key}".encode("utf-8", "surrogateescape")
    ).hexdigest()
    return folder / f"{npz_path.stem}.{key}-{where[:20]}.npy"
