from .file_walk import (
    AGAIN,
    NOT_READ,
    DicomFolders,
    TooManyFiles,
    find_in_folders,
    is_hidden,
    is_image,
    known_suffix,
    sub_folders,
)
from .formats import FORMAT_NAMES, KINDS, image_kind
from .headers import Headers, read_headers
from .picture_fit import fit_picture
from .pictures import read_picture
from .reading import (
    DecodedCase,
    array_case,
    read_case,
    read_image,
    read_npz_images,
    read_sample,
    to_form,
)

__all__ = [
    "AGAIN",
    "FORMAT_NAMES",
    "KINDS",
    "NOT_READ",
    "DecodedCase",
    "DicomFolders",
    "Headers",
    "TooManyFiles",
    "array_case",
    "find_in_folders",
    "fit_picture",
    "image_kind",
    "is_hidden",
    "is_image",
    "known_suffix",
    "read_case",
    "read_headers",
    "read_image",
    "read_npz_images",
    "read_picture",
    "read_sample",
    "sub_folders",
    "to_form",
]
