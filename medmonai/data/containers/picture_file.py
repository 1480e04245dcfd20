"""Opening a picture: within the memory limit, with verified checksums, and with a clear error if
the file cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The formats are imported by name. Pillow would otherwise load them with the first file, and other
# threads would find them half loaded.
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from .codestreams import codestream_header
from .faults import UnreadableImageError, of_the_disk, unreadable
from .image_limit import IMAGE_LIMIT, check_limit, image_limit
from .png_checksums import check_png
from .tiff import check_deflated, tiff_fault, tiff_refusal

_FORMATS = tuple(
    str(plugin.format)
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        TiffImagePlugin.TiffImageFile,
    )
)
_JPEG_START = b"\xff\xd8\xff"
_JPEG_HEADER = 1 << 20
# Pixels that a byte can hold: 1032 bytes of 1 bit (deflate), about 1400 (LZW), 8 blocks of 64
# (JPEG).
_MOST_PIXELS = 1 << 14
_FAX = ("tiff_ccitt", "group3", "group4")  # a blank row takes a bit
# Bit depths that JPEG allows in processes that Pillow does not decode: extended and progressive
# with 12 bits, lossless, JPEG-LS.
_OTHER_JPEGS = {
    1: (12,),
    2: (12,),
    3: range(2, 17),
    9: (12,),
    10: (12,),
    11: range(2, 17),
    55: range(2, 17),
}


@contextmanager
def opened_picture(path: Path, *, verify: bool) -> Iterator[ImageFile.ImageFile]:
    """Open a PNG, JPEG or TIFF file without decoding its pixels.

    Args:
        path: path of the file.
        verify: whether to verify the checksums of a PNG or a deflated TIFF, which reads the file
            once.

    Raises:
        ImportError: an intact file that this Pillow cannot decode.
        OSError: the disk or the permissions, not the file's content.
        RuntimeError: Pillow is set to accept truncated files.
        UnreadableImageError: a damaged file, several pictures, or one above the limit; also raised
            inside the `with` block.
    """
    if ImageFile.LOAD_TRUNCATED_IMAGES:
        raise RuntimeError(
            "PIL.ImageFile.LOAD_TRUNCATED_IMAGES is True, and truncated pictures would be filled "
            "with gray; set it to False."
        )
    _follow_limit()
    try:
        # A file object instead of a name: Pillow (13.0) memory-maps a named uncompressed TIFF and
        # loses its orientation if it is 5 to 8.
        with open(path, "rb") as file:
            if verify:
                check_png(file)
            with Image.open(file, formats=_FORMATS) as image:
                _check(path, image)
                if verify and isinstance(image, TiffImagePlugin.TiffImageFile):
                    check_deflated(image)
                yield image
    except (UnreadableImageError, MemoryError, ImportError):
        raise
    except Exception as error:  # Pillow raises a dozen types for damaged files
        if of_the_disk(error):
            raise
        raise _fault(path, error) from error


def _follow_limit() -> None:
    """Keep Pillow's own limit from being the smaller one; if a user has removed it, it stays
    removed.
    """
    if Image.MAX_IMAGE_PIXELS is not None and Image.MAX_IMAGE_PIXELS < image_limit():
        Image.MAX_IMAGE_PIXELS = image_limit()


def _check(path: Path, image: Image.Image) -> None:
    # in Pillow's memory
    pixel_bytes = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;16") else 4
    check_limit(path, image.size, pixel_bytes, what="pixels")
    held = path.stat().st_size * _MOST_PIXELS
    if image.width * image.height > held and image.info.get("compression") not in _FAX:
        raise unreadable(
            path,
            f"it says that it has {image.width} x {image.height} pixels, and its bytes cannot hold "
            "them",
        )
    several = getattr(image, "is_animated", False) and image.format != "MPO"
    # counting them reads the file's tags again
    pages = getattr(image, "n_frames", 1) if several else 1
    if pages > 1:
        raise unreadable(
            path,
            f"it holds {pages} pictures, and files with one picture are read; if they are the "
            "channels of a case, save each as a file and name it in a column of a table",
        )
    refusal = tiff_refusal(image, path) if isinstance(image, TiffImagePlugin.TiffImageFile) else ""
    if refusal:
        raise unreadable(path, refusal)


def _fault(path: Path, error: Exception) -> UnreadableImageError | ImportError:
    if path.stat().st_size == 0:
        return unreadable(path, "the file is empty")
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return unreadable(
            path,
            f"it has more pixels than the {image_limit()} bytes hold that are read; if the file is "
            f"sound, set {IMAGE_LIMIT} to more bytes",
        )
    fault = tiff_fault(path) or _jpeg_fault(path)
    if isinstance(fault, ImportError):
        return fault
    if not fault and isinstance(error, Image.UnidentifiedImageError):
        fault = "it is no PNG, JPEG or TIFF file, whatever its name says, or its start is damaged"
    return unreadable(path, fault or error)


def _jpeg_fault(path: Path) -> ImportError | None:
    with path.open("rb") as file:
        start = file.read(_JPEG_HEADER)
    if not start.startswith(_JPEG_START):
        return None
    try:
        said = codestream_header(start)
    except ValueError:
        return None
    # one that Pillow decodes, or not a JPEG
    if said.bits not in _OTHER_JPEGS.get(said.process, ()):
        return None
    return ImportError(
        f"{path.name} is a JPEG of {said.bits} bits (process SOF{said.process}), which Pillow does "
        "not decode. Read it with 'pip install imagecodecs' and save it as PNG of 16 bits."
    )
