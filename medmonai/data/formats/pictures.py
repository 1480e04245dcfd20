"""Pictures (PNG, JPEG, TIFF): one stated rule for everything that such a file may contain."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageFile, ImageOps, TiffImagePlugin

from medmonai.data.containers import (
    PixelKind,
    exif_after_pixels,
    opened_picture,
    tiff_name,
    tiff_swapped,
    tiff_values,
)
from medmonai.data.image_form import ImageForm

from .image_format import ImageFormat
from .picture_fit import Picture, inner_size, picture_array
from .volumes import Volume

_ORIENTATION = 0x0112  # EXIF and TIFF tag; 1 is upright
# its values that exchange the axes; 2, 3, 6 and 7 mirror the upright one's left, 3, 4, 7 and 8 its
# top
_LYING = range(5, 9)
_KEPT = 2  # a scaled JPEG is at least this many times the target size, as in `Image.thumbnail`
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_GREY = ("L", "LA", "La", "1")


def open_picture(path: Path, form: ImageForm | None = None) -> Picture:
    """Decode a PNG, JPEG or TIFF file.

    ==================== ===========================================================================
    what a file holds    what becomes of it
    ==================== ===========================================================================
    EXIF orientation     applied (also XMP's): the picture is upright, as every viewer shows it
    palette              replaced by its colors
    alpha                dropped; transparent pixels keep the color stored in the file
    1 bit                0 and 255
    16 or 32 bits, float kept, gray only; `ImageForm.intensity_range` makes them 0 to 255
    16 bits in color     the upper 8 bits (also gray with alpha); times 257 if an
                         `ImageForm.intensity_range` is given, which then refers to 16 bits
    CMYK, YCbCr, HSV     RGB by Pillow's formulas; color profiles are not applied
    several pages        refused, except a camera's MPO file (a JPEG with an appended preview):
                         its first picture
    signed 8 bits (TIFF) keep their sign; `ImageForm.intensity_range` is required as for 16 bits
    0 is white (TIFF)    inverted for 1 to 16 bits; refused for others
    over the limit       refused before anything is decoded, see
                         `medmonai.data.containers.image_limit`
    checksums            verified for PNG and deflated TIFFs; JPEG and other TIFFs have none
    ==================== ===========================================================================

    The content of the file determines its format, not its name. JPEG has no checksum, so corrupted
    bytes decode to a wrong picture without an error. MONAI's `PILReader` returns Pillow's array
    unchanged, palette indices included.

    With `form.jpeg_scaling`, a JPEG of at least four times the target size along both axes is
    decoded at 1/2, 1/4 or 1/8. libjpeg omits the high frequencies of the discrete cosine transform
    and computes fewer pixels. The smallest scale of at least twice the target size is used, so
    `fit_picture` still does at least the last halving with its own filter. `size` and `kind` stay
    those of the file. Differences from the full decoding, in gray levels after resizing
    (libjpeg-turbo 3):

    ==================================================== ======= ==== =============== =======
    files                                                decoded mean 99.9 % quantile maximum
    ==================================================== ======= ==== =============== =======
    420 HAM10000 JPEGs, 224 px to 48                     1/2     0.24 2               4
    the same, to 28                                      1/4     0.38 3               7
    256 chest X-rays, 224 px, saved as JPEG, to 48       1/2     0.30 4               8
    the same, to 28                                      1/4     0.59 7               14
    64 of them, enlarged to 1023 px, to 224              1/2     0.12 1               3
    5 photographs of 427 to 1411 px, to 25               1/8     0.41 7               16
    ==================================================== ======= ==== =============== =======

    Args:
        path: path of the file.
        form: the form that the picture is decoded for; None decodes it at its own size.

    Raises:
        ImportError: an intact file that the installed Pillow cannot decode; the message says what
            to do.
        OSError: the disk or the permissions, not the file's content.
        UnreadableImageError: an empty, truncated, damaged or refused file; the message names it.
    """
    with opened_picture(path, verify=True) as image:
        kind = _kind(image)
        # Pillow turns a TIFF while it loads it, and forgets the tag.
        tiff = image if isinstance(image, TiffImagePlugin.TiffImageFile) else None
        tags = image.getexif() if tiff is None else tiff.tag_v2
        of_tiff = None if tiff is None else (dict(tags), tiff_swapped(tiff))
        orientation = tags.get(_ORIENTATION, 1)
        turned = orientation in range(2, 9)
        size = image.size
        held = _scale_down(image, form, lying=orientation in _LYING)
        image.load()
        if turned:
            ImageOps.exif_transpose(image, in_place=True)
        made = _plain(
            image if of_tiff is None else tiff_values(image, of_tiff[0], swapped=of_tiff[1])
        )
        if held is None or held == size:
            return Picture(made, kind=kind, turned=turned)
        return _scaled(made, size, held, kind=kind, orientation=orientation)


def read_picture(path: Path) -> np.ndarray:
    """Return a PNG, JPEG or TIFF file as (C, H, W) in its own size, C = 1 or 3; by the rules of
    `open_picture`.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.png"
        >>> Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(file)
        >>> read_picture(file).shape
        (3, 4, 6)
    """
    return picture_array(open_picture(path).image)


def _scale_down(
    image: Image.Image, form: ImageForm | None, *, lying: bool
) -> tuple[float, float] | None:
    """Let Pillow decode a JPEG smaller if the form allows it; return its (W, H) at that scale,
    which may be fractional.
    """
    if form is None or not form.jpeg_scaling or form.intensity_range is not None:
        return None
    # To the upright picture and back. For files other than JPEG, draft does nothing.
    height, width = inner_size(image.size if lying else (image.height, image.width), form)
    drafted = image.draft(
        None, (_KEPT * height, _KEPT * width) if lying else (_KEPT * width, _KEPT * height)
    )
    return drafted and drafted[1][2:]


def _scaled(
    image: Image.Image,
    size: tuple[int, int],
    held: tuple[float, float],
    *,
    kind: PixelKind,
    orientation: int,
) -> Picture:
    """Return a rotated image of a JPEG with `size` (W, H) in the file and `held` (W, H) decoded
    pixels.
    """
    if orientation in _LYING:
        size = (size[1], size[0])
        held = (held[1], held[0])
    # The last pixel of an axis may be only partly covered; after mirroring, it is the first.
    left = image.width - held[0] if orientation in (2, 3, 6, 7) else 0
    top = image.height - held[1] if orientation in (3, 4, 7, 8) else 0
    box = left, top, left + held[0], top + held[1]
    return Picture(
        image, kind=kind, turned=orientation in range(2, 9), size=(size[1], size[0]), box=box
    )


def _kind(image: ImageFile.ImageFile) -> PixelKind:
    """Return the kind of the file's pixels by Pillow's mode, except where the mode hides it."""
    raw = str(image.tile[0][3]) if image.tile else ""
    hidden = tiff_name(image.tag_v2) if isinstance(image, TiffImagePlugin.TiffImageFile) else None
    if hidden:
        return PixelKind(hidden)
    if image.mode in _DEEP:
        return {"I": PixelKind("32 bits", bits=32), "F": PixelKind("float", bits=32)}.get(
            image.mode, PixelKind("16 bits", bits=16)
        )
    named = {"P": "palette", "PA": "palette", "1": "1 bit"}.get(image.mode, image.mode)
    halved = ";16" in raw
    colour = image.mode not in _GREY
    bits = 16 if halved else 1 if image.mode == "1" else 8
    return PixelKind(named + " of 16 bits" * halved, colour=colour, bits=bits, upper_half=halved)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB", *_DEEP):
        return image
    # premultiplied alpha, which Pillow converts only to LA
    image = image.convert("LA") if image.mode == "La" else image
    return image.convert("L" if image.mode in _GREY else "RGB")


def picture_header(path: Path) -> tuple[tuple[int, int], PixelKind]:
    """Return the upright (H, W) and the kind of a picture as in `open_picture`, reading as little
    of the file as possible.

    Raises:
        UnreadableImageError: not a picture, or one that `open_picture` refuses for its size or
            pages.
    """
    with opened_picture(path, verify=False) as image:
        kind = _kind(image)
        assert image.fp is not None  # kept until the pixels are loaded
        return (image.size if _lies(image, image.fp) else (image.height, image.width)), kind


def _lies(image: Image.Image, file: IO[bytes]) -> bool:
    """Return whether the EXIF orientation swaps the axes, if possible without decoding a pixel."""
    if image.format == "TIFF":  # Pillow reports the size after rotation
        return False
    told = image.format != "PNG" or "exif" in image.info or "Raw profile type exif" in image.info
    told = told or "tiff:Orientation" in str(image.info.get("XML:com.adobe.xmp", ""))
    return (told or exif_after_pixels(file)) and image.getexif().get(_ORIENTATION, 1) in _LYING


class Pictures(ImageFormat):
    """PNG, JPEG and TIFF."""

    name = "picture"
    title = "PNG, JPEG, TIFF"
    suffixes = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

    def header(self, path: Path) -> tuple[tuple[int, ...], PixelKind]:
        """Return size and pixel kind, see `ImageFormat.header`."""
        return picture_header(path)

    def volume(self, path: Path) -> Volume:
        """Raise ValueError: a picture is not a volume."""
        raise ValueError(
            f"{path.name} is a 2D image and spatial_size has three axes; give NIfTI, DICOM, "
            "MetaImage, NRRD or npz volumes."
        )

    def picture(self, path: Path) -> np.ndarray:
        """Return the file as a 2D image, see `ImageFormat.picture`."""
        return read_picture(path)
