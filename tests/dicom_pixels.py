"""The pixels of a DICOM file that a test writes, and the tags that say which bits hold them."""

from __future__ import annotations

from dicom_files import save

from medmonai.data.containers.dicom_file import open_dicom
from medmonai.data.formats.dicom import pixels

NO_SIGN = {"Modality": "DX"}


def read(tmp_path, found):
    path = save(found, tmp_path / "a.dcm")
    return pixels(open_dicom(path), path)


def bits(stored, high=None, **tags):
    return {
        "BitsStored": stored,
        "HighBit": stored - 1 if high is None else high,
        **NO_SIGN,
        **tags,
    }
