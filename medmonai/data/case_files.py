"""The files of a case: one, or one for each of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# One file (or folder of a DICOM series), or one for each modality, None where it is missing.
CaseFiles = Path | tuple[Path | None, ...]


def files_of(case: CaseFiles) -> tuple[Path, ...]:
    """Return the files that a case has, in the order of its channels.

    Example:
        >>> [file.name for file in files_of((Path("t1.nii"), None, Path("flair.nii")))]
        ['t1.nii', 'flair.nii']
    """
    return tuple(file for file in channel_files(case) if file is not None)


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


def channel_files(case: CaseFiles) -> tuple[Path | None, ...]:
    """Return one file for each channel that is a file, None where it is missing."""
    return (case,) if isinstance(case, Path) else case
