"""What the training images looked like, and how another image differs from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.run_files import parts_of, read_record

# How far outside the training images' range, in parts of its width, is still like them.
_MARGIN = 0.25
_FACTOR = 2.0  # of the largest and smallest size


@dataclass(frozen=True)
class Familiar:
    """Ranges over the training images.

    Args:
        brightness: least and largest mean gray value (0 to 255, after the window).
        contrast: least and largest standard deviation of the gray values.
        smallest: least number of voxels along each axis of the files.
        largest: greatest number.
        colored: whether the files are in color, gray, or both.
    """

    brightness: tuple[float, float]
    contrast: tuple[float, float]
    smallest: tuple[int, ...]
    largest: tuple[int, ...]
    colored: tuple[bool, ...]

    @classmethod
    def of(
        cls,
        means: np.ndarray,
        deviations: np.ndarray,
        *,
        sizes: Sequence[Sequence[int]],
        colored: Sequence[bool],
    ) -> Familiar:
        """Note the ranges over training images.

        Args:
            means: (N,) mean gray value of each decoded image.
            deviations: (N,) standard deviation of its gray values.
            sizes: voxels of files along each axis.
            colored: whether files are in color, gray, or both.
        """
        extent = np.array(sizes)
        return cls(
            (float(means.min()), float(means.max())),
            (float(deviations.min()), float(deviations.max())),
            tuple(extent.min(axis=0).tolist()),
            tuple(extent.max(axis=0).tolist()),
            tuple(colored),
        )

    @classmethod
    def read(cls, path: Path) -> Familiar | None:
        """Read what `write` wrote; None where there is no such file."""
        stored = read_record(path)
        if not stored:
            return None
        with parts_of(path):
            return cls(**{field.name: tuple(stored[field.name]) for field in fields(cls)})

    def write(self, path: Path) -> None:
        """Write the ranges as JSON."""
        write_json(asdict(self), path)

    def differences(self, image: np.ndarray, size: Sequence[int], *, colored: bool) -> list[str]:
        """Return how an image differs from the training images, a phrase each; [] where it does
        not.

        Args:
            image: decoded, (C, *spatial).
            size: voxels of its file along each axis.
            colored: whether its file is in color.
        """
        unlike = []
        if colored not in self.colored:
            unlike.append("in color, in training gray" if colored else "gray, in training in color")
        for name, value, (low, high) in (
            ("brightness", float(image.mean()), self.brightness),
            ("contrast", float(image.std()), self.contrast),
        ):
            margin = _MARGIN * max(high - low, 8.0)
            if not low - margin <= value <= high + margin:
                unlike.append(f"{name} {value:.0f}, in training {low:.0f} to {high:.0f}")
        if len(size) == len(self.smallest) and any(
            n < small / _FACTOR or n > large * _FACTOR
            for n, small, large in zip(size, self.smallest, self.largest)
        ):
            shown = " x ".join(map(str, size))
            unlike.append(
                f"size {shown}, in training {' x '.join(map(str, self.smallest))} to "
                f"{' x '.join(map(str, self.largest))}"
            )
        return unlike
