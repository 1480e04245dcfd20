"""Decoding one case, a picture or a volume, into the form that a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path

import numpy as np

from medmonai.data.case_files import ArrayImage, CaseFile, CaseFiles
from medmonai.data.containers import PixelKind, array_kind, joint_kind, unreadable
from medmonai.data.formats import (
    NO_IMAGE,
    NO_SPACING,
    PICTURES,
    ImageFormat,
    Volume,
    fit_picture,
    fit_volume,
    format_of,
    open_picture,
    picture_array,
)
from medmonai.data.image_form import ImageForm
from medmonai.data.image_place import ImagePlace

from .arrays import to_channels, to_form, to_grey_levels
from .modalities import (
    common_affine,
    overlap,
    overlap_remarks,
    require_channels,
    require_same_size,
    with_indicators,
)

# Facts about a file that its array does not show; used in `DecodedCase.remarks`.
UPPER_HALF = "have 16 bits in color or beside alpha, of which the upper 8 are kept"
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


def read_case(case: CaseFiles, form: ImageForm) -> DecodedCase:
    """Return a case in the form that a network takes: a file (or the folder of a DICOM series), or
    one for each channel.

    This is the only way from files to a network's pixels, in training and inference. First come
    the channels and gray values (low becomes 0, high becomes 255, and values outside are clipped),
    then the size: `medmonai.data.formats.picture_fit.fit_picture` in 2D,
    `medmonai.data.formats.volumes.fit_volume` in 3D.

    Several files are one channel each, in their order; colors become gray. Pictures must have one
    size. Volumes are resampled to the grid that the form gives the first one, by the affines that
    they state; where one states none, all must have the same number of voxels. A missing file is a
    channel of 0.

    Args:
        case: a file, or a tuple of files with None where one is missing.
        form: what to make of it.

    Raises:
        ImportError: a package that the format needs is missing.
        UnreadableImageError: a damaged file, NaN, or a file that is refused for its content; with
            `form.spacing`, a volume that states no spacing; files that do not fit together.
        ValueError: gray values without a range, a kind of file that does not match the number of
            axes, or another number of files than channels.
    """
    plain = form.without_indicators()
    if not isinstance(case, tuple):
        made = _read_file(case, plain)
        return replace(made, image=with_indicators(made.image, form))
    require_channels(case, form)
    there = [(channel, file) for channel, file in enumerate(case) if file is not None]
    read = _read_volumes if len(form.spatial_size) == 3 else _read_pictures
    parts = read(there, plain)
    image = np.zeros((plain.in_channels, *form.spatial_size), np.uint8)
    for (channel, _), part in zip(there, parts):
        image[channel] = part.image[0]
    missing = sorted(set(range(len(case))) - {channel for channel, _ in there})
    return replace(
        parts[0],
        image=with_indicators(image, form, missing),
        kind=joint_kind([part.kind for part in parts], len(case)),
        turned=any(part.turned for part in parts),
        remarks=tuple(dict.fromkeys(remark for part in parts for remark in part.remarks)),
    )


def _read_file(path: CaseFile, form: ImageForm) -> DecodedCase:
    if isinstance(path, ArrayImage):
        image = path.read()
        return array_case(image, form, path.name, kind=array_kind("npz", image))
    known = _format(path)
    if len(form.spatial_size) == 3:
        return volume_case(_volume(path, form), form, path.name, held=known.name)
    if known is not PICTURES:
        image = known.picture(path)
        return array_case(image, form, path.name, kind=array_kind(known.name, image))
    picture = open_picture(path, form)
    plain = picture.image.mode in ("L", "RGB") and form.in_channels in (1, 3)
    if plain and form.intensity_range is None:
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


def _read_pictures(files: Sequence[tuple[int, Path]], form: ImageForm) -> list[DecodedCase]:
    parts = [_read_file(file, form.of_channel(channel)) for channel, file in files]
    require_same_size([(file.name, part.size) for (_, file), part in zip(files, parts)])
    return parts


def _read_volumes(files: Sequence[tuple[int, Path]], form: ImageForm) -> list[DecodedCase]:
    (channel, path), *others = files
    first = _volume(path, form)
    held = _format(path).name
    parts = [volume_case(first, form.of_channel(channel), path.name, held=held)]
    for channel, file in others:
        volume = _volume(file, form)
        names = (file.name, path.name)
        affine = common_affine(volume, first, names=names)
        remarks = overlap_remarks(overlap(affine, volume, first), names)
        placed = replace(volume, affine=affine, remarks=(*volume.remarks, *remarks))
        alone = form.of_channel(channel)
        held = _format(file).name
        parts.append(volume_case(placed, alone, file.name, held=held, grid=parts[0].place))
    return parts


def array_case(image: np.ndarray, form: ImageForm, name: str, *, kind: PixelKind) -> DecodedCase:
    """Return an image (C, *spatial) without a place in space as a case.

    Args:
        image: see `to_form`, also for `form`, `name` and the exceptions.
        form: what to make of it.
        name: name of the image, for messages.
        kind: of the pixels that the file held.
    """
    made = to_form(image, form, name)
    remarks = _range_remarks(made, form)
    return DecodedCase(
        with_indicators(made, form), size=image.shape[1:], kind=kind, remarks=remarks
    )


def _volume(path: Path, form: ImageForm) -> Volume:
    volume = _format(path).volume(path)
    if form.spacing is not None and NO_SPACING in volume.remarks:
        raise unreadable(
            path,
            f"its header states no voxel size, or 0 mm, and spacing={form.spacing} needs their "
            "true size",
        )
    return volume


def volume_case(
    volume: Volume, form: ImageForm, name: str, *, held: str, grid: ImagePlace | None = None
) -> DecodedCase:
    """Return a volume in the form, on its own grid or on that of another volume.

    Args:
        volume: gray values and where they lie.
        form: what to make of it; its indicators are left out.
        name: name of the volume, for messages.
        held: name of the format that it was in.
        grid: the place of another volume, onto whose grid this one is resampled.
    """
    values = to_grey_levels(
        to_channels(volume.values, form.image_channels, name, colour=volume.colour),
        form.intensity_range,
        name,
    )
    image, place = fit_volume(replace(volume, values=values), form, grid=grid)
    inside = 1.0 if form.spacing is None else place.share_inside(form.spatial_size)
    return DecodedCase(
        image,
        size=volume.turned_shape(form.orientation),
        kind=array_kind(held, volume.values, colour=volume.colour),
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


def read_image(path: CaseFile, spatial_size: tuple[int, ...]) -> np.ndarray:
    """Return a file (or DICOM series) as (C, *spatial) with its own size and gray values; volumes
    in RAS orientation.

    Raises:
        UnreadableImageError, ValueError: see `read_case`.
    """
    if isinstance(path, ArrayImage):
        return path.read()
    known = _format(path)
    return known.volume(path).turned() if len(spatial_size) == 3 else known.picture(path)


def _format(path: Path) -> ImageFormat:
    known = format_of(path)
    if known is None:
        raise unreadable(path, NO_IMAGE)
    return known


def read_sample(
    path: CaseFile, *, spatial_dims: int
) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """Return a file (or DICOM series) as (C, *spatial) with its own gray values, and its spacing.

    Volumes are reoriented to RAS. Their spacing is in millimeters along the new axes, or None if
    the file does not state it; pictures have none.

    Raises:
        UnreadableImageError, ValueError: see `read_case`.
    """
    if isinstance(path, ArrayImage):
        return path.read(), None
    known = _format(path)
    if spatial_dims == 2:
        return known.picture(path), None
    volume = known.volume(path)
    values = volume.turned()
    if NO_SPACING in volume.remarks:
        return values, None
    return values, volume.turned_spacing()
