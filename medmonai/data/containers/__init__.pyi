from .dicom_file import frame_bytes, frames, is_beside, is_dicom, open_dicom, readable, says_beside
from .dicom_pixels import stored_pixels
from .faults import UnreadableImageError, of_the_disk, unreadable
from .image_limit import check_limit
from .nifti_file import check_end, opened_nifti, voxels_end
from .npz import NpzArray, npz_array, npz_keys
from .picture_file import opened_picture
from .pixel_kind import PixelKind, array_kind, by_name, is_colour, joint_kind, of_channels
from .png_exif import exif_after_pixels
from .tiff import tiff_name, tiff_swapped, tiff_values

__all__ = [
    "NpzArray",
    "PixelKind",
    "UnreadableImageError",
    "array_kind",
    "by_name",
    "check_end",
    "check_limit",
    "exif_after_pixels",
    "frame_bytes",
    "frames",
    "is_beside",
    "is_colour",
    "is_dicom",
    "joint_kind",
    "npz_array",
    "npz_keys",
    "of_channels",
    "of_the_disk",
    "open_dicom",
    "opened_nifti",
    "opened_picture",
    "readable",
    "says_beside",
    "stored_pixels",
    "tiff_name",
    "tiff_swapped",
    "tiff_values",
    "unreadable",
    "voxels_end",
]
