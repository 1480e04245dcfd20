"""The form that every image of a set is converted to: stated once in a bundle, for training and
inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from .options import Options

Aspect = Literal["stretch", "crop", "pad"]
# one pair for all channels, or one for each
IntensityRange = tuple[float, float] | tuple[tuple[float, float], ...]
# Opposite directions in space; an orientation takes one letter of each pair.
_DIRECTIONS = ("LR", "PA", "IS")


@dataclass(frozen=True)
class ImageForm(Options):
    """Size, channels, gray values and place in space of every image before the network's own
    transforms.

    `load_listing` and `load_images` take the same form and decode through one function, so a
    network sees the same pixels in training and in inference. MONAI's `LoadImage` + `Orientation` +
    `Spacing` + `Resize` must be configured separately in each file and bundle.

    Args:
        spatial_size: voxels along each axis; two axes or three.
        in_channels: number of channels, those of `indicators` included.
        intensity_range: (low, high) gray values that become 0 and 255 (HU for CT), or one such pair
            for each channel of the images; None only for uint8 images.
        aspect: 2D only: "stretch" resizes each axis separately, "crop" keeps the center, "pad" adds
            black.
        orientation: volumes only: the direction of each axis, as in nibabel's `aff2axcodes`; "RAS"
            runs to the right, to the front and upward.
        spacing: volumes only: millimeters between voxels along each axis of the result. The volume
            is then cropped or padded around its center to `spatial_size`; without it, each axis is
            stretched to `spatial_size`.
        jpeg_scaling: 2D only: whether to decode large JPEGs directly at a smaller size, at the cost
            of small differences; see `open_picture`. It does not affect other files, nor JPEGs if
            `intensity_range` is given.
        indicators: channels (from 0) that a case may lack, if its channels are files of their own.
            A channel that is missing is 0 everywhere. After the channels of the images follows one
            more for each number here: 255 where the case has the channel, 0 where it is missing.

    Raises:
        ValueError: an argument outside the values above.

    Example:
        >>> ImageForm(
        ...     (96, 96, 64), in_channels=1, intensity_range=(-160, 240), spacing=(1.5, 1.5, 3)
        ... ).spacing
        (1.5, 1.5, 3.0)
        >>> ImageForm((64, 64), in_channels=4, indicators=(2,)).image_channels
        3
    """

    spatial_size: tuple[int, ...]
    _: KW_ONLY
    in_channels: int
    intensity_range: IntensityRange | None = None
    aspect: Aspect = "stretch"
    orientation: str = "RAS"
    spacing: tuple[float, ...] | None = None
    jpeg_scaling: bool = False
    indicators: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        keep = object.__setattr__  # the way a frozen dataclass sets its own fields
        size = tuple(int(n) for n in self.spatial_size)
        if not _is_whole(self.in_channels, 1) or len(size) not in (2, 3) or min(size) < 1:
            raise ValueError(
                f"in_channels={self.in_channels}, spatial_size={size}; at least one channel and "
                "two or three axes are needed."
            )
        keep(self, "spatial_size", size)
        keep(self, "indicators", _check_indicators(self.indicators, self.in_channels))
        keep(self, "intensity_range", checked_range(self.intensity_range, self.image_channels))
        if self.aspect not in get_args(Aspect):
            raise ValueError(
                f"aspect={self.aspect!r} is unknown; use "
                f"{' or '.join(map(repr, get_args(Aspect)))}."
            )
        keep(self, "orientation", _check_orientation(self.orientation))
        keep(self, "spacing", _check_spacing(self.spacing, size))
        if self.aspect != "stretch" and len(size) == 3:
            raise ValueError(
                f"aspect={self.aspect!r} is for 2D images; for volumes give spacing=(mm, mm, mm), "
                "which crops and pads around the center."
            )
        if not isinstance(self.jpeg_scaling, bool) or (self.jpeg_scaling and len(size) == 3):
            raise ValueError(
                f"jpeg_scaling={self.jpeg_scaling!r} with spatial_size={size}; True or False is "
                "needed, and False for volumes."
            )

    @property
    def image_channels(self) -> int:
        """Number of channels that come from the images; the others are indicators."""
        return self.in_channels - len(self.indicators)

    def of_channel(self, channel: int) -> ImageForm:
        """Return the form of one channel of the images on its own."""
        window = self.intensity_range
        if window is not None and isinstance(window[0], tuple):
            window = window[channel]
        return replace(self, in_channels=1, indicators=(), intensity_range=window)

    def without_indicators(self) -> ImageForm:
        """Return the form with the channels of the images only."""
        return replace(self, in_channels=self.image_channels, indicators=())

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values, tuples as lists."""
        return {name: _as_lists(value) for name, value in asdict(self).items()}


def checked_range(
    intensity_range: Sequence[Any] | None, channels: int = 1
) -> IntensityRange | None:
    """Return (low, high) as two floats, or one such pair for each channel.

    Args:
        intensity_range: one pair, or one for each channel.
        channels: number of channels of the images.

    Raises:
        ValueError: anything but two finite numbers, the lower one first, or another number of
            pairs.
    """
    if intensity_range is None:
        return None
    if all(isinstance(pair, Sequence) and not isinstance(pair, str) for pair in intensity_range):
        if len(intensity_range) != channels:
            raise ValueError(
                f"intensity_range={intensity_range!r} holds {len(intensity_range)} pairs and the "
                f"images {channels} channels; give one pair for all channels, or one for each."
            )
        return tuple(_check_pair(pair, intensity_range) for pair in intensity_range)
    return _check_pair(intensity_range, intensity_range)


def _check_pair(pair: Sequence[Any], given: Sequence[Any]) -> tuple[float, float]:
    if len(pair) != 2 or not pair[0] < pair[1] or not np.isfinite(pair).all():
        raise ValueError(
            f"intensity_range={given!r}; (low, high) with low < high is needed, such as "
            "(-160, 240)."
        )
    return float(pair[0]), float(pair[1])


def _check_indicators(indicators: Sequence[int], in_channels: int) -> tuple[int, ...]:
    numbers = tuple(indicators)
    rest = in_channels - len(numbers)
    if (
        rest < 1
        or not all(_is_whole(n, 0) and n < rest for n in numbers)
        or list(numbers) != sorted(set(numbers))
    ):
        raise ValueError(
            f"indicators={list(numbers)} with in_channels={in_channels}; the numbers of image "
            f"channels that may be missing are needed, 0 to {max(rest, 1) - 1} in rising order: "
            "in_channels counts the channels of the images and one for each indicator."
        )
    return numbers


def _is_whole(number: Any, least: int) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= least


def _as_lists(value: Any) -> Any:
    return [_as_lists(item) for item in value] if isinstance(value, tuple) else value


def _check_orientation(orientation: str) -> str:
    letters = orientation.upper() if isinstance(orientation, str) else ""
    if len(letters) != 3 or any(
        sum(letter in pair for letter in letters) != 1 for pair in _DIRECTIONS
    ):
        raise ValueError(
            f"orientation={orientation!r}; three letters are needed, one each of L or R, P or A, I "
            "or S, such as 'RAS'."
        )
    return letters


def _check_spacing(
    spacing: Sequence[float] | None, size: tuple[int, ...]
) -> tuple[float, ...] | None:
    if spacing is None:
        return None
    millimetres = tuple(float(mm) for mm in spacing)
    if len(size) != 3 or len(millimetres) != 3 or not all(0 < mm < np.inf for mm in millimetres):
        raise ValueError(
            f"spacing={spacing!r} with spatial_size={size}; three axes and a positive number of "
            "millimetres for each are needed."
        )
    return millimetres
