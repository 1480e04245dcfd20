"""The first layers of a network: how much of a small image is left when the first block sees it."""

from __future__ import annotations

from typing import NamedTuple


class Stem(NamedTuple):
    """Kernel and stride of the first convolution, and whether a 3x3, stride-2 max-pool follows
    it.
    """

    kernel_size: int
    stride: int
    max_pool: bool


STEMS = {
    "small": Stem(3, 1, False),
    "small_stride2": Stem(3, 2, False),
    "standard": Stem(7, 2, True),
}


def stem_of(name: str) -> Stem:
    """Return the stem of that name.

    ================ ============ ====== ======== ==================================================
    name             kernel       stride max-pool meant for
    ================ ============ ====== ======== ==================================================
    small            3            1      no       28 to 64 pixels: nothing is lost before the first
                                                  block
    small_stride2    3            2      no       28^3 volumes on a CPU: an eighth of the operations
                                                  of "small"
    standard         7            2      yes      224 pixels, as in the papers and in ImageNet
                                                  weights
    ================ ============ ====== ======== ==================================================

    Raises:
        ValueError: there is no such stem.

    Example:
        >>> stem_of("small")
        Stem(kernel_size=3, stride=1, max_pool=False)
    """
    if name not in STEMS:
        raise ValueError(f"stem={name!r} does not exist; use one of {', '.join(STEMS)}.")
    return STEMS[name]


def check_shape_arguments(spatial_dims: int, **counts: int) -> None:
    """Check what every network is built with: 2 or 3 spatial dimensions and counts of at least 1.

    Raises:
        ValueError: another number of dimensions, or a count that is not a whole number above zero.
    """
    if spatial_dims not in (2, 3):
        raise ValueError(
            f"spatial_dims={spatial_dims!r} is not supported; use 2 (images) or 3 (volumes)."
        )
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"{name}={count!r} is not possible; use a whole number of at least 1.")
