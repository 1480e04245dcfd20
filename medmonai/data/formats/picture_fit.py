"""From a decoded picture to the size that a network takes: channels, proportions, resizing."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np
from PIL import Image

from medmonai.data.containers import PixelKind
from medmonai.data.image_form import ImageForm

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """A decoded picture: Pillow's image, upright, in mode "L", "RGB" or a mode of more than 8 bits.

    Args:
        image: the pixels; mode "I;16", "I" or "F" if the file holds more than 8 bits per pixel.
        kind: what the file held.
        turned: whether an EXIF orientation was applied.
        size: (H, W) of the upright picture in the file. By default that of `image`, which is
            smaller only for a scaled JPEG.
        box: (left, top, right, bottom) of that in the pixels of `image`; default: all. A JPEG of
            1001 pixels at 1/4 has 251, and its last one is the picture for a quarter only.
    """

    image: Image.Image
    _: KW_ONLY
    kind: PixelKind
    turned: bool
    size: tuple[int, int] = (0, 0)
    box: Box = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        if self.size == (0, 0):
            object.__setattr__(self, "size", self.image.size[::-1])
        if self.box == (0, 0, 0, 0):
            object.__setattr__(self, "box", (0, 0, *self.image.size))


def fit_picture(picture: Picture | Image.Image, form: ImageForm) -> np.ndarray:
    """Return a picture as uint8 (in_channels, H, W) in the form's size. It must have 8 bits, or
    mode "F" with values of 0 to 255.

    Channels first: color becomes gray by ITU-R 601 luma, .299 R + .587 G + .114 B; gray becomes
    color by repetition. Then the size: bilinear, with a support that grows with the scale factor
    when the picture shrinks, which prevents aliasing. Pillow resizes gray pictures and
    `torch.nn.functional.interpolate(antialias=True)` color ones: the same filter, at most one gray
    level apart, in a third of the time. Both resize first along the rows and then along the
    columns, with whole gray levels in between.

    Args:
        picture: mode "L", "RGB" or "F" (gray).
        form: its `spatial_size` is (H, W); `aspect` "stretch" resizes each axis on its own, "crop"
            keeps the largest centered part with the target's proportions (in whole pixels), "pad"
            puts the whole picture on black.
    """
    if isinstance(picture, Image.Image):
        picture = Picture(
            picture, kind=PixelKind(picture.mode, colour=picture.mode == "RGB"), turned=False
        )
    if form.in_channels == 1 and picture.image.mode == "RGB":
        picture = replace(picture, image=picture.image.convert("L"))
    values = _fitted(picture, form)
    if values.dtype != np.uint8:
        values = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(values, form.in_channels, axis=0) if len(values) < form.in_channels else values


def inner_size(size: tuple[int, int], form: ImageForm) -> tuple[int, int]:
    """Return the (H, W) that a picture of `size` (H, W), or the part of it that "crop" keeps, is
    resized to.

    Example:
        >>> inner_size((300, 400), ImageForm((64, 64), in_channels=1, aspect="pad"))
        (48, 64)
    """
    height, width = form.spatial_size
    if form.aspect != "pad":
        return height, width
    scale = max(held / wanted for held, wanted in zip(size, form.spatial_size))
    height, width = (
        max(1, min(wanted, round(held / scale))) for held, wanted in zip(size, form.spatial_size)
    )
    return height, width


def _fitted(picture: Picture, form: ImageForm) -> np.ndarray:
    (height, width), (h, w) = form.spatial_size, picture.size
    inner = inner_size(picture.size, form)
    if form.aspect == "crop":
        scale = min(w / width, h / height)
        part = max(1, min(w, round(scale * width))), max(1, min(h, round(scale * height)))
        left = (w - part[0]) // 2
        top = (h - part[1]) // 2
        return _resized(
            picture.image, _within(picture, (left, top, left + part[0], top + part[1])), inner
        )
    values = _resized(picture.image, picture.box, inner)
    if inner == (height, width):
        return values
    out = np.zeros((len(values), height, width), values.dtype)
    top = (height - inner[0]) // 2
    left = (width - inner[1]) // 2
    out[:, top : top + inner[0], left : left + inner[1]] = values
    return out


def _within(picture: Picture, box: Box) -> Box:
    """Return a box in the file's pixels as one in the pixels that were decoded."""
    left, top, right, bottom = picture.box
    x = (right - left) / picture.size[1]
    y = (bottom - top) / picture.size[0]
    return left + x * box[0], top + y * box[1], left + x * box[2], top + y * box[3]


def _resized(image: Image.Image, box: Box, size: tuple[int, int]) -> np.ndarray:
    """Return the part of an image in a box as (C, H, W)."""
    outer = math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])
    if outer != (0, 0, *image.size):
        image = image.crop(outer)
    turned = size[1], size[0]
    if outer != box:  # fractions of pixels, which only Pillow supports
        inside = (box[0] - outer[0], box[1] - outer[1], box[2] - outer[0], box[3] - outer[1])
        return picture_array(image.resize(turned, Image.Resampling.BILINEAR, box=inside))
    if image.size == turned:
        return picture_array(image)
    if image.mode != "RGB":
        # First the rows, then the columns: Pillow rounds in between, and its versions differ in
        # the order.
        across = image.resize((turned[0], image.height), Image.Resampling.BILINEAR)
        return picture_array(across.resize(turned, Image.Resampling.BILINEAR))
    import torch  # imported here: only color pictures need it

    values = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    return (
        torch.nn.functional.interpolate(values, size=size, mode="bilinear", antialias=True)[0]
        .contiguous()
        .numpy()
    )


def picture_array(image: Image.Image) -> np.ndarray:
    """Return the pixels of a picture as (C, H, W)."""
    values = np.asarray(image)
    return np.ascontiguousarray(np.moveaxis(values, -1, 0)) if values.ndim == 3 else values[None]
