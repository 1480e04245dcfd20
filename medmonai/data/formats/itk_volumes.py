"""Volumes that SimpleITK reads, after length and checksum have been verified against the header."""

from __future__ import annotations

import math
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

from medmonai.data.containers import PixelKind, check_limit, of_channels, unreadable
from medmonai.data.image_place import check_affine

from .image_format import ImageFormat
from .volumes import LPS_TO_RAS, NO_SPACING, Volume

# What a header leaves open and ITK fills in; used in `DecodedCase.remarks`.
NO_DIRECTIONS = "state no orientation: ITK's LPS is assumed, so left and right may be exchanged"

_HEADER_BYTES = 1 << 16
_PIECE = 1 << 20

_COLOURS = (3, 4)


@dataclass(frozen=True)
class ItkHeader:
    """The content of the text header before the voxels.

    Args:
        shape: voxels along the file's axes.
        dtype: dtype of a value.
        channels: values per voxel.
        start: bytes before the first voxel.
        packed: compressed size of the voxels (zlib or gzip) in bytes if the header states it, 0 if
            it does not; None for raw voxels.
        oriented: whether the header states the directions of the axes.
        spaced: whether the header states the voxel size.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    channels: int
    start: int
    packed: int | None
    oriented: bool
    spaced: bool

    @property
    def colour(self) -> bool:
        """Whether the values of a voxel are red, green, blue and perhaps alpha."""
        return self.channels in _COLOURS and self.dtype == np.uint8


class ItkFormat(ImageFormat):
    """Volumes that SimpleITK reads.

    ==================================== ===========================================================
    what a file holds                    what becomes of it
    ==================================== ===========================================================
    voxels in a second file              refused
    raw voxels                           read if the number of bytes is exactly the header's
    voxels packed by zlib or gzip        the same, and the checksum is verified: ITK ignores that of
                                         a MetaImage
    ITK returns other voxels             refused: their checksum is compared with that of the bytes
                                         in the file
    values with a slope or an offset     refused: ITK ignores both
    lengths in units other than mm       refused: ITK ignores the unit
    text, bzip2 or other encodings       refused
    3 or 4 values of uint8 in a voxel    colors; the fourth is alpha
    other vectors                        channels, in their order
    several volumes                      refused
    no orientation                       ITK's LPS, NO_DIRECTIONS among the remarks
    no spacing                           1 mm, NO_SPACING among the remarks
    ==================================== ===========================================================
    """

    image_io: ClassVar[str]

    @abstractmethod
    def parse(self, path: Path, raw: bytes) -> ItkHeader:
        """Return the parsed header from the first bytes of a file; raise KeyError or ValueError if
        it is not valid.
        """

    def header(self, path: Path) -> tuple[tuple[int, ...], PixelKind]:
        """Return size and pixel kind, see `ImageFormat.header`."""
        with path.open("rb") as file:
            said = self._said(path, file)
        kind = PixelKind(
            f"{self.name} {said.dtype.name}" + " in color" * said.colour,
            colour=said.colour,
            bits=8 * said.dtype.itemsize,
        )
        return said.shape, kind if said.colour else of_channels(kind, said.channels)

    def volume(self, path: Path) -> Volume:
        """Return the file as a volume, see `ImageFormat.volume`.

        Raises:
            ImportError: SimpleITK is not installed.
        """
        try:
            import SimpleITK
        except ImportError as error:
            raise ImportError(
                f"{path.name} needs SimpleITK; run: pip install 'medmonai[itk]'"
            ) from error
        with path.open("rb") as file:
            said = self._said(path, file)
            checksum = _checksum(path, file, said)
        try:
            image = SimpleITK.ReadImage(str(path), imageIO=self.image_io)
        except RuntimeError as error:
            raise unreadable(path, str(error).strip().splitlines()[-1]) from error
        values = SimpleITK.GetArrayViewFromImage(image)
        wanted = said.shape[::-1] + (said.channels,) * (said.channels > 1)
        if (
            values.shape != wanted
            or zlib.crc32(np.ascontiguousarray(values, said.dtype).data) != checksum
        ):
            raise unreadable(
                path, "SimpleITK reads other voxels than it holds, so its header contradicts itself"
            )
        values = np.moveaxis(values, -1, 0) if said.channels > 1 else values[None]
        kept = values.dtype if values.dtype.name in ("uint8", "int16") else np.float32
        affine = np.eye(4)
        affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        try:
            affine = check_affine(LPS_TO_RAS @ affine)
        except ValueError as error:
            raise unreadable(path, "its directions or spacing give an axis no direction") from error
        return Volume(
            np.ascontiguousarray(values.transpose(0, 3, 2, 1), kept),
            affine=affine,
            remarks=(*[NO_DIRECTIONS] * (not said.oriented), *[NO_SPACING] * (not said.spaced)),
            colour=said.colour,
        )

    def _said(self, path: Path, file: BinaryIO) -> ItkHeader:
        raw = file.read(_HEADER_BYTES)
        if not raw:
            raise unreadable(path, "the file is empty")
        try:
            said = self.parse(path, raw)
        except KeyError as error:
            raise unreadable(path, f"its header does not state {error.args[0]}") from error
        except (ValueError, IndexError) as error:
            raise unreadable(path, f"its header is not valid: {error}") from error
        if len(said.shape) != 3 or min(said.shape) < 1:
            raise unreadable(
                path, f"it has shape {said.shape}; three axes with one voxel or more are read"
            )
        if said.channels < 1:
            raise unreadable(path, f"its voxels hold {said.channels} values; one or more are read")
        check_limit(path, said.shape, said.dtype.itemsize * said.channels)
        return said


def _checksum(path: Path, file: BinaryIO, said: ItkHeader) -> int:
    """Return the CRC-32 of the voxels' bytes; refuse a wrong checksum or a number of bytes other
    than the header's.
    """
    wanted = math.prod(said.shape) * said.channels * said.dtype.itemsize
    stored = path.stat().st_size - said.start
    if said.packed is None and stored != wanted:
        raise unreadable(
            path, f"its header asks for {wanted} bytes of voxels and it holds {stored}"
        )
    if said.packed and said.packed != stored:
        raise unreadable(
            path, f"its header asks for {said.packed} bytes of packed voxels and it holds {stored}"
        )
    file.seek(said.start)
    held = checksum = 0
    try:
        for piece in (
            _unpacked(file, wanted)
            if said.packed is not None
            else iter(lambda: file.read(_PIECE), b"")
        ):
            held = held + len(piece)
            checksum = zlib.crc32(piece, checksum)
    except (zlib.error, EOFError) as error:
        raise unreadable(path, error) from error
    if held != wanted:
        raise unreadable(
            path,
            f"its header asks for {wanted} bytes of voxels and it holds "
            + ("more" if held > wanted else str(held)),
        )
    return checksum


def _unpacked(file: BinaryIO, wanted: int) -> Iterator[bytes]:
    """Yield the content of one zlib or gzip stream, at most one piece more than requested."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
    held = 0
    while (
        not stream.eof
        and held <= wanted
        and (packed := stream.unconsumed_tail or file.read(_PIECE))
    ):
        piece = stream.decompress(packed, _PIECE)
        held += len(piece)
        yield piece
    if held <= wanted and not stream.eof:
        raise EOFError("its packed voxels end too early")
    if stream.eof and (stream.unused_data or file.read(1)):
        raise EOFError("other data follows its packed voxels")


def check_unit(path: Path, unit: str) -> None:
    """Refuse lengths in units other than millimeters, which ITK does not convert."""
    if unit.strip().lower() not in (
        "",
        "?",
        "mm",
        "millimeter",
        "millimeters",
        "millimetre",
        "millimetres",
    ):
        raise unreadable(path, f"its lengths are in {unit}, which ITK passes over; save it in mm")


def header_fields(text: bytes, between: str) -> Mapping[str, str]:
    """Return name -> value for the lines of a header; `between` separates the two."""
    rows = (
        line.partition(between)
        for line in text.decode("latin-1").splitlines()
        if not line.startswith("#")
    )
    return {name.strip(): value.strip() for name, mark, value in rows if mark}


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return the integers of a field."""
    return tuple(int(word) for word in text.split())
