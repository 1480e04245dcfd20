from .dicom_series import first_image
from .formats import FORMAT_NAMES, KINDS, NO_IMAGE, PICTURES, format_of, image_kind
from .image_format import ImageFormat
from .itk_volumes import NO_DIRECTIONS
from .nifti import NO_ORIENTATION
from .picture_fit import fit_picture, picture_array
from .pictures import open_picture, read_picture
from .volumes import LPS_TO_RAS, NO_SPACING, Volume, fit_volume

__all__ = [
    "FORMAT_NAMES",
    "KINDS",
    "LPS_TO_RAS",
    "NO_DIRECTIONS",
    "NO_IMAGE",
    "NO_ORIENTATION",
    "NO_SPACING",
    "PICTURES",
    "ImageFormat",
    "Volume",
    "first_image",
    "fit_picture",
    "fit_volume",
    "format_of",
    "image_kind",
    "open_picture",
    "picture_array",
    "read_picture",
]
