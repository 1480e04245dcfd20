"""A NIfTI file checked from first byte to last: a plausible header, and a stream that ends where
the header says.
"""

from __future__ import annotations

import gzip
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .faults import UnreadableImageError, of_the_disk, unreadable
from .image_limit import MOST_INFLATED, check_limit

if TYPE_CHECKING:
    from nibabel import Nifti1Image

_GZIP = b"\x1f\x8b"
_HEADER_BYTES = 540  # of NIfTI-2; NIfTI-1 has 348
_PIECE = 1 << 20
# Bytes of zeros that may follow the voxels, because some writers pad to whole blocks.
_PADDING = 1 << 16
_UNITS_OF_SPACE = range(4)  # unknown, meter, millimeter, micrometer
# nibabel reports each repair of a header on stderr; what matters is among the volume's remarks.
_SILENT = logging.Logger("medmonai.nifti", logging.CRITICAL + 1)


@contextmanager
def opened_nifti(path: Path) -> Iterator[tuple[Nifti1Image, io.BufferedIOBase]]:
    """Open a NIfTI file without reading its voxels; yield the image and the stream to read them
    from.

    The header is checked for consistency and against the length of the file, so that no memory is
    allocated for voxels that the file cannot hold. Deflate packs at most 1032 bytes into one.

    Raises:
        OSError: the disk or the permissions, not the file's content.
        UnreadableImageError: a damaged file, or one whose header contradicts itself or the length
            of the file.
    """
    with _readable(path), path.open("rb") as file:
        packed = file.read(2) == _GZIP
        file.seek(0)
        stream = gzip.GzipFile(fileobj=file, mode="rb") if packed else file
        raw = stream.read(_HEADER_BYTES)
        kind = _kind(path, raw)
        _check_header(path, kind.header_class(raw[: kind.header_class.sizeof_hdr], check=False))
        stream.seek(0)
        header = kind.header_class.from_fileobj(stream, check=False)
        header.check_fix(logger=_SILENT)
        voxels = kind.ImageArrayProxy(stream, header.copy(), mmap=False)
        with np.errstate(invalid="ignore"):  # numbers that `read_nifti` refuses
            affine = np.asarray(header.get_best_affine(), float)
            if not np.isfinite(affine).all():
                raise unreadable(
                    path,
                    "its header gives the voxels no size or direction in space: the affine holds "
                    "values that are not finite",
                )
            image = kind(voxels, affine, header)
        end = voxels_end(path, image)
        holds, size = (
            ("could hold at most", path.stat().st_size * MOST_INFLATED)
            if packed
            else ("is", path.stat().st_size)
        )
        if end > size:
            raise unreadable(
                path,
                f"its header asks for {end} bytes and the file {holds} {size}: it is cut short, or "
                "its header is damaged",
            )
        yield image, stream


def voxels_end(path: Path, image: Nifti1Image) -> int:
    """Return the number of bytes from the start of the (decompressed) file to the end of its
    voxels, after a check against the limit.
    """
    from nibabel.arrayproxy import ArrayProxy

    assert isinstance(image.dataobj, ArrayProxy)  # its voxels are on the disk
    nbytes = check_limit(path, image.shape, np.dtype(image.get_data_dtype()).itemsize)
    return int(image.dataobj.offset) + nbytes


def check_end(path: Path, stream: io.BufferedIOBase, end: int) -> None:
    """Read a stream from the end of the voxels to its own end, so that gzip verifies checksum and
    length.

    nibabel reads only as many bytes as the header states, so it never reaches the checksum at the
    end of a .nii.gz.

    Raises:
        UnreadableImageError: data after the voxels.
        EOFError, gzip.BadGzipFile: a truncated stream, or one with the wrong checksum or length.
    """
    stream.seek(end)
    behind = 0
    while piece := stream.read(_PIECE):
        behind += len(piece)
        if behind > _PADDING or piece.strip(b"\0"):
            raise unreadable(
                path,
                f"it holds more than the {end} bytes that its header asks for: the header is "
                "damaged, or something was added",
            )


def _kind(path: Path, raw: bytes) -> type[Nifti1Image]:
    import nibabel  # slow to import, and only volumes need it

    for kind in (nibabel.Nifti1Image, nibabel.Nifti2Image):
        if kind.header_class.may_contain_header(raw):
            magic = kind.header_class(raw[: kind.header_class.sizeof_hdr], check=False)[
                "magic"
            ].item()
            if magic[:3] not in (b"n+1", b"n+2"):
                raise unreadable(
                    path,
                    "its header says that the voxels lie in a second file (.img); give one .nii "
                    "file",
                )
            return kind
    if len(raw) >= 348 and 348 in (int.from_bytes(raw[:4], order) for order in ("little", "big")):
        raise unreadable(
            path,
            "it is an Analyze file and no NIfTI: it states no orientation; convert it to NIfTI",
        )
    said = "it is no NIfTI file, whatever its name says, or its start is damaged"
    raise unreadable(path, said if raw else "the file is empty")


def _check_header(path: Path, header: Any) -> None:
    """Refuse a header whose fields contradict each other; nibabel repairs or ignores them.

    `header` is a Nifti1Header, whose type annotations claim that every field is a structured array.
    """
    axes = int(header["dim"][0])
    sizes = [int(n) for n in header["dim"][1 : max(axes, 0) + 1]]
    offset = float(header["vox_offset"])
    code = header["datatype"].item()
    units = int(header["xyzt_units"]) & 7
    faults = {
        f"dim is {[axes, *sizes]}; one to seven axes with one voxel or more are needed": not 1
        <= axes
        <= 7
        or min(sizes, default=0) < 1,
        (
            f"vox_offset is {offset:g}, and the voxels start behind the header at a whole number "
            "of bytes"
        ): not (offset == 0 or (offset >= header.sizeof_hdr and offset.is_integer())),
        f"scl_slope is {float(header['scl_slope']):g}": bool(np.isinf(header["scl_slope"])),
        (
            f"xyzt_units holds the unit of space {units}; metres, millimetres, micrometres and 0 "
            "are known"
        ): units not in _UNITS_OF_SPACE,
    }
    bits = header["bitpix"].item()
    widths = header._data_type_codes.dtype
    if code > 1 and code in widths and bits not in (0, 8 * widths[code].itemsize):
        faults[f"datatype is {code} and bitpix {bits}, which is another width"] = True
    for said, holds in faults.items():
        if holds:
            raise unreadable(path, f"its header contradicts itself: {said}")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn any error that nibabel, gzip and zlib raise for a damaged file into one line that names
    it.
    """
    try:
        yield
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:
        # a dozen types; an OSError with an errno comes from the disk or the permissions
        if of_the_disk(error):
            raise
        raise unreadable(
            path, "the file is empty" if path.stat().st_size == 0 else error
        ) from error
