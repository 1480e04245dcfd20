"""Reading arrays from npz files: streamed into place, checked before memory is allocated."""

from __future__ import annotations

import errno
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

_ITEM_KINDS = "buif"
_MOST_DEFLATE = 1040  # bytes that one compressed byte can expand to; deflate's limit is 1032


@dataclass(frozen=True)
class NpzArray:
    """One array of an npz file: its header, and how to read it without holding it in memory twice.

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
        """Size of the array in memory, in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> np.ndarray:
        """Return the array as stored in the file."""
        out = np.empty(self.shape, self.dtype)
        self._stream(np.atleast_1d(out), None)
        return out

    def read_images(self, out: np.ndarray, *, channels_last: bool) -> None:
        """Fill `out` (N, C, *spatial) from an array (N, *spatial), or (N, *spatial, C) with
        `channels_last`.

        Raises:
            ValueError: the file ends early or is damaged.
        """
        self._stream(
            out if channels_last else out.reshape(self.shape), -1 if channels_last else None
        )

    def _stream(self, out: np.ndarray, channel_axis: int | None) -> None:
        rows = max(
            1,
            min(1 << 22, max(1 << 16, self.nbytes // 64))
            // max(1, self.nbytes // max(1, len(out))),
        )
        with (
            open_npz(self.path) as archive,
            _whole(self.path, self.key),
            archive.open(f"{self.key}.npy") as file,
        ):
            _read_header(file)
            for start in range(0, len(out), rows):
                target = out[start : start + rows]
                if channel_axis is None:
                    data = file.read(target.nbytes)
                    target[...] = np.frombuffer(data, self.dtype).reshape(target.shape)
                else:
                    shape = (len(target), *self.shape[1:])
                    data = file.read(math.prod(shape) * self.dtype.itemsize)
                    target[...] = np.moveaxis(
                        np.frombuffer(data, self.dtype).reshape(shape), channel_axis, 1
                    )
            if file.read(1):  # also reaches the end of the member, where zipfile checks its CRC
                raise ValueError("more bytes than its shape says")


@contextmanager
def open_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an npz file as the zip archive it is.

    Raises:
        ValueError: the file is not a complete zip archive.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory raises half a dozen types
        # EINVAL: an offset before the start of the file
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise ValueError(
            f"{path.name} ({path.stat().st_size} bytes) is not a complete npz file ({error}); "
            "delete it and get it again."
        ) from error
    with archive:
        yield archive


def npz_keys(path: Path) -> tuple[str, ...]:
    """Return the names of the arrays in an npz file."""
    with open_npz(path) as archive:
        return tuple(name[:-4] for name in archive.namelist() if name.endswith(".npy"))


def npz_array(path: Path, key: str, *, text: bool = False) -> NpzArray:
    """Inspect an array of an npz file without reading it.

    Args:
        path: the npz file.
        key: name of the array.
        text: whether the array must contain str instead of numbers.

    Raises:
        ValueError: no such key, an object array, a dtype or order that is not allowed, or a damaged
            header.
    """
    with open_npz(path) as archive, _whole(path, key):
        if f"{key}.npy" not in archive.namelist():
            keys = ", ".join(n[:-4] for n in archive.namelist() if n.endswith(".npy")) or "none"
            raise ValueError(f"the key is missing; keys found: {keys}")
        with archive.open(f"{key}.npy") as file:
            shape, fortran_order, dtype = _read_header(file)
            start = file.tell()
        member = archive.getinfo(f"{key}.npy")
    if dtype.hasobject:
        raise ValueError(
            f"{path.name}: {key} is an object array (pickled), which is never loaded; save it as "
            "numbers."
        )
    if dtype.kind not in ("U" if text else _ITEM_KINDS):
        raise ValueError(
            f"{path.name}: {key} has dtype {dtype}; {'str' if text else 'a numeric dtype'} is "
            "needed."
        )
    if fortran_order and len(shape) > 1:
        raise ValueError(
            f"{path.name}: {key} is stored in Fortran order; save np.ascontiguousarray of it."
        )
    array = NpzArray(path, key, tuple(int(n) for n in shape), dtype)
    _check_claim(array, member, start)
    return array


def _check_claim(array: NpzArray, member: zipfile.ZipInfo, start: int) -> None:
    """Compare the size that an array claims with what the file can hold, before allocating
    memory.
    """
    held = member.file_size - start
    most = array.path.stat().st_size * (
        1 if member.compress_type == zipfile.ZIP_STORED else _MOST_DEFLATE
    )
    if array.nbytes != held or min(array.shape, default=0) < 0 or held > most:
        raise ValueError(
            f"{array.path.name}: {array.key} cannot be read: its shape {array.shape} and dtype "
            f"{array.dtype} are {array.nbytes} bytes, and the file holds {min(held, most)}; get it "
            "again."
        )


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(file)
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    return read(file)


@contextmanager
def _whole(path: Path, key: str) -> Iterator[None]:
    """Turn any error from a damaged member into one line that names the file and the key.

    Between them, zipfile, zlib and NumPy's header parser raise a dozen types (tokenize.TokenError,
    NotImplementedError for an unknown compression, RuntimeError for a password).
    """
    try:
        yield
    except MemoryError as error:
        raise ValueError(
            f"{path.name}: {key} does not fit into memory; use a machine with more, or split the "
            "file."
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        text = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
        reason = text.rstrip(".") or type(error).__name__
        if isinstance(error, OSError):
            reason = "its directory points outside the file"
        raise ValueError(f"{path.name}: {key} cannot be read: {reason}.") from error
