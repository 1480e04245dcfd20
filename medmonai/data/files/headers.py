"""Sizes and pixel kinds of image files from their headers, without decoding a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medmonai.data.case_files import ArrayImage, CaseFile, CaseFiles, files_of, missing_channels
from medmonai.data.containers import (
    PixelKind,
    UnreadableImageError,
    array_kind,
    by_name,
    unreadable,
)
from medmonai.data.formats import NO_IMAGE, format_of

from .modalities import require_same_size

_SHOWN = 5


@dataclass(frozen=True)
class Headers:
    """What the headers of some files say.

    Args:
        total: number of cases.
        sizes: (M, 2) or (M, 3) voxels of each case that was read, on the axes of its first file;
            shape (0, 0) if none could be read.
        kinds: kind of pixels -> number of files.
        unreadable: one line per case with a header that cannot be read.
        other_axes: number of cases whose number of axes differs from the most common one; they
            count only in `kinds`.
        missing: number of cases that lack each channel, if a case has one file for each; (0,) for
            one file per case.
    """

    total: int
    sizes: np.ndarray
    kinds: dict[PixelKind, int]
    unreadable: tuple[str, ...] = ()
    other_axes: int = 0
    missing: tuple[int, ...] = (0,)

    @property
    def looked_at(self) -> int:
        """Number of files whose header was read or tried."""
        return len(self.sizes) + self.other_axes + len(self.unreadable)

    @property
    def spatial_dims(self) -> int:
        """Number of axes of most files."""
        return self.sizes.shape[1]

    @property
    def colored(self) -> tuple[bool, ...]:
        """Whether files are in color: (False,), (True,) or both."""
        return tuple(sorted({kind.colour for kind in self.kinds}))

    @property
    def channel_counts(self) -> dict[int, int]:
        """Number of channels that are not colors -> number of files."""
        counts: Counter[int] = Counter()
        for kind, n in self.kinds.items():
            counts[kind.channels] += n
        return dict(counts.most_common())

    @property
    def indicators(self) -> tuple[int, ...]:
        """The channels that a case lacks."""
        return tuple(i for i, n in enumerate(self.missing) if n)

    @property
    def in_channels(self) -> int:
        """Channels of a case with its indicators: its files, if it has several; the channels of
        most files; 3 if any picture is in color. Volumes in color are read as gray.
        """
        if len(self.missing) > 1:
            return len(self.missing) + len(self.indicators)
        channels = next(iter(self.channel_counts), 1)
        colors = self.spatial_dims == 2 and True in self.colored
        return 3 if channels == 1 and colors else channels

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values; the sizes as their range and the most common
        ones.
        """
        common = Counter(map(tuple, self.sizes.tolist())).most_common()
        extremes = {
            name: [int(n) for n in function(self.sizes, axis=0)]
            for name, function in (("smallest", np.min), ("median", np.median), ("largest", np.max))
            if len(self.sizes)
        }
        return {
            "files": self.total,
            "looked_at": self.looked_at,
            **extremes,
            "distinct_sizes": len(common),
            "common_sizes": [[list(size), n] for size, n in common[:_SHOWN]],
            "modes": by_name(self.kinds),
            "other_axes": self.other_axes,
            "unreadable": list(self.unreadable),
            "in_channels": self.in_channels,
            "missing": list(self.missing),
        }

    def lines(self) -> list[str]:
        """Return one line each for sizes, pixel kinds and unreadable files."""
        facts = self.as_dict()
        part = (
            f"{self.looked_at:,} of {self.total:,} files looked at"
            if self.looked_at < self.total
            else "all files"
        )
        lines = []
        if len(self.sizes) and facts["distinct_sizes"] == 1:
            lines.append(f"size: {_size(facts['smallest'])} ({part})")
        elif len(self.sizes):
            most = ", ".join(f"{_size(size)} ({n:,})" for size, n in facts["common_sizes"])
            lines.append(
                f"sizes: {_size(facts['smallest'])} to {_size(facts['largest'])} (each axis on its "
                f"own; median {_size(facts['median'])}), {facts['distinct_sizes']:,} different, "
                f"most often {most} ({part})"
            )
        if self.kinds:
            lines.append(
                "modes: " + ", ".join(f"{name} {n:,}" for name, n in facts["modes"].items())
            )
        if self.other_axes:
            lines.append(
                f"axes: {self.other_axes:,} files do not have {self.spatial_dims} axes as the "
                "others do"
            )
        if self.unreadable:
            lines.append(f"unreadable: {len(self.unreadable):,}, first: {self.unreadable[0]}")
        return lines


def read_headers(cases: Sequence[CaseFiles], *, most: int = 1000) -> Headers:
    """Read the headers of at most `most` cases, spread evenly over the list.

    Raises:
        ImportError: a DICOM file, and pydicom is not installed.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> file = Path(tempfile.mkdtemp()) / "a.png"
        >>> Image.new("L", (6, 4)).save(file)
        >>> read_headers([file]).lines()
        ['size: 4 x 6 (all files)', 'modes: L 1']
    """
    chosen = [
        cases[i]
        for i in np.unique(
            np.linspace(0, len(cases) - 1, min(most, len(cases))).round().astype(int)
        )
    ]
    sizes: list[tuple[int, ...]] = []
    kinds: Counter[PixelKind] = Counter()
    bad = []
    for case in chosen:
        try:
            size, of_files = _case_header(case)
        except UnreadableImageError as error:
            bad.append(str(error))
            continue
        sizes.append(size)
        kinds.update(of_files)
    sizes = _without_thin_axes(sizes)
    axes = Counter(map(len, sizes)).most_common(1)[0][0] if sizes else 2
    kept = [size for size in sizes if len(size) == axes]
    return Headers(
        len(cases),
        np.array(kept, np.int64).reshape(-1, axes),
        dict(kinds.most_common()),
        tuple(bad),
        len(sizes) - len(kept),
        missing_channels(cases) or (0,),
    )


def _without_thin_axes(sizes: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the sizes of volumes with two axes, if all of them are one voxel thick: pictures that
    are stored as volumes.
    """
    volumes = [size for size in sizes if len(size) == 3]
    if not volumes or any(1 not in size for size in volumes):
        return sizes
    return [
        size if len(size) == 2 else tuple(n for axis, n in enumerate(size) if axis != _thin(size))
        for size in sizes
    ]


def _thin(size: tuple[int, ...]) -> int:
    """Return the last axis of one voxel."""
    return max(axis for axis, n in enumerate(size) if n == 1)


def _case_header(case: CaseFiles) -> tuple[tuple[int, ...], list[PixelKind]]:
    """Return the size of the first file of a case, and the kinds of all."""
    files = files_of(case)
    sizes, kinds = zip(*map(read_header, files))
    if len(sizes[0]) == 2 or len(set(map(len, sizes))) > 1:
        require_same_size([(file.name, size) for file, size in zip(files, sizes)])
    return sizes[0], list(kinds)


def read_header(path: CaseFile) -> tuple[tuple[int, ...], PixelKind]:
    """Return the size of a file (or DICOM series) and the kind of its pixels.

    Raises:
        ImportError: a DICOM file, and pydicom is not installed.
        UnreadableImageError: an unreadable header, or a file that is refused for its content.
    """
    if isinstance(path, ArrayImage):
        image = path.read()
        return image.shape[1:], array_kind("npz", image)
    known = format_of(path)
    if known is None:
        raise unreadable(path, NO_IMAGE)
    return known.header(path)


def _size(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
