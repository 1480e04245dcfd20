"""DICOM files as stored on disk: with and without preamble, deflated, and never larger than their
header says.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from .faults import UnreadableImageError, of_the_disk, unreadable
from .image_limit import check_limit

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.tag import BaseTag

# The only tags that are ever read. They include no name, date, place or number of a patient or
# study. The series' UID is compared and then discarded.
_TAGS = [
    "SOPClassUID",
    "ImageType",
    "Modality",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "FloatPixelPaddingValue",
    "FloatPixelPaddingRangeLimit",
    "DoubleFloatPixelPaddingValue",
    "DoubleFloatPixelPaddingRangeLimit",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "ModalityLUTSequence",
    "PixelSpacing",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "SeriesInstanceUID",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "BurnedInAnnotation",
    "RedPaletteColorLookupTableDescriptor",
    "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor",
    "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData",
    "SegmentedRedPaletteColorLookupTableData",
    "SegmentedGreenPaletteColorLookupTableData",
    "SegmentedBluePaletteColorLookupTableData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
    "FloatPixelData",
    "DoubleFloatPixelData",
]
_PIXELS = _TAGS[-3:]
_PREFIX_AT = 128
_PREFIX = b"DICM"
_LITTLE = "little"
_BIG = "big"
# Value representations that a file without preamble may start with (PS3.5, 6.2).
_VRS = {b"UI", b"UL", b"CS", b"DA", b"SH", b"LO", b"OB", b"TM", b"UN", b"US"}
_DEFLATED = "1.2.840.10008.1.2.1.99"
# Bytes that the tags before the pixels of a deflated file may take.
_HEADER_ALLOWANCE = 1 << 24
_PIXEL_GROUP = 0x7FE0
# minimum bytes per frame of compressed pixels: tag and length of its item
_FRAGMENT = 8


def is_dicom(path: Path) -> bool:
    """Return whether a file is named .dcm or contains DICOM's magic bytes or first tags; a DICOMDIR
    is an index and does not count.

    Scanners and archives choose file names freely, often a number without a suffix.
    """
    if path.name.upper() == "DICOMDIR" or path.name.startswith("."):
        return False
    if path.name.lower().endswith(".dcm"):
        return True
    try:
        with path.open("rb") as file:
            start = file.read(_PREFIX_AT + len(_PREFIX))
    except OSError:
        return False
    return start[_PREFIX_AT:] == _PREFIX or _starts_as_dataset(start)


def _starts_as_dataset(start: bytes) -> bool:
    """Return whether bytes start with a tag of group 2 or 8, like DICOM without its preamble."""
    if len(start) < _PREFIX_AT:
        return False
    for order in (_LITTLE, _BIG):
        group, element = (int.from_bytes(start[at : at + 2], order) for at in (0, 2))
        length = int.from_bytes(start[4:8], order)
        if (
            group in (2, 8)
            and element < 0x0100
            and (start[4:6] in _VRS or (length % 2 == 0 and length <= 64))
        ):
            return True
    return False


def open_dicom(path: Path, *, pixels: bool = True) -> Dataset:
    """Return the tags of a DICOM file that are needed to make an image from it.

    A file without the preamble is read if its tags parse and describe an image. A deflated file is
    inflated only as far as its Rows, Columns and frames require.

    Args:
        path: the file.
        pixels: whether to read the pixels too.

    Raises:
        ImportError: pydicom is not installed.
        UnreadableImageError: not a DICOM file, one without an image, or one that claims more memory
            than it can hold or than `medmonai.data.containers.image_limit` allows.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{path.name} is a DICOM file and needs pydicom: pip install 'medmonai[dicom]'."
        ) from error
    with readable(path):
        dataset, held = _parsed(path, pixels=pixels)
        missing = [tag for tag in ("Rows", "Columns") if not dataset.get(tag)]
        if missing or (pixels and not any(tag in dataset for tag in _PIXELS)):
            raise unreadable(path, "it holds no image")
        _check_room(path, dataset, held)
    return dataset


def is_beside(path: Path) -> bool:
    """Return whether a DICOM file says that it is not a slice of a volume: a report, a PDF, a
    presentation state, a segmentation, a localizer, or a secondary capture without a position.

    A file that says it is an image and holds none is damaged, and not such an object.
    """
    try:
        with readable(path):
            dataset, _ = _parsed(path, pixels=False)
    except UnreadableImageError:
        return False
    return says_beside(dataset)


def says_beside(dataset: Dataset) -> bool:
    """Return the same of a header with SOPClassUID, ImageType and ImagePositionPatient, as far as
    the file states them.
    """
    kind = str(getattr(dataset.get("SOPClassUID"), "name", ""))
    if kind.endswith("Storage") and not re.search("Image|Volume", kind):
        return True
    if "LOCALIZER" in (dataset.get("ImageType") or ()):
        return True
    return "Secondary Capture" in kind and not dataset.get("ImagePositionPatient")


