"""Sizes and pixel kinds of image files from their headers, without decoding a pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.containers import PixelKind, UnreadableImageError, by_name, unreadable
from medmonai.data.formats import NO_IMAGE, format_of

_SHOWN = 5


@dataclass(frozen=True)
class Headers:
    """What the headers of some files say.

    Args:
        total: number of files.
        sizes: (M, 2) or (M, 3) voxels of each file that was read, on the file's own axes; shape
            (0, 0) if none could be read.
        kinds: kind of pixels -> number of files.
        unreadable: one line per file whose header cannot be read.
        other_axes: number of files whose number of axes differs from the most common one; they
            count only in `kinds`.
    """

    total: int
    sizes: np.ndarray
    kinds: dict[PixelKind, int]
    unreadable: tuple[str, ...] = ()
    other_axes: int = 0

    @property
    def looked_at(self) -> int:
        """Number of files whose header was read or tried."""
        return len(self.sizes) + self.other_axes + len(self.unreadable)

    @property
    def spatial_dims(self) -> int:
        """Number of axes of most files."""
        return self.sizes.shape[1]

    @property
    def in_channels(self) -> int:
        """3 if any file is in color, else 1; volumes are read as gray."""
        return 3 if self.spatial_dims == 2 and any(kind.colour for kind in self.kinds) else 1

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


def read_headers(files: Sequence[Path], *, most: int = 1000) -> Headers:
    """Read the headers of at most `most` files, spread evenly over the list.

    Raises:
        ImportError: a DICOM file, and pydicom is not installed.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> file = Path(tempfile.mkdtemp()) / "a.png"
        >>> Image.new("L", (6, 4)).save(file)
        >>> read_headers([file]).lines()
        ['size: 4 x 6 (all files)', 'modes: L 1']
    """
    chosen = [
        files[i]
        for i in np.unique(
            np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int)
        )
    ]
    sizes: list[tuple[int, ...]] = []
    kinds: Counter[PixelKind] = Counter()
    bad = []
    for file in chosen:
        try:
            size, kind = read_header(file)
        except UnreadableImageError as error:
            bad.append(str(error))
            continue
        sizes.append(size)
        kinds[kind] += 1
    axes = Counter(map(len, sizes)).most_common(1)[0][0] if sizes else 2
    kept = [size for size in sizes if len(size) == axes]
    return Headers(
        len(files),
        np.array(kept, np.int64).reshape(-1, axes),
        dict(kinds.most_common()),
        tuple(bad),
        len(sizes) - len(kept),
    )


def read_header(path: Path) -> tuple[tuple[int, ...], PixelKind]:
    """Return the size of a file (or DICOM series) and the kind of its pixels.

    Raises:
        ImportError: a DICOM file, and pydicom is not installed.
        UnreadableImageError: an unreadable header, or a file that is refused for its content.
    """
    known = format_of(path)
    if known is None:
        raise unreadable(path, NO_IMAGE)
    return known.header(path)


def _size(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
