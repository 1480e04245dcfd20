"""The decode cache: all images of a listing in one .npy file, named by a hash of its inputs, with a
note beside it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import replacing
from medmonai.data.cache import (
    cache_folder,
    file_claim,
    intact,
    read_note,
    room_for,
    size_text,
    writable_cache,
    write_note,
)
from medmonai.data.case_files import CaseFiles, case_name, channel_files, files_of, stored_in
from medmonai.data.image_form import ImageForm

from .decode_pool import DecodeRecord, decode_files

logger = logging.getLogger("medmonai.data")

# Increase it when the same file and form give different pixels, or a different reason for having
# none.
DECODER_VERSION = 5

_PROBED, _PROBE_BYTES = 16, 1 << 14  # number of files of which some bytes are compared too
_TRIED_AGAIN = 4  # number of unreadable files that are tried again at each start


@dataclass(frozen=True)
class DecodedImages:
    """The images of a set of files, as stored in the cache.

    Args:
        path: the .npy file.
        rows: (N,) row of each file in it; -1 if the file cannot be read.
        unreadable: index of a file -> why it cannot be read.
        record: what was observed during decoding.
        new: whether the images have just been decoded.
    """

    path: Path
    rows: np.ndarray
    unreadable: dict[int, str]
    record: DecodeRecord
    new: bool

    def images(self, *, on_disk: bool) -> np.ndarray:
        """Return all rows (n, in_channels, *spatial_size) uint8, as a read-only memmap or in
        memory.
        """
        return np.load(self.path, mmap_mode="r" if on_disk else None, allow_pickle=False)


def decoded_images(
    files: Sequence[CaseFiles],
    form: ImageForm,
    *,
    name: str,
    cache_dir: str | Path | None = None,
    jobs: int | None = None,
) -> DecodedImages:
    """Return the decoded images of some files in the given order: from the cache, or newly decoded
    into it.

    The name of the cache file is a hash. It covers each file's path below their common folder, size
    and time, some bytes of a few files, the form, and the decoder's version. Any change leads to a
    different file; the order of the files does not matter. The file is written under a temporary
    name and renamed when complete. The note records its size, time and SHA-256; if the file has
    changed since, it is decoded again. Processes that need the same file wait for the first one. If
    that one seems dead (a lease of 30 s), its output is removed and the next process decodes. If it
    is alive after all, it uses what it finds.

    Args:
        files: one per case: an image file, the folder of a DICOM series, or a tuple of them.
        form: what each image becomes.
        name: name of the set; part of the file's name.
        cache_dir: folder of the cache; see `cache_folder`.
        jobs: number of threads.

    Raises:
        OSError: a file does not exist, no cache folder is writable, or the disk is full.
        ValueError: see `decode_files`.
    """
    inside = relative_paths(files)
    key = _key(files, inside, form)
    stem = f"{re.sub(r'[^A-Za-z0-9_-]+', '_', name)[:40]}-{key[:20]}"
    path = cache_folder(cache_dir) / f"{stem}.npy"
    kept = _from_cache(path, inside, key, files, form)
    if kept is not None:
        return kept
    writable_cache(cache_dir)
    with file_claim(path):
        kept = _from_cache(path, inside, key, files, form)
        if kept is not None:
            return kept
        try:
            return _decode_into(path, files, inside, form, name=name, key=key, jobs=jobs)
        except FileNotFoundError as error:  # another process took this one for dead
            kept = _from_cache(path, inside, key, files, form)
            if kept is None and not path.parent.is_dir():
                raise FileNotFoundError(
                    f"{path.parent} was removed while images were decoded into it; run the same "
                    "command again."
                ) from error
            if kept is None:
                raise
            return kept


def relative_paths(cases: Sequence[CaseFiles]) -> list[str]:
    """Return the paths of each case inside the common folder of all files; those of a case of
    several files joined by " + ", "-" for one that is missing.
    """
    names = [
        [None if file is None else os.path.abspath(file) for file in channel_files(case)]
        for case in cases
    ]
    given = [name for case in names for name in case if name is not None]
    root = os.path.commonpath([os.path.dirname(name) for name in (min(given), max(given))])
    return [
        " + ".join("-" if name is None else name[len(root) :].lstrip(os.sep) for name in case)
        for case in names
    ]


def _key(cases: Sequence[CaseFiles], inside: Sequence[str], form: ImageForm) -> str:
    digest = hashlib.sha256(json.dumps([DECODER_VERSION, form.as_dict()], sort_keys=True).encode())
    ordered = sorted(range(len(inside)), key=inside.__getitem__)
    for row in ordered:
        stamps = "\0".join(_stamp(stored_in(file)) for file in files_of(cases[row]))
        digest.update(f"\n{inside[row]}\0{stamps}".encode("utf-8", "surrogateescape"))
    for i in sorted({round(part * (len(inside) - 1) / (_PROBED - 1)) for part in range(_PROBED)}):
        for file in files_of(cases[ordered[i]]):
            digest.update(_ends(stored_in(file)))
    return digest.hexdigest()


def _ends(path: Path) -> bytes:
    """Return the first and the last bytes of a file, or of the first file of a folder.

    All sets share one cache, and different archives may unpack to files with the same names, sizes
    and times.
    """
    if path.is_dir():
        path = min((entry for entry in path.iterdir() if entry.is_file()), default=path)
    if not path.is_file():
        return b""
    with open(path, "rb") as file:
        first = file.read(_PROBE_BYTES)
        file.seek(max(0, path.stat().st_size - _PROBE_BYTES))
        return first + file.read(_PROBE_BYTES)


def _stamp(path: Path) -> str:
    """Return size and time of a file, or of the files in a folder; different content gets a
    different stamp.
    """
    status = os.stat(path)
    if not stat.S_ISDIR(status.st_mode):
        return f"{status.st_size}:{status.st_mtime_ns}"
    with os.scandir(path) as entries:
        return "|".join(
            sorted(
                f"{e.name}:{e.stat().st_size}:{e.stat().st_mtime_ns}"
                for e in entries
                if e.is_file()
            )
        )


def _from_cache(
    path: Path, inside: Sequence[str], key: str, files: Sequence[CaseFiles], form: ImageForm
) -> DecodedImages | None:
    note = read_note(path)
    if note is None or note.get("key") != key or not intact(path, note):
        return None
    try:
        record = DecodeRecord.from_dict(note["record"])
        ordered = sorted(inside)
        kept = _as_found(path, inside, [ordered[rank] for rank in note["order"]], record, new=False)
        header = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError, IndexError):  # damaged: decoded again
        return None
    if (
        header.shape != (len(note["order"]), form.in_channels, *form.spatial_size)
        or header.dtype != np.uint8
    ):
        return None
    again = [files[number] for number in list(kept.unreadable)[:_TRIED_AGAIN]]
    return None if _any_readable(again, form) else kept


def _as_found(
    path: Path, inside: Sequence[str], kept: Sequence[str], record: DecodeRecord, *, new: bool
) -> DecodedImages:
    row_of = {name: row for row, name in enumerate(kept)}
    rows = np.array([row_of.get(name, -1) for name in inside])
    unreadable = {i: record.unreadable[inside[i]] for i in map(int, np.flatnonzero(rows < 0))}
    return DecodedImages(path, rows, unreadable, record, new)


def _any_readable(files: Sequence[CaseFiles], form: ImageForm) -> bool:
    """Return whether a previously unreadable file can be read now. Its time and size are unchanged,
    but the decoders may differ.
    """
    trial = DecodeRecord()
    return any(
        len(block)
        for block in decode_files(
            files, [case_name(case) for case in files], form, record=trial, jobs=1
        )
    )


def _decode_into(
    path: Path,
    files: Sequence[CaseFiles],
    inside: Sequence[str],
    form: ImageForm,
    *,
    name: str,
    key: str,
    jobs: int | None,
) -> DecodedImages:
    nbytes = len(files) * form.in_channels * int(np.prod(form.spatial_size))
    logger.info("decoding %d images once into %s (%s)", len(files), path.name, size_text(nbytes))
    record = DecodeRecord()
    path.with_suffix(".json").unlink(missing_ok=True)
    with (
        room_for(nbytes, path.parent, what=f"{len(files)} decoded images"),
        replacing(path, overwrite=True) as temporary,
    ):
        _write_array(
            temporary, decode_files(files, inside, form, record=record, jobs=jobs), len(files), form
        )
    kept = [name for name in inside if name not in record.unreadable]
    rank = {name: i for i, name in enumerate(sorted(inside))}
    write_note(
        path,
        {
            "kind": "decoded images",
            "of": name,
            "cases": len(kept),
            "key": key,
            "order": [rank[name] for name in kept],
            "form": form.as_dict(),
            "decoder": DECODER_VERSION,
            "record": record.as_dict(),
        },
    )
    return _as_found(path, inside, kept, record, new=True)


def _write_array(path: Path, blocks: Iterator[np.ndarray], most: int, form: ImageForm) -> None:
    """Write blocks of images to an .npy file whose length is known only at the end. Writing instead
    of memory-mapping keeps memory use constant.
    """

    def header(n: int) -> dict[str, Any]:
        return {
            "descr": "|u1",
            "fortran_order": False,
            "shape": (n, form.in_channels, *form.spatial_size),
        }

    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header(most))
        start = file.tell()
        n = 0
        for block in blocks:
            file.write(np.ascontiguousarray(block).data)
            n += len(block)
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, header(n))
        if file.tell() != start:
            raise RuntimeError(f"the header of {path.name} changed its length; please report this.")
