"""MetaImage (.mha): a header of "name = value", then the voxels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from medmonai.data.containers import unreadable

from .itk_volumes import ItkFormat, ItkHeader, check_unit, header_fields, whole_numbers


class MetaImage(ItkFormat):
    """MetaImage in one file."""

    name = title = "MetaImage"
    suffixes = (".mha",)
    image_io = "MetaImageIO"
    _TYPES: ClassVar = {
        "UCHAR": "u1",
        "CHAR": "i1",
        "USHORT": "u2",
        "SHORT": "i2",
        "UINT": "u4",
        "INT": "i4",
        "FLOAT": "f4",
        "DOUBLE": "f8",
    }

    def parse(self, path: Path, raw: bytes) -> ItkHeader:
        """Return the parsed header, see `ItkFormat.parse`."""
        mark = b"ElementDataFile"
        end = raw.index(b"\n", raw.index(mark)) + 1 if mark in raw else 0
        fields = header_fields(raw[:end], "=")
        if not end or "ObjectType" not in fields:
            raise unreadable(
                path, "it is not a MetaImage file, whatever its name says, or its start is damaged"
            )
        if fields["ElementDataFile"] != "LOCAL":
            raise unreadable(path, "its voxels lie in another file; save it as one .mha file")
        if fields.get("BinaryData", "False") != "True" or fields.get("HeaderSize", "0") != "0":
            raise unreadable(
                path, "its voxels are text, or lie behind a gap; save them as binary data"
            )
        _refuse_scaling(path, fields)
        packed = (
            None
            if fields.get("CompressedData", "False") == "False"
            else int(fields["CompressedDataSize"])
        )
        dtype = self._TYPES.get(fields["ElementType"].removeprefix("MET_").removesuffix("_ARRAY"))
        if dtype is None:
            raise unreadable(
                path,
                f"its ElementType is {fields['ElementType']}; {', '.join(self._TYPES)} are read",
            )
        order = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
        return ItkHeader(
            whole_numbers(fields["DimSize"]),
            np.dtype(dtype).newbyteorder(">" if order == "True" else "<"),
            int(fields.get("ElementNumberOfChannels", 1)),
            end,
            packed,
            oriented=bool({"TransformMatrix", "Rotation", "Orientation"} & set(fields)),
            spaced=bool({"ElementSpacing", "ElementSize"} & set(fields)),
        )


def _refuse_scaling(path: Path, fields: Mapping[str, str]) -> None:
    for name, neutral in (
        ("ElementToIntensityFunctionSlope", 1),
        ("ElementToIntensityFunctionOffset", 0),
    ):
        if float(fields.get(name, neutral)) != neutral:
            raise unreadable(
                path,
                f"its {name} is {fields[name]}, which ITK passes over; save it with scaled values",
            )
    check_unit(path, fields.get("DistanceUnits", ""))
