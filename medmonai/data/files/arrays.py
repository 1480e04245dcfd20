"""Conversion of arrays without their own file to the form that a network takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from medmonai.data.containers import (
    UnreadableImageError,
    npz_array,
    npz_keys,
)
from medmonai.data.formats import (
    fit_picture,
)
from medmonai.data.grids import resample_to_grid, resize_grid
from medmonai.data.image_form import ImageForm


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
            to_channels(image, form.in_channels, name), form.intensity_range, name
        )
        values = resample_to_grid(
            grey, resize_grid(grey.shape[1:], form.spatial_size), form.spatial_size
        )
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)
    grey = to_grey_levels(image, form.intensity_range, name)
    if len(grey) not in (1, 3):
        raise ValueError(f"{name} has {len(grey)} channels; 1 or 3 are read.")
    if grey.dtype == np.uint8:
        picture = Image.fromarray(
            grey[0] if len(grey) == 1 else np.ascontiguousarray(np.moveaxis(grey, 0, -1))
        )
        return fit_picture(picture, form)
    one = replace(form, in_channels=1)
    floats = to_channels(grey, form.in_channels, name).astype(np.float32)
    parts = [fit_picture(Image.fromarray(np.ascontiguousarray(part)), one) for part in floats]
    return np.concatenate(parts)


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
    shape = array.shape
    # Try MedMNIST's layouts first: (N, *spatial) and (N, *spatial, 3); otherwise channels come
    # first.
    channel_axis = (
        None
        if len(shape) == axes + 1
        else -1
        if len(shape) == axes + 2 and shape[-1] in (1, 3)
        else 1
    )
    if len(shape) not in (axes + 1, axes + 2) or (
        channel_axis is not None and shape[channel_axis] not in (1, 3)
    ):
        raise ValueError(
            f"{path.name}: {held[0]} has shape {shape}; (N, *spatial), (N, *spatial, 3) or (N, C, "
            f"*spatial) with {axes} axes is needed for spatial_size={spatial_size}."
        )
    images = array.read()
    images = images[:, None] if channel_axis is None else np.moveaxis(images, channel_axis, 1)
    ids = npz_array(path, "ids", text=True).read().tolist() if "ids" in keys else None
    ids = [f"{path.stem}-{i:06d}" for i in range(len(images))] if ids is None else ids
    if len(ids) != len(images):
        raise ValueError(
            f"{path.name}: ids hold {len(ids)} rows and {held[0]} {len(images)}; give one for each "
            "image."
        )
    return ids, len(images), ((f"{path.name}: {name}", image) for name, image in zip(ids, images))


def to_channels(image: np.ndarray, in_channels: int, name: str) -> np.ndarray:
    """Convert an image with 1 or 3 channels to `in_channels` by luma (ITU-R 601) or repetition.

    Raises:
        ValueError: another number of channels.
    """
    if len(image) == in_channels:
        return image
    if len(image) == 1:
        return np.repeat(image, in_channels, axis=0)
    if len(image) != 3:
        raise ValueError(f"{name} has {len(image)} channels; 1 or 3 are read.")
    luma = np.tensordot(np.array([0.299, 0.587, 0.114]), image.astype(np.float64), axes=1)[None]
    return np.rint(luma).astype(image.dtype) if image.dtype == np.uint8 else luma


def to_grey_levels(image: np.ndarray, window: tuple[float, float] | None, name: str) -> np.ndarray:
    """Return the image with values 0 to 255: uint8 unchanged, or float32 after windowing.

    Raises:
        UnreadableImageError: NaN or infinite values, which are the file's fault.
        ValueError: values other than uint8 without a window, which is the argument's fault.
    """
    if window is None and image.dtype == np.uint8:
        return image
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise UnreadableImageError(
            f"{name} holds NaN or infinite grey values; repair it or leave it out."
        )
    if window is None:
        raise ValueError(
            f"{name} has {image.dtype} grey values from {image.min():g} to {image.max():g}, not "
            "uint8; give intensity_range=(low, high), such as (-160, 240) for abdominal CT."
        )
    low, high = window
    return ((np.clip(image.astype(np.float32), low, high) - low) * (255 / (high - low))).astype(
        np.float32
    )
