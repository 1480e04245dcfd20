"""Gray values of a sample of the training images, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np

from medmonai.data.case_files import CaseFiles, channel_files, files_of
from medmonai.data.containers import UnreadableImageError
from medmonai.data.files import Headers, read_sample

_SHOWN = 8  # channels
_TINT = 6  # of 256 values by which the channels of a gray picture differ at most
_TINTED = 0.001  # share of the pixels that may differ more, such as a colored mark
_VALUES = 20_000  # gray values that are kept of each image
# Air is -1000 in the Hounsfield units of a CT; few other images hold values as low as this.
_AIR = -500.0
# Scanners write no lower value around the field of view of a CT; phases of an MR go lower.
_OUTSIDE = -3100.0


@dataclass(frozen=True)
class GreyLevels:
    """Gray values of one channel.

    Args:
        channel: its name; "" if all channels are taken together, as the colors of a picture are.
        eight_bits: whether every sampled image holds uint8.
        low: 0.5th percentile.
        high: 99.5th percentile.
        lowest: smallest value.
        mean: of the values; more than 8 bits are clipped to the percentiles.
        deviation: their standard deviation.
    """

    channel: str
    _: KW_ONLY
    eight_bits: bool
    low: float
    high: float
    lowest: float
    mean: float
    deviation: float

    @classmethod
    def of(cls, values: np.ndarray, *, eight_bits: bool, channel: str = "") -> GreyLevels:
        """Return the levels of sampled values."""
        values = values.astype(np.float64)  # the squares of large float32 are infinite
        low, high = np.percentile(values, (0.5, 99.5)).tolist()
        kept = values if eight_bits else np.clip(values, low, high)
        return cls(
            channel,
            eight_bits=eight_bits,
            low=low,
            high=high,
            lowest=float(values.min()),
            mean=float(kept.mean()),
            deviation=float(kept.std()),
        )

    @property
    def hounsfield(self) -> bool:
        """Whether the values look like those of a CT."""
        return not self.eight_bits and self.lowest <= _AIR < self.high and self.low >= _OUTSIDE

    def line(self) -> str:
        """Return the levels for a person to read."""
        kind = "8 bits" if self.eight_bits else "HU, as a CT" if self.hounsfield else "more bits"
        name = f" of {self.channel}" if self.channel else ""
        return (
            f"gray values{name}: {self.low:.4g} to {self.high:.4g} (0.5th to 99.5th percentile), "
            f"{kind}"
        )


@dataclass(frozen=True, eq=False)
class Sample:
    """Some gray values of a case.

    Args:
        values: of each channel, one entry for all colors; None where the channel is missing.
        eight_bits: whether each of them is uint8.
        spacing: of its first file, None where it is not known.
        size: of its first file.
        colors_differ: whether its first file holds three channels that are not the same.
    """

    values: tuple[np.ndarray | None, ...]
    _: KW_ONLY
    eight_bits: tuple[bool, ...]
    spacing: tuple[float, ...] | None
    size: tuple[int, ...]
    colors_differ: bool = False


def channel_names(headers: Headers, modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the channels that have gray values of their own; ("",) for gray images
    and for colors.
    """
    if modalities:
        return tuple(modalities)
    if next(iter(headers.channel_counts), 1) > 1:
        return tuple(f"channel {i}" for i in range(headers.in_channels))
    return ("",)


def require_one_count(headers: Headers, source: str) -> None:
    """Raise ValueError unless all files have the same number of channels, and files of one channel
    each one.
    """
    counts = headers.channel_counts
    several = len(headers.missing) > 1
    if len(counts) > 1 or (several and set(counts) - {1}):
        shown = ", ".join(f"{n:,} files of {count}" for count, n in counts.items())
        wanted = (
            "a file that is one channel of a case holds one"
            if several
            else "a network takes one number of channels"
        )
        raise ValueError(
            f"{source} holds {shown} channel{'s' * (set(counts) != {1})}; {wanted}. Name files of "
            "one kind, or split the others."
        )


def sample_case(
    case: CaseFiles, headers: Headers, channels: int, rng: np.random.Generator
) -> Sample | None:
    """Return some gray values of a case; None where it cannot be read: the decoding of all files
    says so, and what to do.

    Args:
        case: its files.
        headers: of all.
        channels: number of channels with gray values of their own.
        rng: chooses the values.
    """
    try:
        read = {
            file: read_sample(file, spatial_dims=headers.spatial_dims) for file in files_of(case)
        }
    except UnreadableImageError:
        return None
    images = [None if file is None else read[file][0] for file in channel_files(case)]
    first, spacing = read[files_of(case)[0]]
    if len(images) == 1 and channels > 1:
        images = list(first)
    if len(images) != channels:
        return None
    values = tuple(None if image is None else _some(image, rng) for image in images)
    if any(one is not None and not len(one) for one in values):
        return None
    return Sample(
        values,
        eight_bits=tuple(image is None or image.dtype == np.uint8 for image in images),
        spacing=spacing,
        size=first.shape[1:],
        colors_differ=len(first) == 3 and _is_colored(first),
    )


def none_readable(case: CaseFiles, headers: Headers, source: str) -> ValueError:
    """Return the error for a source of which no sampled case can be read, with the first reason."""
    reason = f"{files_of(case)[0].name} holds no finite gray value"
    try:
        for file in files_of(case):
            read_sample(file, spatial_dims=headers.spatial_dims)
    except UnreadableImageError as error:
        reason = str(error)
    return ValueError(f"none of the images of {source} can be read, first: {reason.rstrip('.')}.")


def levels_of(samples: Sequence[Sample], names: Sequence[str]) -> tuple[GreyLevels, ...]:
    """Return the levels of each channel over all samples.

    Raises:
        ValueError: a channel that no sampled case has.
    """
    levels = []
    for number, name in enumerate(names):
        values = [one for sample in samples if (one := sample.values[number]) is not None]
        if not values:
            raise ValueError(
                f"none of {len(samples)} sampled cases has the channel {name}; leave its column "
                "out of image_column."
            )
        eight_bits = all(sample.eight_bits[number] for sample in samples)
        levels.append(GreyLevels.of(np.concatenate(values), eight_bits=eight_bits, channel=name))
    return tuple(levels)


def levels_lines(levels: Sequence[GreyLevels]) -> list[str]:
    """Return the levels for a person to read; of many channels the first ones."""
    lines = [level.line() for level in levels[:_SHOWN]]
    rest = levels[_SHOWN:]
    if rest:
        low = min(level.low for level in rest)
        high = max(level.high for level in rest)
        lines.append(f"gray values of {len(rest)} more channels: {low:.4g} to {high:.4g}")
    return lines


def _is_colored(picture: np.ndarray) -> bool:
    """Return whether three channels show colors: JPEG and scanners leave a gray picture with
    channels that differ by a few values.
    """
    apart = np.ptp(picture.astype(np.float64), axis=0)
    step = _TINT if picture.dtype == np.uint8 else _TINT / 255 * float(np.ptp(picture))
    return bool((apart > step).mean() > _TINTED)


def _some(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return some finite gray values of an image, the least and the largest among them."""
    flat = image.reshape(-1)
    finite = flat[np.isfinite(flat)]
    if not len(finite):
        return finite
    chosen = finite if len(finite) <= _VALUES else rng.choice(finite, _VALUES, replace=False)
    return np.concatenate([chosen, np.array([finite.min(), finite.max()])])
