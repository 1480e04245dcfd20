"""The files of a case: one, or one for each of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class ArrayImage:
    """One image of an array in an npz file, as one of its cases.

    Args:
        npz: the npz file.
        key: name of the array.
        row: number of the image in it.
        channel_axis: axis of the channels in the array: -1, 1, or None for none.
        expanded: the array as an .npy file, see `medmonai.data.cache.expanded`.
    """

    npz: Path
    key: str
    row: int
    channel_axis: int | None
    expanded: Path

    @property
    def name(self) -> str:
        """What messages call the image."""
        return f"{self.npz.name}: {self.key}[{self.row}]"

    def __fspath__(self) -> str:
        return f"{self.npz}/{self.key}/{self.row:09d}"

    def read(self) -> np.ndarray:
        """Return the image (C, *spatial) as it is stored; true and false as 1 and 0."""
        image = np.load(self.expanded, mmap_mode="r", allow_pickle=False)[self.row]
        # an array with channels first, or without, has an axis of length 1 before the others
        return as_numbers(np.array(image[0] if self.channel_axis == 1 else image))


def as_numbers(images: np.ndarray) -> np.ndarray:
    """Return an array of true and false, a mask, as uint8; any other as it is."""
    return images.astype(np.uint8) if images.dtype == bool else images


# A file, the folder of a DICOM series, or an image of an array.
CaseFile = Path | ArrayImage
# One of them, or a file for each modality, None where it is missing.
CaseFiles = CaseFile | tuple[Path | None, ...]


def channel_files(case: CaseFiles) -> tuple[CaseFile | None, ...]:
    """Return one file for each channel that is a file, None where it is missing."""
    return case if isinstance(case, tuple) else (case,)


def files_of(case: CaseFiles) -> tuple[CaseFile, ...]:
    """Return the files that a case has, in the order of its channels.

    Example:
        >>> [file.name for file in files_of((Path("t1.nii"), None, Path("flair.nii")))]
        ['t1.nii', 'flair.nii']
    """
    return tuple(file for file in channel_files(case) if file is not None)


def stored_in(file: CaseFile) -> Path:
    """Return the file or folder on the disk."""
    return file.npz if isinstance(file, ArrayImage) else file


def case_name(case: CaseFiles) -> str:
    """Return the name of a case for messages: that of its first file."""
    return files_of(case)[0].name


def missing_channels(cases: Sequence[CaseFiles]) -> tuple[int, ...]:
    """Return how many of the cases lack each modality; (0,) if each case is one file.

    Example:
        >>> missing_channels([(Path("a1.png"), Path("a2.png")), (Path("b1.png"), None)])
        (0, 1)
    """
    return tuple(sum(file is None for file in column) for column in zip(*map(channel_files, cases)))
