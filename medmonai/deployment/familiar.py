"""What the training images looked like, and how another image differs from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.data.files import DecodedCase
from medmonai.run_files import parts_of, read_record

# How far outside the training images' range, in parts of its width, is still like them.
_MARGIN = 0.25
_FACTOR = 2.0  # of the largest and smallest size and spacing


@dataclass(frozen=True)
class Familiar:
    """Ranges over the training images.

    Args:
        brightness: least and largest mean gray value (0 to 255, after the window).
        contrast: least and largest standard deviation of the gray values.
        smallest: least number of voxels along each axis of the files.
        largest: greatest number.
        colored: whether the files are in color, gray, or both.
        finest: least number of millimeters between voxels along each axis; () where the files are
            no volumes.
        coarsest: greatest number.
        channels: of each channel that is not a color, its name, and the least and largest mean gray
            value of it in the images that have it; () where there is only one.
        modalities: as DICOM files state them, such as "CT"; () where none states one.
        body_parts: the BodyPartExamined of DICOM files; () where none states one.
    """

    brightness: tuple[float, float]
    contrast: tuple[float, float]
    smallest: tuple[int, ...]
    largest: tuple[int, ...]
    colored: tuple[bool, ...]
    _: KW_ONLY
    finest: tuple[float, ...] = ()
    coarsest: tuple[float, ...] = ()
    channels: tuple[tuple[str, float, float], ...] = ()
    modalities: tuple[str, ...] = ()
    body_parts: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        means: np.ndarray,
        deviations: np.ndarray,
        *,
        sizes: Sequence[Sequence[int]],
        colored: Sequence[bool],
        spacings: Sequence[Sequence[float]] = (),
        channels: Mapping[str, np.ndarray] | None = None,
    ) -> Familiar:
        """Note the ranges over training images.

        Args:
            means: (N,) mean gray value of each decoded image.
            deviations: (N,) standard deviation of its gray values.
            sizes: voxels of files along each axis.
            colored: whether files are in color, gray, or both.
            spacings: millimeters between voxels of files along each axis; () where not known.
            channels: name of a channel -> (N,) its mean gray value in each image, 0 where it is
                missing; None for gray or color images.
        """
        extent = np.array(sizes)
        spacing = np.array(spacings) if len(spacings) else np.empty((1, 0))
        return cls(
            (float(means.min()), float(means.max())),
            (float(deviations.min()), float(deviations.max())),
            tuple(extent.min(axis=0).tolist()),
            tuple(extent.max(axis=0).tolist()),
            tuple(colored),
            finest=tuple(spacing.min(axis=0).tolist()),
            coarsest=tuple(spacing.max(axis=0).tolist()),
            channels=tuple(_ranges(channels or {})),
        )

    @classmethod
    def read(cls, path: Path) -> Familiar | None:
        """Read what `write` wrote; None where there is no such file."""
        stored = read_record(path)
        if not stored:
            return None
        with parts_of(path):
            return cls.from_dict(stored)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Familiar:
        """Return the ranges from JSON-compatible values, as `dataclasses.asdict` has them."""
        since = {"modalities", "body_parts"}  # records of earlier versions have none
        known = {
            field.name: tuple(
                stored.get(field.name, ()) if field.name in since else stored[field.name]
            )
            for field in fields(cls)
        }
        known["channels"] = tuple(map(tuple, known["channels"]))
        return cls(**known)

    def write(self, path: Path) -> None:
        """Write the ranges as JSON."""
        write_json(asdict(self), path)

    def differences(self, case: DecodedCase) -> list[str]:
        """Return how an image differs from the training images, a phrase each; [] where it does
        not.

        Args:
            case: the decoded image, and what its file says.
        """
        unlike = []
        colored = case.kind.colour
        if colored not in self.colored:
            unlike.append("in color, in training gray" if colored else "gray, in training in color")
        for name, value, (low, high) in (
            ("brightness", float(case.image.mean()), self.brightness),
            ("contrast", float(case.image.std()), self.contrast),
        ):
            margin = _MARGIN * max(high - low, 8.0)
            if not low - margin <= value <= high + margin:
                unlike.append(f"{name} {value:.0f}, in training {low:.0f} to {high:.0f}")
        for number, (name, low, high) in enumerate(self.channels):
            value = float(case.image[number].mean())
            margin = _MARGIN * max(high - low, 8.0)
            if value and not low - margin <= value <= high + margin:
                unlike.append(
                    f"brightness of {name} {value:.0f}, in training {low:.0f} to {high:.0f}"
                )
        spacing = () if case.place is None else case.place.original_spacing
        unlike += _outside("size", case.size, self.smallest, self.largest, unit="")
        unlike += _outside("spacing", spacing, self.finest, self.coarsest, unit=" mm")
        return unlike


def _ranges(channels: Mapping[str, np.ndarray]) -> Iterator[tuple[str, float, float]]:
    for name, means in channels.items():
        there = means[means > 0]
        if len(there):
            yield name, float(there.min()), float(there.max())
        else:
            yield name, 0.0, 255.0


def _outside(
    name: str,
    values: Sequence[float],
    lowest: Sequence[float],
    highest: Sequence[float],
    *,
    unit: str,
) -> list[str]:
    if len(values) != len(lowest) or not any(
        n < low / _FACTOR or n > high * _FACTOR for n, low, high in zip(values, lowest, highest)
    ):
        return []
    shown = [" x ".join(f"{n:.4g}" for n in some) for some in (values, lowest, highest)]
    return [f"{name} {shown[0]}{unit}, in training {shown[1]} to {shown[2]}{unit}"]
