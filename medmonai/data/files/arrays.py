"""Conversion of arrays without their own file to the form that a network takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeGuard, cast

import numpy as np
from PIL import Image

from medmonai.data.case_files import as_numbers
from medmonai.data.containers import (
    NpzArray,
    UnreadableImageError,
    is_colour,
    npz_array,
    npz_keys,
)
from medmonai.data.formats import fit_picture
from medmonai.data.grids import resample_to_grid, resize_grid
from medmonai.data.image_form import ImageForm, IntensityRange

_WHAT_THEY_MAY_BE = " (modalities, points in time or b-values)"


def to_form(image: np.ndarray, form: ImageForm, name: str) -> np.ndarray:
    """Return an image (C, *spatial) without a place in space as uint8 (in_channels, *spatial_size).

    Args:
        image: gray values or colors; a volume of an npz file keeps its axes.
        form: the form to convert it to; for a volume, it cannot have a `spacing`.
        name: name of the image, for messages.

    Raises:
        ValueError: gray values without a range, NaN, another number of channels, or a spacing.
    """
    if len(form.spatial_size) == 3:
        if form.spacing is not None or form.orientation != "RAS":
            raise ValueError(
                f"{name} states neither spacing nor orientation, and spacing={form.spacing}, "
                f"orientation={form.orientation!r} are asked for; leave them out or give files "
                "that state both (NIfTI, DICOM, MetaImage, NRRD)."
            )
        grey = to_grey_levels(
            to_channels(image, form.image_channels, name, colour=len(image) == 3),
            form.intensity_range,
            name,
        )
        values = resample_to_grid(
            grey, resize_grid(grey.shape[1:], form.spatial_size), form.spatial_size
        )
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return _fit_picture_array(image, form, name)


def _fit_picture_array(image: np.ndarray, form: ImageForm, name: str) -> np.ndarray:
    """Return an image (C, H, W) in the form: as a picture if Pillow has a mode for it, else channel
    by channel.
    """
    window = form.intensity_range
    one = replace(form.without_indicators(), in_channels=1, intensity_range=None)
    if not _is_per_channel(window):
        image = to_grey_levels(image, window, name)
        window = None
    if is_colour(image) and form.image_channels in (1, 3) and window is None:
        picture = Image.fromarray(np.ascontiguousarray(np.moveaxis(image, 0, -1)))
        return fit_picture(picture, replace(one, in_channels=form.image_channels))
    image = to_channels(image, form.image_channels, name, colour=len(image) == 3)
    image = image if window is None else to_grey_levels(image, window, name)
    kept = image if image.dtype == np.uint8 else image.astype(np.float32)
    return np.concatenate(
        [fit_picture(Image.fromarray(np.ascontiguousarray(part)), one) for part in kept]
    )


def read_npz_images(
    path: Path, spatial_size: tuple[int, ...]
) -> tuple[list[str], int, Iterator[tuple[str, np.ndarray]]]:
    """Return ids, their number, and an iterator of (name, image (C, *spatial)) for an npz file.

    Raises:
        ValueError: a damaged file, no image array or several, an object array, or an unsuitable
            shape.
    """
    keys = npz_keys(path)
    held = [key for key in keys if key == "images"] or [
        key for key in keys if key.endswith("_images")
    ]
    if len(held) != 1:
        raise ValueError(
            f"{path.name} holds {', '.join(keys) or 'nothing'}; one array `images` (or one that "
            "ends in `_images`) is needed."
        )
    array = npz_array(path, held[0])
    axes = len(spatial_size)
    channel_axis = npz_channel_axis(array, axes)
    images = as_numbers(array.read())
    images = images[:, None] if channel_axis is None else np.moveaxis(images, channel_axis, 1)
    ids = npz_array(path, "ids", text=True).read().tolist() if "ids" in keys else None
    ids = [f"{path.stem}-{i:06d}" for i in range(len(images))] if ids is None else ids
    if len(ids) != len(images):
        raise ValueError(
            f"{path.name}: ids hold {len(ids)} rows and {held[0]} {len(images)}; give one for each "
            "image."
        )
    return ids, len(images), ((f"{path.name}: {name}", image) for name, image in zip(ids, images))


def npz_channel_axis(array: NpzArray, axes: int) -> int | None:
    """Return the axis of an array of images that holds the channels: -1, 1, or None for none.

    MedMNIST's layouts come first: (N, *spatial) and (N, *spatial, C). An array with one axis more
    than that holds its channels last if the last axis has 1 or 3 values, or fewer than the first
    one; else they come first.

    Raises:
        ValueError: another number of axes.
    """
    shape = array.shape
    if len(shape) == axes + 1:
        return None
    if len(shape) == axes + 2:
        return -1 if has_channels_last(shape[1:]) else 1
    raise ValueError(
        f"{array.path.name}: {array.key} has shape {shape}; (N, *spatial), (N, *spatial, C) or "
        f"(N, C, *spatial) with {axes} axes is needed."
    )


def has_channels_last(shape: tuple[int, ...]) -> bool:
    """Return whether an image of this shape, with an axis of channels, has them last: 1 or 3 values
    there, or fewer than along the first axis.

    Example:
        >>> has_channels_last((28, 28, 3)), has_channels_last((3, 28, 28))
        (True, False)
    """
    return shape[-1] in (1, 3) or shape[-1] < shape[0]


def to_channels(
    image: np.ndarray, in_channels: int, name: str, *, colour: bool = False
) -> np.ndarray:
    """Convert an image to `in_channels`: colors become gray by luma (ITU-R 601), gray becomes three
    colors by repetition; nothing else is converted.

    Args:
        image: (C, *spatial).
        in_channels: channels of the result.
        name: name of the image, for messages.
        colour: whether its channels are colors; a fourth one is alpha then, and dropped unless four
            are asked for.

    Raises:
        UnreadableImageError: another number of channels.
    """
    if len(image) == in_channels:
        return image
    if len(image) == 1 and in_channels == 3:
        return np.repeat(image, in_channels, axis=0)
    if colour and len(image) == 4:
        return to_channels(image[:3], in_channels, name, colour=True)
    if not colour or len(image) != 3 or in_channels != 1:
        held = f"{len(image)} channel{'s' * (len(image) != 1)}"
        raise UnreadableImageError(
            f"{name} holds {held}{'' if colour else _WHAT_THEY_MAY_BE * (len(image) > 1)} and "
            f"in_channels={in_channels} asks for another number; give files with that number, or "
            "another in_channels."
        )
    luma = np.tensordot(np.array([0.299, 0.587, 0.114]), image.astype(np.float64), axes=1)[None]
    return np.rint(luma).astype(image.dtype) if image.dtype == np.uint8 else luma


def to_grey_levels(image: np.ndarray, window: IntensityRange | None, name: str) -> np.ndarray:
    """Return the image with values 0 to 255: uint8 unchanged, or float32 after windowing.

    Args:
        image: (C, *spatial).
        window: one range for all channels, or one for each.
        name: name of the image, for messages.

    Raises:
        UnreadableImageError: NaN or infinite values, which are the file's fault.
        ValueError: values other than uint8 without a window, which is the argument's fault.
    """
    if window is None and image.dtype == np.uint8:
        return image
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise UnreadableImageError(
            f"{name} holds NaN or infinite gray values; repair it or leave it out."
        )
    if window is None:
        raise ValueError(
            f"{name} has {image.dtype} gray values from {image.min():g} to {image.max():g}, not "
            "uint8; give intensity_range=(low, high), such as (-160, 240) for abdominal CT."
        )
    if _is_per_channel(window):
        return np.concatenate(
            [to_grey_levels(part[None], pair, name) for part, pair in zip(image, window)]
        )
    low, high = cast("tuple[float, float]", window)
    return ((np.clip(image.astype(np.float32), low, high) - low) * (255 / (high - low))).astype(
        np.float32
    )


def _is_per_channel(
    window: IntensityRange | None,
) -> TypeGuard[tuple[tuple[float, float], ...]]:
    return window is not None and isinstance(window[0], tuple)
