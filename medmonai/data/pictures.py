"""Pictures (PNG, JPEG, TIFF): one stated rule for everything that such a file may hold."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

import numpy as np
import torch

# The formats are imported by name: Pillow would load them with the first file, and threads would meet it half done.
from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from .image_form import ImageForm
from .unreadable import UnreadableImageError, unreadable

# Pixels of the largest picture that is read: 8192 x 8192. Pillow itself warns from 89 million on.
MAX_PIXELS = 1 << 26

_FORMATS = tuple(plugin.format for plugin in (
    PngImagePlugin.PngImageFile, JpegImagePlugin.JpegImageFile, TiffImagePlugin.TiffImageFile))
_ORIENTATION = 0x0112  # EXIF and TIFF tag; 1 is upright
_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_GREY = ("L", "LA", "La", "1")


@dataclass(frozen=True)
class Picture:
    """A picture in its own size: Pillow's image, upright and in mode "L", "RGB" or one of more than 8 bits.

    Args:
        image: the decoded picture; "I;16", "I" or "F" where the file holds more than 8 bits a pixel.
        mode: what the file held: "L", "RGB", "RGBA", "16 bits", "palette", ...
        turned: whether an EXIF orientation was applied.
    """

    image: Image.Image
    _: KW_ONLY
    mode: str
    turned: bool


def open_picture(path: Path) -> Picture:
    """Decode a PNG, JPEG or TIFF file.

    ==================== =========================================================================================
    what a file holds    what becomes of it
    ==================== =========================================================================================
    EXIF orientation     applied: the picture stands upright, as every viewer shows it
    palette              the colours it stands for
    alpha                dropped; the colour of a transparent pixel stays what the file says
    1 bit                0 and 255
    16 or 32 bits, float kept, grey only; `ImageForm.intensity_range` makes them 0 to 255
    16 bits in colour    the upper 8 bits (also grey with alpha)
    CMYK, YCbCr, HSV     RGB by Pillow's formulas; colour profiles are not applied
    several pages        refused; of a camera's MPO file (a JPEG with a preview behind it) the first picture
    over 2^26 pixels     refused before anything is decoded (decompression bombs)
    ==================== =========================================================================================

    The file's content decides on its format, not its name. Bytes that were changed inside a JPEG's data decode to a wrong
    picture without an error: JPEG has no checksum. MONAI's `PILReader` gives the array as Pillow has it, palette numbers
    and all.

    Raises:
        OSError: the disk or the permissions, not the file's content.
        UnreadableImageError: an empty, truncated, damaged or refused file; the message names it.
    """
    try:
        # A file object and no name: Pillow (13.0) maps a named TIFF without compression and forgets its orientation 5 to 8.
        with open(path, "rb") as file, Image.open(file, formats=_FORMATS) as image:
            refusal = _refusal(image)
            if refusal:
                raise unreadable(path, refusal)
            mode = _mode(image)
            # Pillow turns a TIFF while it loads it, and forgets the tag.
            tags = image.tag_v2 if image.format == "TIFF" else image.getexif()
            turned = tags.get(_ORIENTATION, 1) in range(2, 9)
            image.load()
            if turned:
                ImageOps.exif_transpose(image, in_place=True)
            return Picture(_plain(image), mode=mode, turned=turned)
    except (UnreadableImageError, MemoryError):
        raise
    except Exception as error:  # Pillow raises a dozen types for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise unreadable(path, _reason(path, error)) from error


def read_picture(path: Path) -> np.ndarray:
    """Return a PNG, JPEG or TIFF file as (C, H, W) in its own size, C = 1 or 3; by the rules of `open_picture`.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "a.png"
        >>> Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(file)
        >>> read_picture(file).shape
        (3, 4, 6)
    """
    return picture_array(open_picture(path).image)


def fit_picture(image: Image.Image, form: ImageForm) -> np.ndarray:
    """Return a picture of 8 bits, or one in mode "F" with values of 0 to 255, as uint8 (in_channels, H, W) in the form's size.

    Channels first: colour becomes grey by ITU-R 601 luma, .299 R + .587 G + .114 B; grey becomes colour by repetition. Then
    the size: bilinear, with a support that grows with the factor where the picture shrinks, so nothing aliases. Grey is
    resized by Pillow, colour by `torch.nn.functional.interpolate(antialias=True)`: the same filter and at most one grey level
    apart, in a third of the time.

    Args:
        image: mode "L", "RGB" or "F" (grey).
        form: its `spatial_size` is (H, W); `aspect` "stretch" resizes each axis on its own, "crop" keeps the largest
            centred part of the target's proportions (in whole pixels), "pad" puts the whole picture on black.
    """
    if form.in_channels == 1 and image.mode == "RGB":
        image = image.convert("L")
    values = _fitted(image, form)
    if values.dtype != np.uint8:
        values = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(values, form.in_channels, axis=0) if len(values) < form.in_channels else values


def _fitted(image: Image.Image, form: ImageForm) -> np.ndarray:
    (height, width), (w, h) = form.spatial_size, image.size
    if form.aspect == "crop":
        scale = min(w / width, h / height)
        inner = max(1, min(w, round(scale * width))), max(1, min(h, round(scale * height)))
        left, top = (w - inner[0]) // 2, (h - inner[1]) // 2
        return _resized(image.crop((left, top, left + inner[0], top + inner[1])), (height, width))
    if form.aspect == "stretch":
        return _resized(image, (height, width))
    scale = max(w / width, h / height)
    inner = max(1, min(height, round(h / scale))), max(1, min(width, round(w / scale)))
    values = _resized(image, inner)
    out = np.zeros((len(values), height, width), values.dtype)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    out[:, top : top + inner[0], left : left + inner[1]] = values
    return out


def _resized(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Return (C, H, W)."""
    if image.size == (size[1], size[0]):
        return picture_array(image)
    if image.mode != "RGB":
        return picture_array(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
    values = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    return torch.nn.functional.interpolate(values, size=size, mode="bilinear", antialias=True)[0].contiguous().numpy()


def _refusal(image: Image.Image) -> str:
    if image.width * image.height > MAX_PIXELS:
        return f"it has {image.width} x {image.height} pixels and at most {MAX_PIXELS} are read"
    several = getattr(image, "is_animated", False) and image.format != "MPO"
    pages = image.n_frames if several else 1  # counting them reads the file's tags once more
    return f"it holds {pages} pictures and one a file is read" if pages > 1 else ""


def _mode(image: Image.Image) -> str:
    """Return what the file holds in the words of Pillow's modes, but where those hide it."""
    raw = str(image.tile[0][3]) if image.tile else ""
    if image.mode in _DEEP:
        return {"I": "32 bits", "F": "float"}.get(image.mode, "16 bits")
    named = {"P": "palette", "PA": "palette", "1": "1 bit"}.get(image.mode, image.mode)
    return f"{named} of 16 bits" if ";16" in raw else named


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in ("L", "RGB", *_DEEP):
        return image
    return image.convert("L" if image.mode in _GREY else "RGB")


def picture_array(image: Image.Image) -> np.ndarray:
    """Return the pixels of a picture as (C, H, W)."""
    values = np.asarray(image)
    return np.ascontiguousarray(np.moveaxis(values, -1, 0)) if values.ndim == 3 else values[None]


def _reason(path: Path, error: Exception) -> str | Exception:
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, Image.UnidentifiedImageError):
        return "it is no PNG, JPEG or TIFF file, whatever its name says, or its start is damaged"
    return error


def picture_header(path: Path) -> tuple[tuple[int, int], str]:
    """Return (H, W), upright, and the mode of a picture as `open_picture` names it, from the file's first bytes only.

    Raises:
        UnreadableImageError: no picture.
    """
    try:
        with Image.open(path, formats=_FORMATS) as image:
            # Pillow gives the size of a TIFF as it will stand.
            lying = image.format != "TIFF" and image.getexif().get(_ORIENTATION, 1) in range(5, 9)
            return (image.size if lying else image.size[::-1]), _mode(image)
    except Exception as error:  # Pillow raises a dozen types for damaged files
        raise unreadable(path, _reason(path, error)) from error