def frames(dataset: Dataset) -> int:
    """Return the number of pictures in a file."""
    return int(dataset.get("NumberOfFrames") or 1)


def frame_bytes(dataset: Dataset) -> float:
    """Return the bytes that one decompressed picture takes."""
    bits = int(dataset.get("BitsAllocated") or 16) * int(dataset.get("SamplesPerPixel") or 1)
    return dataset.Rows * dataset.Columns * bits / 8


def _parsed(path: Path, *, pixels: bool) -> tuple[Dataset, int]:
    """Return the tags of a file and its size in bytes after inflation."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_file_meta_info

    with path.open("rb") as file:
        start = file.read(_PREFIX_AT + len(_PREFIX))
    marked = start[_PREFIX_AT:] == _PREFIX
    if not marked and not _starts_as_dataset(start):
        said = "it is no DICOM file: neither its mark nor a first tag is there"
        raise unreadable(path, said if start else "the file is empty")
    meta = read_file_meta_info(path) if marked else FileMetaDataset()
    if meta.get("TransferSyntaxUID") == _DEFLATED:
        return _inflated(path, meta, pixels=pixels)
    dataset = pydicom.dcmread(
        path, stop_before_pixels=not pixels, specific_tags=_TAGS, force=not marked
    )
    if not dataset.file_meta.get("TransferSyntaxUID"):
        _state_syntax(path, dataset)
    return dataset, path.stat().st_size


def _state_syntax(path: Path, dataset: Dataset) -> None:
    """Set the transfer syntax with which the tags were parsed, if the file does not state one."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = dataset.original_encoding
    if "PixelData" in dataset and dataset["PixelData"].is_undefined_length:
        raise unreadable(
            path, "its pixels are compressed, and it states no transfer syntax that says how"
        )
    plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = plain if little else ExplicitVRBigEndian


def _inflated(path: Path, meta: FileMetaDataset, *, pixels: bool) -> tuple[Dataset, int]:
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag
    from pydicom.uid import ExplicitVRLittleEndian

    length = meta.get("FileMetaInformationGroupLength")
    if length is None:
        raise unreadable(path, "it is deflated and does not say where its deflated part starts")
    packed = path.read_bytes()[_PREFIX_AT + len(_PREFIX) + 12 + int(length) :]
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    content = unpacker.decompress(packed, _HEADER_ALLOWANCE)
    tags: list[BaseTag | int] = [Tag(name) for name in _TAGS]
    head = read_dataset(
        BytesIO(content),
        is_implicit_VR=False,
        is_little_endian=True,
        specific_tags=tags,
        stop_when=lambda tag, *_: tag.group >= _PIXEL_GROUP,
    )
    if head.get("Rows") and head.get("Columns"):
        needed = check_limit(path, (frames(head),), frame_bytes(head), what="frames")
        content += (
            unpacker.decompress(unpacker.unconsumed_tail, needed)
            if unpacker.unconsumed_tail
            else b""
        )
    if not unpacker.eof:
        said = (
            "is cut short"
            if not unpacker.unconsumed_tail
            else "holds more than its Rows, Columns and frames ask for"
        )
        raise unreadable(path, f"its deflated part {said}")
    if pixels:
        head = read_dataset(
            BytesIO(content), is_implicit_VR=False, is_little_endian=True, specific_tags=tags
        )
    head.file_meta = meta
    head.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    head.set_original_encoding(False, True)
    return head, len(content)


def _check_room(path: Path, dataset: Dataset, held: int) -> None:
    """Raise if a header claims more than the limit, or more than a file of that length can hold."""
    shape = frames(dataset), dataset.Rows, dataset.Columns
    check_limit(path, shape, frame_bytes(dataset) / (dataset.Rows * dataset.Columns), what="pixels")
    each = (
        _FRAGMENT if dataset.file_meta.TransferSyntaxUID.is_encapsulated else frame_bytes(dataset)
    )
    if dataset.get("PhotometricInterpretation") == "YBR_FULL_422" and each != _FRAGMENT:
        each = each * 2 / 3  # two pixels share their color
    if frames(dataset) * each > held:
        raise unreadable(
            path,
            f"it says that it has {' x '.join(map(str, shape))} pixels, and {held} bytes cannot "
            "hold them: it is cut short, or its header is damaged",
        )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn any error that pydicom and its decoders raise for a damaged file into one line that
    names the file.
    """
    try:
        yield
    except (UnreadableImageError, MemoryError, ImportError):
        raise
    except Exception as error:
        # a dozen types; an OSError with an errno comes from the disk or the permissions
        if of_the_disk(error):
            raise
        raise unreadable(
            path, "the file is empty" if path.stat().st_size == 0 else error
        ) from error
