"""The formats of image files that are read, and which of them a file is."""

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
# What a file name's end says about how it is read; an npz file holds many images.
KINDS = {suffix: known.name for known in FORMATS for suffix in known.suffixes} | {".npz": "npz"}

# Named for people, pictures first.
FORMAT_NAMES = ", ".join(one.title for one in sorted(FORMATS, key=lambda one: one is not PICTURES))
NO_IMAGE = f"it is of no format that is read ({FORMAT_NAMES})"
_BY_NAME = {known.name: known for known in FORMATS}


def image_kind(path: Path) -> str | None:
    """Return the name of a file's format ("NIfTI", "picture", "DICOM", ...), "npz", or None for
    what is none of them.

    By the end of its name. A file with another end, or a folder, is of a format whose mark it
    holds.
    """
    name = path.name.lower()
    kind = next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), None)
    if kind is not None and not path.is_dir():
        return kind
    return next((one.name for one in FORMATS if one.marks(path)), None)


def format_of(path: Path) -> ImageFormat | None:
    """Return the format of a file or of the folder of a series; None for npz files and what is not
    an image.
    """
    return _BY_NAME.get(image_kind(path) or "")
