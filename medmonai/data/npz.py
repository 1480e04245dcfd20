"""Reading arrays out of npz files: streamed into place, checked before memory is taken, or expanded on disk once."""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from medmonai.whole_files import replacing

_ITEM_KINDS = "buif"


@dataclass(frozen=True)
class NpzArray:
    """One array of an npz file: what its header says, and how to read it without holding it twice.

    `numpy.load` reads a whole array at once and ignores `mmap_mode` for npz files.

    Args:
        path: the npz file.
        key: name of the array.
        shape: its shape.
        dtype: its dtype.
    """

    path: Path
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the array in memory."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> np.ndarray:
        """Return the array as it lies in the file."""
        out = np.empty(self.shape, self.dtype)
        self._stream(np.atleast_1d(out), None)
        return out

    def read_images(self, out: np.ndarray, *, channels_last: bool) -> None:
        """Fill `out` (N, C, *spatial) from an array (N, *spatial), or (N, *spatial, C) with `channels_last`.

        Raises:
            ValueError: the file ends early or is damaged.
        """
        self._stream(out if channels_last else out.reshape(self.shape), -1 if channels_last else None)

    def _stream(self, out: np.ndarray, channel_axis: int | None) -> None:
        rows = max(1, min(1 << 22, max(1 << 16, self.nbytes // 64)) // max(1, self.nbytes // max(1, len(out))))
        with open_npz(self.path) as archive, _whole(self.path, self.key), archive.open(f"{self.key}.npy") as file:
            _read_header(file)
            for start in range(0, len(out), rows):
                target = out[start : start + rows]
                if channel_axis is None:
                    data = file.read(target.nbytes)
                    target[...] = np.frombuffer(data, self.dtype).reshape(target.shape)
                else:
                    shape = (len(target), *self.shape[1:])
                    data = file.read(math.prod(shape) * self.dtype.itemsize)
                    target[...] = np.moveaxis(np.frombuffer(data, self.dtype).reshape(shape), channel_axis, 1)
            if file.read(1):  # also reaches the end of the member, where zipfile compares its CRC
                raise ValueError("more bytes than its shape says")


@contextmanager
def open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an npz file as the zip archive it is.

    Raises:
        ValueError: the file is not a complete zip archive.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path.name} ({path.stat().st_size} bytes) is not a complete npz file ({error}); "
                         "delete it and get it again.") from error
    with archive:
        yield archive


def npz_keys(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in an npz file."""
    with open_npz(path) as archive:
        return tuple(name[:-4] for name in archive.namelist() if name.endswith(".npy"))


def npz_array(path: Path, key: str, *, text: bool = False) -> NpzArray:
    """Look at an array of an npz file without reading it.

    Args:
        path: the npz file.
        key: name of the array.
        text: whether the array has to hold str instead of numbers.

    Raises:
        ValueError: no such key, an object array, a dtype or order that is not allowed, or a damaged header.
    """
    with open_npz(path) as archive, _whole(path, key):
        if f"{key}.npy" not in archive.namelist():
            keys = ", ".join(n[:-4] for n in archive.namelist() if n.endswith(".npy")) or "none"
            raise ValueError(f"the key is missing; keys found: {keys}")
        with archive.open(f"{key}.npy") as file:
            shape, fortran_order, dtype = _read_header(file)
    if dtype.hasobject:
        raise ValueError(f"{path.name}: {key} is an object array (pickled), which is never loaded; save it as numbers.")
    if dtype.kind not in ("U" if text else _ITEM_KINDS):
        raise ValueError(f"{path.name}: {key} has dtype {dtype}; {'str' if text else 'a numeric dtype'} is needed.")
    if fortran_order and len(shape) > 1:
        raise ValueError(f"{path.name}: {key} is stored in Fortran order; save np.ascontiguousarray of it.")
    return NpzArray(path, key, tuple(int(n) for n in shape), dtype)


def expanded(array: NpzArray, *, channels_last: bool, identity: dict[str, str | int]) -> np.memmap:
    """Return images (N, C, *spatial) as a read-only memmap, written beside the npz file the first time.

    The array goes through a temporary file that is renamed when it is complete; a note (`.json`) beside it names the
    npz file it came from by `identity`. Where the folder cannot be written, the user's cache folder is taken.

    Args:
        array: the images in the npz file.
        channels_last: whether they are (N, *spatial, C) instead of (N, *spatial).
        identity: what tells this npz file from another one: its "md5" ("" if unknown), size and time.

    Raises:
        OSError: neither folder can be written, or the disk is full.
    """
    path = _expanded_path(array.path, array.key)
    note = path.with_suffix(".json")
    known = expansion_note(array.path, array.key)
    same_content = known is not None and bool(known.get("md5")) and known.get("md5") == identity["md5"]
    if known != identity and not same_content:
        path.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        with replacing(path, overwrite=True) as temporary:
            spatial = array.shape[1:-1] if channels_last else array.shape[1:]
            shape = (array.shape[0], array.shape[-1] if channels_last else 1, *spatial)
            out = np.lib.format.open_memmap(temporary, mode="w+", dtype=array.dtype, shape=shape)
            array.read_images(out, channels_last=channels_last)
            out.flush()
            del out
    if known != identity:
        with replacing(note, overwrite=True) as temporary:
            temporary.write_text(json.dumps(identity), encoding="utf-8")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def expansion_note(npz_path: Path, key: str) -> dict[str, str | int] | None:
    """Return the identity that the expanded copy of an array was made from; None where there is no such copy."""
    path = _expanded_path(npz_path, key)
    return _read_note(path.with_suffix(".json")) if path.is_file() else None


def _expanded_path(npz_path: Path, key: str) -> Path:
    folder = npz_path.parent
    if not os.access(folder, os.W_OK):
        import pooch

        folder = Path(pooch.os_cache("medmonai"))
    return folder / f"{npz_path.stem}.{key}.npy"


def _read_note(note: Path) -> dict[str, str | int] | None:
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)


@contextmanager
def _whole(path: Path, key: str) -> Iterator[None]:
    """Turn whatever a damaged member raises into one line that names the file and the key.

    NotImplementedError is what zipfile raises for a compression that it does not know.
    """
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise ValueError(f"{path.name}: {key} cannot be read: {error}.") from error
