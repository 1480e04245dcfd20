"""TIFF files that tests write by hand, tag by tag, and gray values of every kind to put in."""

from __future__ import annotations

import struct

import numpy as np

RNG = np.random.default_rng(0)


def tiff(path, data, shape, *, order="<", bits=(8,), big=False, **tags):
    """Write a TIFF of one strip by hand: tags by number, as (type, values); uncompressed, black is
    zero if not said.
    """
    height, width = shape
    found = {
        256: (3, [width]),
        257: (3, [height]),
        258: (3, list(bits)),
        259: (3, [1]),
        262: (3, [1 if len(bits) < 3 else 2]),
        277: (3, [len(bits)]),
        278: (3, [height]),
        279: (4, [len(data)]),
        **{int(k[1:]): v for k, v in tags.items()},
    }
    found[273] = (4, [0])
    count, field, inline = ("Q", "Q", 8) if big else ("H", "I", 4)
    head = 16 if big else 8
    tables = (
        head
        + struct.calcsize("=" + count)
        + len(found) * (20 if big else 12)
        + struct.calcsize("=" + field)
    )
    extra, rows = b"", b""
    for tag in sorted(found):
        kind, values = found[tag]
        form = order + {1: "B", 2: "B", 3: "H", 4: "I", 11: "f"}[kind] * len(values)
        packed = struct.pack(form, *values)
        if tag == 273:
            rows += b"STRIP"
            continue
        if len(packed) > inline:
            packed, extra = struct.pack(order + field, tables + len(extra)), extra + packed
        rows += struct.pack(order + "HH" + field, tag, kind, len(values)) + packed.ljust(
            inline, b"\0"
        )
    strip = struct.pack(order + "HH" + field, 273, 4, 1) + struct.pack(
        order + "I", tables + len(extra)
    ).ljust(inline, b"\0")
    start = b"II" if order == "<" else b"MM"
    start += struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    path.write_bytes(
        start
        + struct.pack(order + count, len(found))
        + rows.replace(b"STRIP", strip)
        + struct.pack(order + field, 0)
        + extra
        + data
    )
    return path


GREY = {
    kind: RNG.integers(0 if kind[0] == "u" else -100, 120, (5, 7)).astype(kind)
    for kind in ("u1", "i1", "u2", "i2", "i4")
}
GREY |= {
    "u4": RNG.integers(0, 1 << 32, (5, 7)).astype("u4"),
    "f4": RNG.normal(size=(5, 7)).astype("f4"),
}
