"""How an image was taken and stored, as far as its header says: format, device, settings."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medmonai.data.case_files import ArrayImage, CaseFiles, files_of
from medmonai.data.containers import (
    UnreadableImageError,
    open_dicom,
    opened_nifti,
    opened_picture,
    readable,
)
from medmonai.data.formats import first_image, format_of, image_kind

from .headers import read_header

if TYPE_CHECKING:
    from pydicom import Dataset

# Tags that describe device and technique. None is the name, number, date or address of a patient or
# a study.
_DICOM_TAGS = (
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "StationName",
    "SoftwareVersions",
    "KVP",
    "ConvolutionKernel",
    "SliceThickness",
    "MagneticFieldStrength",
    "EchoTime",
    "RepetitionTime",
    "ScanningSequence",
    "DetectorType",
    "ViewPosition",
    "BodyPartExamined",
    "PatientPosition",
    "PhotometricInterpretation",
    "BitsStored",
    "LossyImageCompression",
    "BurnedInAnnotation",
)
_MAKE = 271
_MODEL = 272
_SOFTWARE = 305
_STANDARD = 3688  # sum of the luminance table of the JPEG standard (K.1), which is quality 50
_LONGEST = 60  # characters of a value that are kept


def acquisition(case: CaseFiles) -> dict[str, str]:
    """Return what the header of a case's first file says about device, technique and storage.

    Every file has "format", "size" and "pixel kind". Pictures may have "JPEG quality" (estimated
    from the quantization table), "dots per inch", "compression", and "camera" and "software" from
    EXIF. NIfTI files have "spacing" and "orientation". DICOM files have the tags in this module
    that they state. A case of several files has "channels present", counted from 1. Nothing that
    identifies a patient is read.

    Args:
        case: a file, the folder of a DICOM series, or a file for each channel.

    Returns:
        Field -> value; {} for a file that cannot be read.

    Raises:
        ImportError: a DICOM file, and pydicom is not installed.
    """
    path = files_of(case)[0]
    try:
        size, kind = read_header(path)
        if isinstance(path, ArrayImage):
            return {"format": "npz", "size": " x ".join(map(str, size)), "pixel kind": str(kind)}
        known = format_of(path)
        assert known is not None  # its header was read
        facts = {
            "format": known.title,
            "size": " x ".join(map(str, size)),
            "pixel kind": str(kind),
        }
        further = _FURTHER.get(known.name)
        if further is not None:
            facts |= further(path)
    except UnreadableImageError:
        return {}
    if isinstance(case, tuple):
        present = [str(number) for number, file in enumerate(case, start=1) if file is not None]
        facts["channels present"] = ", ".join(present)
    shown = {name: " ".join(str(value).split())[:_LONGEST] for name, value in facts.items()}
    return {name: value for name, value in shown.items() if value}


def _of_picture(path: Path) -> dict[str, str]:
    with opened_picture(path, verify=False) as image:
        facts = {"format": str(image.format)}
        tables: dict[int, Any] = getattr(image, "quantization", None) or {}
        if tables:
            facts["JPEG quality"] = f"about {_quality(next(iter(tables.values())))}"
        resolution = image.info.get("dpi")
        if resolution:
            facts["dots per inch"] = " x ".join(f"{float(n):.4g}" for n in resolution)
        if image.info.get("compression"):
            facts["compression"] = str(image.info["compression"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged EXIF has nothing to say here
            exif = image.getexif()
        named = [exif.get(tag) for tag in (_MAKE, _MODEL)]
        facts["camera"] = " ".join(str(name).strip("\0 ") for name in named if name)
        facts["software"] = str(exif.get(_SOFTWARE) or "").strip("\0 ")
    return facts


def _quality(table: Any) -> int:
    """Return the quality (1 to 100) with which the IJG's library makes such a luminance table."""
    scale = 100 * sum(table) / _STANDARD
    quality = (200 - scale) / 2 if scale <= 100 else 5000 / scale
    return min(max(round(quality), 1), 100)


def _of_nifti(path: Path) -> dict[str, str]:
    import nibabel

    with opened_nifti(path) as (stored, _):
        spacing = [float(n) for n in stored.header.get_zooms()[:3]]
        axes = [axis or "?" for axis in nibabel.aff2axcodes(stored.affine)]
    return {
        "spacing": " x ".join(f"{mm:.3g}" for mm in spacing),
        "orientation": "".join(axes),
    }


def _of_dicom(path: Path) -> dict[str, str]:
    import pydicom

    first = first_image(path)
    with readable(first):
        dataset = pydicom.dcmread(
            first, stop_before_pixels=True, specific_tags=[*_DICOM_TAGS, "PixelSpacing"], force=True
        )
        facts = {name: _text(dataset, name) for name in _DICOM_TAGS}
        syntax = dataset.file_meta.get("TransferSyntaxUID")
    facts["compression"] = "" if syntax is None else str(syntax.name)
    facts["spacing"] = _text(dataset, "PixelSpacing")
    return facts


def series_of(path: CaseFiles) -> str:
    """Return what two slices of one DICOM series have in common, to compare and never to show; ""
    of anything but one DICOM file of one slice.
    """
    if not isinstance(path, Path) or path.is_dir() or image_kind(path) != "DICOM":
        return ""
    try:
        return str(open_dicom(path, pixels=False).get("SeriesInstanceUID") or "")
    except UnreadableImageError:
        return ""


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    if value is None:
        return ""
    if isinstance(value, (str, int, float)):
        return str(value)
    try:
        return "\\".join(map(str, value))
    except TypeError:
        return str(value)


_FURTHER: dict[str, Callable[[Path], dict[str, str]]] = {
    "picture": _of_picture,
    "NIfTI": _of_nifti,
    "DICOM": _of_dicom,
}
