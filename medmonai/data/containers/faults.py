"""The error for a damaged image file, as opposed to a file that is read with the wrong
arguments.
"""

from __future__ import annotations

import errno
from pathlib import Path


class UnreadableImageError(ValueError):
    """A file that is not an image, is damaged, or is refused for its content; `skip_unreadable`
    leaves it out.

    In any other case (no `intensity_range`, one axis too many, a failing disk, a missing package)
    no file is at fault. Such an error has another type and stops the reading.
    """


def of_the_disk(error: BaseException) -> bool:
    """Return whether an error comes from the disk or the permissions. A seek to an impossible
    offset does not: damaged content causes it.

    Example:
        >>> (
        ...     of_the_disk(OSError(errno.EIO, "Input/output error")),
        ...     of_the_disk(OSError(errno.EINVAL, "Invalid argument")),
        ... )
        (True, False)
    """
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL, errno.EOVERFLOW)


def unreadable(path: Path, reason: str | BaseException) -> UnreadableImageError:
    """Return the error for a file: its name, size and the reason in one line, but never its folder.

    Example:
        >>> str(unreadable(Path("/private/scan.png"), "the file is empty"))
        'scan.png cannot be read: the file is empty; repair it or leave it out.'
    """
    said = str(reason) or type(reason).__name__
    said = (" ".join(said.replace(str(path), path.name).split()) or "unknown").rstrip(".")[:300]
    try:
        size = f" ({path.stat().st_size} bytes)" if path.is_file() else ""
    except OSError:
        size = ""
    return UnreadableImageError(
        f"{path.name}{size} cannot be read: {said}; repair it or leave it out."
    )
