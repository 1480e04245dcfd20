"""Decoding one case: a picture, a NIfTI volume or a DICOM series, and making of it what a network
takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from medmonai.data.containers import (
    PixelKind,
    UnreadableImageError,
    array_kind,
    npz_array,
    npz_keys,
    unreadable,
)
from medmonai.data.grids import resample_to_grid, resize_grid
from medmonai.data.image_form import ImageForm
from medmonai.data.image_place import ImagePlace

from .formats import NO_IMAGE, PICTURES, image_format
from .image_format import ImageFormat
from .picture_fit import fit_picture, picture_array
from .pictures import open_picture
from .volumes import NO_SPACING, fit_volume

# What is true of a file and cannot be seen in its array; as `Case.remarks`.
UPPER_HALF = "have 16 bits in colour or beside alpha, of which the upper 8 are kept"
OUTSIDE_RANGE = (
    "are plain black or almost plain white after intensity_range: they lie outside it, or are blank"
)
_WHITE = 0.95  # of the pixels


@dataclass(frozen=True, eq=False)
class DecodedCase:
    """One decoded case.

    Args:
        image: uint8 (in_channels, *spatial_size).
        size: voxels along each axis before it was resized, in the order of the result's axes.
        kind: of the pixels that the file held.
        turned: whether an EXIF orientation was applied.
        place: where the grid of a volume lies in space; None in 2D.
        remarks: what a reader of a result should know of the file, each a sentence without its
            subject ("state no ...").
        inside: share of a volume that the grid holds; less than 1 only with a `spacing`, which cuts
            what is larger.
    """

    image: np.ndarray
    _: KW_ONLY
    size: tuple[int, ...]
    kind: PixelKind
    turned: bool = False
    place: ImagePlace | None = None
    remarks: tuple[str, ...] = ()
    inside: float = 1.0


def read_case(path: Path, form: ImageForm) -> DecodedCase:
    """Return a file (or the folder of a DICOM series) in the form that a network takes.

    The one way from a file to a network's pixels, in training and in inference. First the channels
    and grey values (low becomes 0, high 255, what lies outside is clipped), then the size:
    `medmonai.data.files.picture_fit.fit_picture` in 2D, `medmonai.data.files.volumes.fit_volume` in
    3D.

    Args:
        path: a file, or the folder of a DICOM series.
        form: what to make of it.

    Raises:
        ImportError: a DICOM file, and the extra `[dicom]` is not installed.
        UnreadableImageError: a damaged file, NaN, or one that is refused for what it holds; with
            `form.spacing`, a volume that states no spacing.
        ValueError: grey values without a range, or a kind of file that does not fit the number of
            axes.
    """
    known = _format(path)
    if len(form.spatial_size) == 3:
        return _read_volume_case(path, form, known)
    if known is not PICTURES:
        image = known.picture(path)
        return array_case(image, form, path.name, kind=array_kind(known.name, image))
    picture = open_picture(path, form)
    if picture.image.mode in ("L", "RGB") and form.intensity_range is None:
        case = DecodedCase(fit_picture(picture, form), size=picture.size, kind=picture.kind)
    else:
        values = picture_array(picture.image)
        # 255 becomes 65535
        values = values.astype(np.uint16) * 257 if picture.kind.upper_half else values
        case = replace(array_case(values, form, path.name, kind=picture.kind), size=picture.size)
    return replace(
        case,
        turned=picture.turned,
        remarks=(*case.remarks, *[UPPER_HALF] * picture.kind.upper_half),
    )


def array_case(image: np.ndarray, form: ImageForm, name: str, *, kind: PixelKind) -> DecodedCase:
    """Return an image (C, *spatial) that has no place in space as a case.

    Args:
        image: see `to_form`, as are `form`, `name` and what is raised.
        form: what to make of it.
        name: the image's, for the messages.
        kind: of the pixels that the file held.
    """
    made = to_form(image, form, name)
    return DecodedCase(made, size=image.shape[1:], kind=kind, remarks=_range_remarks(made, form))


def _read_volume_case(path: Path, form: ImageForm, known: ImageFormat) -> DecodedCase:
    volume = known.volume(path)
    if form.spacing is not None and NO_SPACING in volume.remarks:
        raise unreadable(
            path,
            f"its header states no voxel size, or 0 mm, and spacing={form.spacing} needs their "
            "true size",
        )
    values = to_grey_levels(
        to_channels(volume.values, form.in_channels, path.name), form.intensity_range, path.name
    )
    image, place = fit_volume(replace(volume, values=values), form)
    inside = 1.0 if form.spacing is None else place.share_inside(form.spatial_size)
    return DecodedCase(
        image,
        size=volume.turned_shape(form.orientation),
        kind=array_kind(known.name, volume.values),
        place=place,
        inside=inside,
        remarks=(*volume.remarks, *_range_remarks(image, form)),
    )


def _range_remarks(made: np.ndarray, form: ImageForm) -> tuple[str, ...]:
    """Return OUTSIDE_RANGE for an image that the window left without content: a wrong range, or
    wrong bits in its header.
    """
    if form.intensity_range is None:
        return ()
    return (
        (OUTSIDE_RANGE,)
        if not made.any() or np.count_nonzero(made == 255) > _WHITE * made.size
        else ()
    )


def read_image(path: Path, spatial_size: tuple[int, ...]) -> np.ndarray:
    """Return a file (or DICOM series) as (C, *spatial), in its own size and grey values; volumes in
    RAS orientation.

    Raises:
        UnreadableImageError, ValueError: see `read_case`.
    """
    known = _format(path)
    return known.volume(path).turned() if len(spatial_size) == 3 else known.picture(path)


def _format(path: Path) -> ImageFormat:
    known = image_format(path)
    if known is None:
        raise unreadable(path, NO_IMAGE)
    return known


def to_form(image: np.ndarray, form: ImageForm, name: str) -> np.ndarray:
    """Return an image (C, *spatial) that has no place in space as uint8 (in_channels,
    *spatial_size).

    Args:
        image: grey values or colours; a volume of an npz file keeps its axes.
        form: what to make of it; a volume cannot have a `spacing`.
        name: the image's, for the messages.

    Raises:
        ValueError: grey values without a range, NaN, other channels, a spacing.
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
        ValueError: a damaged file, no or several image arrays, an object array, a shape that does
            not fit.
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
    # MedMNIST's layouts first: (N, *spatial) and (N, *spatial, 3); else channels first.
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
    """Return an image with 1 or 3 channels as one with `in_channels`: luma (ITU-R 601) or
    repetition.

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
    """Return the image with values 0 to 255: uint8 as it is, or float32 after the window.

    Raises:
        UnreadableImageError: NaN or infinite values: the file is at fault.
        ValueError: other values than uint8 and no window: the argument is.
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


def read_sample(path: Path, *, spatial_dims: int) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """Return a file (or DICOM series) as (C, *spatial) in its own grey values, and its spacing.

    Volumes are turned to RAS. Their spacing is millimeters along the turned axes, and None where
    the file does not state it; pictures have none.

    Raises:
        UnreadableImageError, ValueError: see `read_case`.
    """
    known = _format(path)
    if spatial_dims == 2:
        return known.picture(path), None
    volume = known.volume(path)
    values = volume.turned()
    if NO_SPACING in volume.remarks:
        return values, None
    return values, volume.turned_spacing()
