"""Where the network looks, as Secondary Capture images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from medmonai import __version__
from medmonai.data.files import DecodedCase
from medmonai.data.image_place import ImagePlace
from medmonai.report import NOT_CLINICAL
from medmonai.serving.views import image_planes, is_upright, map_planes

from .instances import Instance
from .report import MANUFACTURER, Identity

if TYPE_CHECKING:
    from pydicom import Dataset

_CAPTURE_SERIES = 9902
_SIDE = 384  # pixels of the longer side
_LINE = 16  # pixels of the line of text below the image
_MOST = 64  # slices that are shown of a volume


def captures(
    case: DecodedCase,
    values: np.ndarray,
    images: Sequence[Instance],
    identity: Identity,
    *,
    first: int = 1,
) -> Iterator[Dataset]:
    """Yield the image as the network sees it under its saliency map: one picture, or the slices of
    a volume, at most 64 of them.

    Args:
        case: the decoded image.
        values: the map (*spatial) in [0, 1].
        images: what it was decoded from.
        identity: names the model.
        first: number of the first picture in its series.
    """
    planes = image_planes(case)
    maps = map_planes(values, case.place)
    chosen = np.unique(np.linspace(0, len(planes) - 1, min(len(planes), _MOST)).round().astype(int))
    size = _size(planes[0].shape[:2], case.place)
    for number, k in enumerate(chosen, start=first):
        shown = f"{NOT_CLINICAL} Grad-CAM"
        if len(planes) > 1:
            shown += f", slice {k + 1} of {len(planes)}"
        picture = _drawn(planes[k], maps[k], size, shown)
        yield _capture(picture, images, identity, number=number, place=case.place)


def _size(shape: tuple[int, int], place: ImagePlace | None) -> tuple[int, int]:
    """Return rows and columns of a picture whose pixels are square."""
    extent = np.array(shape, dtype=float)
    if place is not None:
        spacing = np.linalg.norm(place.affine[:3, :3], axis=0)
        extent *= (spacing[1], spacing[0]) if is_upright(place) else (spacing[0], spacing[1])
    rows, columns = np.maximum(np.round(extent * _SIDE / extent.max()), 1).astype(int).tolist()
    return rows, columns


def _drawn(plane: np.ndarray, over: np.ndarray, size: tuple[int, int], text: str) -> np.ndarray:
    """Return the picture (rows, columns, 3) with its map over it and a line of text below."""
    from PIL import Image, ImageDraw

    rows, columns = size
    bilinear = Image.Resampling.BILINEAR
    below = Image.fromarray(np.ascontiguousarray(plane)).convert("RGB")
    below = below.resize((columns, rows), bilinear)
    above = Image.fromarray(np.ascontiguousarray(over)).resize((columns, rows), bilinear)
    below.paste(above, mask=above.getchannel("A"))
    canvas = Image.new("RGB", (max(columns, _SIDE), rows + _LINE))
    canvas.paste(below, ((canvas.width - columns) // 2, 0))
    ImageDraw.Draw(canvas).text((2, rows + 2), text, fill="white")
    return np.asarray(canvas)


def _capture(
    picture: np.ndarray,
    images: Sequence[Instance],
    identity: Identity,
    *,
    number: int,
    place: ImagePlace | None,
) -> Dataset:
    from highdicom.sc import SCImage
    from pydicom import DataElement, Dataset

    first = images[0].header
    series = str(first.SeriesInstanceUID)
    capture = SCImage.from_ref_dataset(
        first,
        picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=identity.uid(series, "captures"),
        series_number=_CAPTURE_SERIES,
        series_description=f"{MANUFACTURER}: {NOT_CLINICAL}",
        sop_instance_uid=identity.uid(series, "capture", str(number)),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=identity.name[:64],
        software_versions=f"medmonai {__version__}, model {identity.version}",
        patient_orientation=("L", "P"),
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        specific_character_set="ISO_IR 192",
    )
    if place is None or not is_upright(place):
        capture["PatientOrientation"].value = ""  # not known
    capture["Laterality"] = DataElement("Laterality", "CS", "")  # not known, and asked for
    capture.BurnedInAnnotation = "NO"  # none that identifies a patient
    capture.DerivationDescription = f"Grad-CAM of the decided class. {NOT_CLINICAL}"
    capture.SourceImageSequence = []
    for image in images:
        source = Dataset()
        source.ReferencedSOPClassUID = image.header.SOPClassUID
        source.ReferencedSOPInstanceUID = image.header.SOPInstanceUID
        capture.SourceImageSequence.append(source)
    return capture
