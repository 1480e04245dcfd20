"""A split in numbers: cases, classes, gray levels."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from medmonai.data.cohort import Cohort
from medmonai.data.duplicates import image_chunks

_QUANTILES = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class SplitDescription:
    """One split in numbers; gray levels are in the units of the stored images.

    Args:
        split: name of the split.
        cases: number of cases.
        in_channels: number of channels.
        spatial_size: voxels along each axis.
        dtype: dtype of the pixels.
        class_counts: cases of each class (multilabel: positives of each label).
        imbalance: cases of the largest class divided by those of the smallest; None if a class is
            empty or the task is multilabel.
        groups: number of patients or lesions; None if not known.
        intensity: "minimum", "maximum", "mean", "sd" of all pixels; "share_at_minimum" and
            "share_at_maximum", the fraction of the pixels with these values.
        image_means: 5 %, 50 % and 95 % quantiles of the image means.
        image_sds: the same for the standard deviations within an image.
    """

    split: str
    cases: int
    in_channels: int
    spatial_size: tuple[int, ...]
    dtype: str
    class_counts: dict[str, int]
    imbalance: float | None
    groups: int | None
    intensity: dict[str, float]
    image_means: tuple[float, float, float]
    image_sds: tuple[float, float, float]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values."""
        content = asdict(self)
        return {
            **content,
            **{name: list(content[name]) for name in ("spatial_size", "image_means", "image_sds")},
        }

    def lines(self) -> list[str]:
        """Return the split in two lines: classes, gray levels."""
        total = max(1, self.cases)
        classes = ", ".join(
            f"{name} {n} ({n / total:.1%})" for name, n in self.class_counts.items()
        )
        groups = "groups not known" if self.groups is None else f"{self.groups} groups"
        ratio = (
            "" if self.imbalance is None else f"; largest to smallest class {self.imbalance:.1f}"
        )
        channels = f"{self.in_channels} channel{'s' * (self.in_channels != 1)}"
        grey = self.intensity
        means = self.image_means
        sds = self.image_sds
        size = " x ".join(map(str, self.spatial_size))
        return [
            f"{self.split}: {self.cases} cases, {groups}, {channels}, {size}, {self.dtype}; "
            f"{classes}{ratio}",
            f"{self.split}: gray levels {grey['minimum']:g} to "
            f"{grey['maximum']:g} ({grey['share_at_minimum']:.1%} and "
            f"{grey['share_at_maximum']:.1%} of the pixels), mean {grey['mean']:.2f}, SD "
            f"{grey['sd']:.2f}; image means {means[1]:.1f} [{means[0]:.1f}, {means[2]:.1f}], image "
            f"SDs {sds[1]:.1f} [{sds[0]:.1f}, {sds[2]:.1f}]",
        ]


@dataclass(frozen=True)
class ImageStatistics:
    """Mean, standard deviation, smallest and largest value of each image (N,), and how often the
    extremes occur.
    """

    means: np.ndarray
    sds: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_low: np.ndarray
    at_high: np.ndarray


def image_statistics(images: np.ndarray) -> ImageStatistics:
    """Describe every image by a few float64 numbers, reading one chunk at a time."""
    means, sds, low, high, at_low, at_high = np.empty((6, len(images)))
    for start, chunk in image_chunks(images):
        rows = slice(start, start + len(chunk))
        pixels = chunk.reshape(len(chunk), -1)
        low[rows], high[rows] = lowest, highest = pixels.min(axis=1), pixels.max(axis=1)
        at_low[rows] = np.count_nonzero(pixels == lowest[:, None], axis=1)
        at_high[rows] = np.count_nonzero(pixels == highest[:, None], axis=1)
        means[rows] = pixels.mean(axis=1, dtype=np.float64)
        # Centered first, so that float32 is enough for the squares of integers; float64 for float
        # pixels.
        exact = np.float32 if pixels.dtype.kind in "iu" else np.float64
        centred = pixels - means[rows, None].astype(exact)
        sds[rows] = np.sqrt(np.einsum("nd,nd->n", centred, centred) / pixels.shape[1])
    return ImageStatistics(means, sds, low, high, at_low, at_high)


def describe_split(cohort: Cohort, statistics: ImageStatistics | None = None) -> SplitDescription:
    """Describe a cohort in numbers.

    Args:
        cohort: the split.
        statistics: `image_statistics(cohort.images)`, if already computed.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> describe_split(lesion_phantom(split="train", num_cases=20)).cases
        20
    """
    numbers = image_statistics(cohort.images) if statistics is None else statistics
    pixels = len(cohort) * cohort.images[0].size
    mean = float(numbers.means.mean())
    low = float(numbers.low.min())
    high = float(numbers.high.max())
    counts = cohort.class_counts()
    fewest = min(counts.values())
    return SplitDescription(
        cohort.split,
        len(cohort),
        cohort.in_channels,
        cohort.spatial_size,
        cohort.images.dtype.name,
        counts,
        imbalance=max(counts.values()) / fewest if cohort.task.exclusive and fewest else None,
        groups=None if cohort.groups is None else len(np.unique(cohort.groups)),
        intensity={
            "minimum": low,
            "maximum": high,
            "mean": mean,
            "sd": float(np.sqrt(np.mean(numbers.sds**2) + np.mean((numbers.means - mean) ** 2))),
            "share_at_minimum": float(numbers.at_low[numbers.low == low].sum() / pixels),
            "share_at_maximum": float(numbers.at_high[numbers.high == high].sum() / pixels),
        },
        image_means=_quantiles(numbers.means),
        image_sds=_quantiles(numbers.sds),
    )


def _quantiles(values: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, _QUANTILES)
    return float(low), float(middle), float(high)
