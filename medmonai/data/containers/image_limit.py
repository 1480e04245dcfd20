"""The single limit on the memory that an image file may claim, checked before decoding."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from .faults import unreadable

# The environment variable that changes the limit. Worker processes inherit it, and every command
# reads it.
IMAGE_LIMIT = "MEDMONAI_IMAGE_LIMIT"

# Decompressed bytes that one image may take in the dtype of its file: 2000 slices of 512 x 512 with
# 16 bits, or 268 million pixels of a picture. Conversions (float32, RGB) briefly take up to four
# times as much.
DEFAULT_IMAGE_LIMIT = 1 << 30

# zlib's own bound: a byte of a deflated stream becomes at most 1032 bytes.
MOST_INFLATED = 1032


def image_limit() -> int:
    """Return the bytes that one decoded image may take: MEDMONAI_IMAGE_LIMIT, or 2^30.

    Raises:
        ValueError: the environment variable holds something other than a positive number of bytes.

    Example:
        >>> image_limit() == DEFAULT_IMAGE_LIMIT or IMAGE_LIMIT in os.environ
        True
    """
    given = os.environ.get(IMAGE_LIMIT, "")
    if given and not (given.isascii() and given.isdigit() and int(given)):
        raise ValueError(
            f"{IMAGE_LIMIT}={given!r}; a positive number of bytes is needed, or leave it unset for "
            f"{DEFAULT_IMAGE_LIMIT}."
        )
    return int(given or DEFAULT_IMAGE_LIMIT)


def check_limit(
    path: Path, shape: Sequence[int], item_bytes: float, *, what: str = "voxels"
) -> int:
    """Return the bytes that an image of a given shape takes, or raise if they exceed the limit.

    Args:
        path: path of the file, for the message.
        shape: length of each axis according to the header.
        item_bytes: bytes per value or pixel; may be a fraction.
        what: what the shape counts.

    Raises:
        UnreadableImageError: the image is too large; the message has the limit and how to raise it.
    """
    needed = math.ceil(math.prod(int(n) for n in shape) * item_bytes)
    limit = image_limit()
    if needed > limit:
        raise unreadable(
            path,
            f"it says that it has {' x '.join(map(str, shape))} {what}, which take {needed} bytes, "
            f"and at most {limit} are read; if the file is sound, set {IMAGE_LIMIT} to more bytes",
        )
    return needed
