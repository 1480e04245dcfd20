"""Decoding one image: NIfTI, PNG, JPEG and npz files into arrays (C, *spatial), and arrays into the form a network takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .npz import npz_array, npz_keys

# What a file name's end says about how it is read.
KINDS = {".nii": "NIfTI", ".nii.gz": "NIfTI", ".png": "PNG/JPEG", ".jpg": "PNG/JPEG", ".jpeg": "PNG/JPEG", ".npz": "npz"}


def image_kind(path: Path) -> str | None:
    """Return "NIfTI", "PNG/JPEG" or "npz" by the file's name, or None for any other file."""
    name = path.name.lower()
    return next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), None)


def _read_picture(path: Path, size: tuple[int, ...]) -> np.ndarray:
    """Return a PNG or JPEG as (C, H, W)."""
    if len(size) != 2:
        raise ValueError(f"{path.name} is a 2D image and spatial_size={size} has three axes; give NIfTI or npz volumes.")
    try:
        with Image.open(path) as image:
            image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path.name} ({path.stat().st_size} bytes) cannot be read: {_first_line(error)}; repair it or take "
                         "it out of the folder.") from error
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        return np.array(image)[None]
    grey = image.mode in ("L", "LA", "1")
    return np.array(image.convert("L"))[None] if grey else np.moveaxis(np.array(image.convert("RGB")), -1, 0)


def _read_nifti(path: Path, size: tuple[int, ...]) -> np.ndarray:
    """Return a NIfTI image as (C, *spatial) in RAS orientation; uint8 where the file holds unscaled uint8."""
    import nibabel

    try:
        stored = nibabel.load(path)
        plain = stored.get_data_dtype() == np.uint8 and stored.dataobj.slope == 1 and stored.dataobj.inter == 0
        data = np.asarray(nibabel.as_closest_canonical(stored).dataobj, dtype=np.uint8 if plain else np.float32)
    except Exception as error:  # nibabel, gzip and zlib raise a dozen types for damaged files
        raise ValueError(f"{path.name} ({path.stat().st_size} bytes) cannot be read as NIfTI: {_first_line(error)}; repair it "
                         "or take it out of the folder.") from error
    while data.ndim > len(size) and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim == len(size):
        return data[None]
    if data.ndim == len(size) + 1 and data.shape[-1] in (3, 4):
        return np.moveaxis(data, -1, 0)[:3]
    raise ValueError(f"{path.name} has shape {data.shape}; {len(size)} axes (and 3 channels last) are needed for {size}.")


def read_image(path: Path, spatial_size: tuple[int, ...]) -> np.ndarray:
    """Return a NIfTI, PNG or JPEG file as (C, *spatial), in its own size and grey values.

    Raises:
        ValueError: a damaged file, or one whose axes do not fit the number of `spatial_size`'s.
    """
    readers: dict[str | None, Callable[[Path, tuple[int, ...]], np.ndarray]] = {
        "PNG/JPEG": _read_picture, "NIfTI": _read_nifti,
    }
    return readers[image_kind(path)](path, spatial_size)


def read_npz_images(path: Path, spatial_size: tuple[int, ...]) -> tuple[list[str], int, Iterator[tuple[str, np.ndarray]]]:
    """Return ids, their number, and an iterator of (name, image (C, *spatial)) for an npz file.

    Raises:
        ValueError: a damaged file, no or several image arrays, an object array, a shape that does not fit.
    """
    keys = npz_keys(path)
    held = [key for key in keys if key == "images"] or [key for key in keys if key.endswith("_images")]
    if len(held) != 1:
        raise ValueError(f"{path.name} holds {', '.join(keys) or 'nothing'}; one array `images` (or one that ends in "
                         "`_images`) is needed.")
    array = npz_array(path, held[0])
    axes, shape = len(spatial_size), array.shape
    # MedMNIST's layouts first: (N, *spatial) and (N, *spatial, 3); else channels first.
    channel_axis = None if len(shape) == axes + 1 else -1 if len(shape) == axes + 2 and shape[-1] in (1, 3) else 1
    if len(shape) not in (axes + 1, axes + 2) or (channel_axis is not None and shape[channel_axis] not in (1, 3)):
        raise ValueError(f"{path.name}: {held[0]} has shape {shape}; (N, *spatial), (N, *spatial, 3) or (N, C, *spatial) with "
                         f"{axes} axes is needed for spatial_size={spatial_size}.")
    images = array.read()
    images = images[:, None] if channel_axis is None else np.moveaxis(images, channel_axis, 1)
    ids = npz_array(path, "ids", text=True).read().tolist() if "ids" in keys else None
    ids = [f"{path.stem}-{i:06d}" for i in range(len(images))] if ids is None else ids
    if len(ids) != len(images):
        raise ValueError(f"{path.name}: ids hold {len(ids)} rows and {held[0]} {len(images)}; give one for each image.")
    return ids, len(images), ((f"{path.name}: {name}", image) for name, image in zip(ids, images))


def to_channels(image: np.ndarray, in_channels: int, name: str) -> np.ndarray:
    """Return an image with 1 or 3 channels as one with `in_channels`: luma (ITU-R 601) or repetition."""
    if len(image) == in_channels:
        return image
    if len(image) == 1:
        return np.repeat(image, in_channels, axis=0)
    if len(image) != 3:
        raise ValueError(f"{name} has {len(image)} channels; 1 or 3 are read.")
    luma = np.tensordot(np.array([0.299, 0.587, 0.114]), image.astype(np.float64), axes=1)[None]
    return np.rint(luma).astype(image.dtype) if image.dtype == np.uint8 else luma


def to_grey_levels(image: np.ndarray, window: tuple[float, float] | None, name: str) -> np.ndarray:
    """Return the image with values 0 to 255: uint8 as it is, or float32 after the window."""
    if window is None:
        if image.dtype == np.uint8:
            return image
        raise ValueError(f"{name} has {image.dtype} grey values from {np.nanmin(image):g} to {np.nanmax(image):g}, not uint8; "
                         "give intensity_range=(low, high), such as (-160, 240) for abdominal CT.")
    if not np.isfinite(image).all():
        raise ValueError(f"{name} holds NaN or infinite grey values; repair it or take it out.")
    low, high = window
    return ((np.clip(image.astype(np.float32), low, high) - low) * (255 / (high - low))).astype(np.float32)


def resize(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Return the image (C, *spatial) in another size, bi- or trilinear, smoothed first where it shrinks; 0 to 255."""
    from monai.transforms import Resize

    mode = "bilinear" if len(size) == 2 else "trilinear"
    transform = Resize(size, mode=mode, anti_aliasing=any(o < i for o, i in zip(size, image.shape[1:])))
    return np.clip(np.asarray(transform(torch.from_numpy(np.ascontiguousarray(image, np.float32)))), 0, 255)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
