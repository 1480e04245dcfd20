"""The supported formats of image files, and how to tell which one a file has."""

from __future__ import annotations

from pathlib import Path

from .dicom_series import Dicom
from .image_format import ImageFormat
from .meta_image import MetaImage
from .nifti import Nifti
from .nrrd import Nrrd
from .pictures import Pictures

PICTURES = Pictures()
FORMATS: tuple[ImageFormat, ...] = (Nifti(), PICTURES, Dicom(), MetaImage(), Nrrd())
# Formats by the ending of the file name; an npz file contains many images.
KINDS = {suffix: known.name for known in FORMATS for suffix in known.suffixes} | {".npz": "npz"}

# Names to show, pictures first.
FORMAT_NAMES = ", ".join(one.title for one in sorted(FORMATS, key=lambda one: one is not PICTURES))
NO_IMAGE = f"it is of no format that is read ({FORMAT_NAMES})"
_BY_NAME = {known.name: known for known in FORMATS}


def image_kind(path: Path) -> str | None:
    """Return the name of a file's format ("NIfTI", "picture", "DICOM", ...), "npz", or None for
    anything else.

    The ending of the name decides. A folder, or a file with another ending, has the format whose
    signature it contains.
    """
    name = path.name.lower()
    kind = next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), None)
    if kind is not None and not path.is_dir():
        return kind
    return next((one.name for one in FORMATS if one.marks(path)), None)


def format_of(path: Path) -> ImageFormat | None:
    """Return the format of a file or of a series folder; None for npz files and anything that is
    not an image.
    """
    return _BY_NAME.get(image_kind(path) or "")
