"""What the header of a received instance says: whose it is, and what it is an image of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medmonai.data.containers import readable, unreadable

if TYPE_CHECKING:
    from pydicom import Dataset

# What a result in the same study has to repeat; "" where an instance has none, or one that DICOM
# does not allow.
_STUDY_TAGS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_IMAGE_TAGS = (
    "SpecificCharacterSet",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "Modality",
    "BodyPartExamined",
    "ImageType",
    "InstanceNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "PatientOrientation",
    "FrameOfReferenceUID",
    "ImagePositionPatient",
)
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_UID = re.compile(r"[0-9.]{1,64}")
# Bytes of a value that is read; longer ones are not of these tags.
_LONGEST = 1 << 16


@dataclass(frozen=True, eq=False)
class Instance:
    """A received instance.

    Args:
        path: the file.
        header: its tags of patient, study, series and image; no pixels.
    """

    path: Path
    header: Dataset

    @property
    def series_key(self) -> str:
        """How the node names the series: the SHA-256 of its UID."""
        return hashed(str(self.header.SeriesInstanceUID))

    @property
    def name(self) -> str:
        """How the node names the instance: the beginning of the SHA-256 of its UID."""
        return hashed(str(self.header.SOPInstanceUID))[:32]

    @property
    def modality(self) -> str:
        """The stated modality in capitals; "" if there is none."""
        return str(self.header.get("Modality") or "").strip().upper()

    @property
    def body_part(self) -> str:
        """The stated body part in capitals; "" if there is none."""
        return str(self.header.get("BodyPartExamined") or "").strip().upper()

    @property
    def frames(self) -> int:
        """Number of pictures."""
        return int(self.header.get("NumberOfFrames") or 1)

    @property
    def kind(self) -> str:
        """Name of its SOP class, such as "CT Image Storage"."""
        return str(getattr(self.header.SOPClassUID, "name", self.header.SOPClassUID))


def read_instance(path: Path) -> Instance:
    """Read the header of an instance.

    Args:
        path: a DICOM file.

    Raises:
        UnreadableImageError: not a DICOM file, or one without the UIDs of study, series, class and
            instance.
    """
    import pydicom

    with readable(path):
        header = pydicom.dcmread(
            path,
            stop_before_pixels=True,
            specific_tags=[*_IMAGE_TAGS, *_STUDY_TAGS],
            defer_size=_LONGEST,
        )
        for name in _UIDS:
            if not _UID.fullmatch(str(header.get(name) or "")):
                raise unreadable(path, f"it states no {name}")
        for name in _STUDY_TAGS:
            if name not in header or not _is_allowed(header, name):
                header.pop(name, None)
                setattr(header, name, "")
        int(header.get("NumberOfFrames") or 1)
    return Instance(path, header)


def _is_allowed(header: Dataset, name: str) -> bool:
    """Return whether a value is one that DICOM allows: a sex of another language or a date such as
    00000000 would make the results invalid, too.
    """
    from pydicom.multival import MultiValue
    from pydicom.valuerep import DA, TM

    value = header[name].value
    if isinstance(value, MultiValue):
        return False
    if name == "PatientSex":
        return str(value or "") in ("", "M", "F", "O")
    try:
        if name.endswith("Date"):
            DA(str(value or ""))
        elif name.endswith("Time"):
            TM(str(value or ""))
    except ValueError:
        return False
    return True


def hashed(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()
