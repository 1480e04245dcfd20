from .acquisition import acquisition, series_of
from .arrays import npz_channel_axis, read_npz_images, to_form
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
    unread_kinds,
    why_no_case,
)
from .headers import Headers, read_headers
from .map_transforms import LoadImaged, ToImageFormd, array_in_form
from .reading import DecodedCase, array_case, read_case, read_image, read_sample

__all__ = [
    "AGAIN",
    "NOT_READ",
    "DecodedCase",
    "DicomFolders",
    "Headers",
    "LoadImaged",
    "ToImageFormd",
    "TooManyFiles",
    "acquisition",
    "array_case",
    "array_in_form",
    "find_in_folders",
    "is_hidden",
    "is_image",
    "known_suffix",
    "npz_channel_axis",
    "read_case",
    "read_headers",
    "read_image",
    "read_npz_images",
    "read_sample",
    "series_of",
    "sub_folders",
    "to_form",
    "unread_kinds",
    "why_no_case",
]
