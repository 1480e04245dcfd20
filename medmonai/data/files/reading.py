"""Decoding one case, a picture or a volume, into the form that a network takes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import numpy as np

from medmonai.data.containers import (
    PixelKind,
    array_kind,
    unreadable,
)
from medmonai.data.formats import (
    NO_IMAGE,
    NO_SPACING,
    PICTURES,
    ImageFormat,
    fit_picture,
    fit_volume,
    format_of,
    open_picture,
    picture_array,
)
from medmonai.data.image_form import ImageForm
from medmonai.data.image_place import ImagePlace

from .arrays import to_channels, to_form, to_grey_levels

# Facts about a file that its array does not show; used in `DecodedCase.remarks`.
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
        remarks: what a reader of a result should know about the file, each a sentence without its
            subject ("state no ...").
        inside: fraction of a volume that lies inside the grid; below 1 only with a `spacing`, which
            cuts larger volumes.
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

    This is the only way from a file to a network's pixels, in training and inference. First come
    the channels and gray values (low becomes 0, high becomes 255, and values outside are clipped),
    then the size: `medmonai.data.formats.picture_fit.fit_picture` in 2D,
    `medmonai.data.formats.volumes.fit_volume` in 3D.

    Args:
        path: a file, or the folder of a DICOM series.
        form: what to make of it.

    Raises:
        ImportError: a package that the format needs is missing.
        UnreadableImageError: a damaged file, NaN, or a file that is refused for its content; with
            `form.spacing`, a volume that states no spacing.
        ValueError: gray values without a range, or a kind of file that does not match the number of
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
    """Return an image (C, *spatial) without a place in space as a case.

    Args:
        image: see `to_form`, also for `form`, `name` and the exceptions.
        form: what to make of it.
        name: name of the image, for messages.
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
    """Return OUTSIDE_RANGE for an image left empty by the window, because of a wrong range or wrong
    bits in its header.
    """
    if form.intensity_range is None:
        return ()
    return (
        (OUTSIDE_RANGE,)
        if not made.any() or np.count_nonzero(made == 255) > _WHITE * made.size
        else ()
    )


def read_image(path: Path, spatial_size: tuple[int, ...]) -> np.ndarray:
    """Return a file (or DICOM series) as (C, *spatial) with its own size and gray values; volumes
    in RAS orientation.

    Raises:
        UnreadableImageError, ValueError: see `read_case`.
    """
    known = _format(path)
    return known.volume(path).turned() if len(spatial_size) == 3 else known.picture(path)


def _format(path: Path) -> ImageFormat:
    known = format_of(path)
    if known is None:
        raise unreadable(path, NO_IMAGE)
    return known


def read_sample(path: Path, *, spatial_dims: int) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """Return a file (or DICOM series) as (C, *spatial) with its own gray values, and its spacing.

    Volumes are reoriented to RAS. Their spacing is in millimeters along the new axes, or None if
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
