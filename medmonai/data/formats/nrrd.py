"""NRRD: a header of "name: value", an empty line, then the voxels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from medmonai.data.containers import unreadable

from .itk_volumes import ItkFormat, ItkHeader, check_unit, header_fields, whole_numbers

# NRRD's names of patient coordinate systems that ITK knows, and of spaces unrelated to a patient.
_SPACES = (
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
    "left-posterior-superior",
    "lps",
)
_UNORIENTED = ("", "scanner-xyz", "3d-right-handed", "3d-left-handed")
_VALUE_KINDS = (
    "list",
    "vector",
    "RGB-color",
    "RGBA-color",
    "3-color",
    "4-color",
    "3-vector",
    "4-vector",
)


class Nrrd(ItkFormat):
    """NRRD in one file."""

    name = title = "NRRD"
    suffixes = (".nrrd",)
    image_io = "NrrdImageIO"
    _TYPES: ClassVar = {
        "u1": "uchar, unsigned char, uint8, uint8_t",
        "i1": "signed char, int8, int8_t",
        "u2": "ushort, unsigned short, unsigned short int, uint16, uint16_t",
        "i2": "short, short int, signed short, signed short int, int16, int16_t",
        "u4": "uint, unsigned int, uint32, uint32_t",
        "i4": "int, signed int, int32, int32_t",
        "f4": "float",
        "f8": "double",
    }

    def parse(self, path: Path, raw: bytes) -> ItkHeader:
        """Return the parsed header, see `ItkFormat.parse`."""
        ends = [at + len(mark) for mark in (b"\n\n", b"\r\n\r\n") if (at := raw.find(mark)) >= 0]
        if not raw.startswith(b"NRRD") or not ends:
            raise unreadable(
                path,
                "it is not an NRRD file with its voxels inside, whatever its name says, or its "
                "start is damaged",
            )
        end = min(ends)
        fields = {name.lower(): value for name, value in header_fields(raw[:end], ":").items()}
        if {"data file", "datafile"} & set(fields):
            raise unreadable(path, "its voxels lie in another file; save it as one .nrrd file")
        if fields["encoding"] not in ("raw", "gzip", "gz") or {"byte skip", "line skip"} & set(
            fields
        ):
            raise unreadable(
                path, f"its encoding is {fields['encoding']} or skips bytes; raw and gzip are read"
            )
        dtype = self._dtype(path, fields)
        units = fields.get("space units", "") + fields.get("units", "")
        for unit in re.findall(r'"([^"]*)"', units):
            check_unit(path, unit)
        if fields.get("space", "").lower() not in (*_SPACES, *_UNORIENTED):
            raise unreadable(
                path, f"its space is {fields['space']}; {', '.join(_SPACES[1::2]).upper()} are read"
            )
        sizes = whole_numbers(fields["sizes"])
        if len(sizes) != int(fields["dimension"]):
            raise unreadable(
                path,
                f"its header states {fields['dimension']} axes and the sizes {fields['sizes']}",
            )
        if len(sizes) == 4 and fields.get("kinds", "?").split()[0] not in _VALUE_KINDS:
            raise unreadable(
                path,
                f"it has 4 axes, {fields['sizes']}, and the first is not of values; three axes are "
                "read",
            )
        channels, shape = (sizes[0], sizes[1:]) if len(sizes) == 4 else (1, sizes)
        directed = "space directions" in fields
        order = ">" if fields.get("endian", "little") == "big" else "<"
        return ItkHeader(
            shape,
            dtype.newbyteorder(order),
            channels,
            end,
            None if fields["encoding"] == "raw" else 0,
            oriented=directed and fields.get("space", "").lower() in _SPACES,
            spaced=directed or bool(np.isfinite(_numbers(fields.get("spacings", "nan"))).all()),
        )

    def _dtype(self, path: Path, fields: Mapping[str, str]) -> np.dtype:
        for code, names in self._TYPES.items():
            if fields["type"] in names.split(", "):
                return np.dtype(code)
        raise unreadable(
            path, f"its type is {fields['type']}; whole numbers up to 32 bits and floats are read"
        )


def _numbers(text: str) -> list[float]:
    return [float(word) for word in text.split()]
