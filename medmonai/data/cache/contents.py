"""What the cache holds, where each entry comes from, how large it is, and how to clear it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from medmonai.atomic_files import TEMPORARY
from medmonai.claims import LEASE

from .location import read_note, size_text


@dataclass(frozen=True)
class CacheEntry:
    """One array in the cache, with its note.

    Args:
        path: the array's file, or a leftover file of a process that was killed.
        kind: "decoded images", "expanded array" or "remainder".
        of: the set of images, or the npz file and its array; "" if the note does not say.
        cases: number of images in it; 0 if the note does not say.
        nbytes: total size of its files.
        written: time of writing, in seconds since 1970.
    """

    path: Path
    kind: str
    of: str
    cases: int
    nbytes: int
    written: float

    def line(self) -> str:
        """Return the entry as one line of text."""
        when = datetime.fromtimestamp(self.written).strftime("%Y-%m-%d %H:%M")
        about = f"{self.cases:,} {self.kind} of {self.of}" if self.of else self.kind
        return f"{size_text(self.nbytes):>14}  {when}  {about}  ({self.path.name})"


def list_cache(folder: Path) -> list[CacheEntry]:
    """Return what this package keeps in a folder, largest first; other files are ignored.

    Example:
        >>> list_cache(Path("/no/such/folder"))
        []
    """
    entries = []
    for path in sorted(folder.glob("*.npy")) if folder.is_dir() else ():
        hidden = bool(TEMPORARY.fullmatch(path.name))
        note = None if hidden else read_note(path)
        if hidden or (note is not None and ("record" in note or "identity" in note)):
            known = note or {}
            files = [file for file in (path, path.with_suffix(".json")) if file.is_file()]
            stats = [file.stat() for file in files]
            entries.append(
                CacheEntry(
                    path,
                    "remainder" if hidden else str(known.get("kind", "decoded images")),
                    str(known.get("of", "")),
                    int(known.get("cases") or 0),
                    sum(stat.st_size for stat in stats),
                    stats[0].st_mtime,
                )
            )
    return sorted(entries, key=lambda entry: (-entry.nbytes, entry.path.name))


def clear_cache(
    folder: Path, names: Sequence[str] = ()
) -> tuple[list[CacheEntry], list[CacheEntry]]:
    """Remove what this package keeps in a folder: everything, or only the given names.

    Args:
        folder: folder of the cache.
        names: sets, npz files or cache files, as `list_cache` shows them.

    Returns:
        what was removed, and what was kept because a process is writing it.

    Raises:
        ValueError: a name that matches nothing in the cache.
    """
    entries = list_cache(folder)
    unknown = [name for name in names if not any(_is_called(entry, name) for entry in entries)]
    if unknown:
        known = sorted({entry.of or entry.path.name for entry in entries})
        raise ValueError(
            f"the cache {folder} holds nothing of {unknown[0]!r}; it holds "
            f"{', '.join(known) or 'nothing'}."
        )
    removed = []
    left = []
    for entry in (e for e in entries if not names or any(_is_called(e, name) for name in names)):
        (left if _in_use(entry) else removed).append(entry)
    for entry in removed:
        # first: an array without a note is not used
        entry.path.with_suffix(".json").unlink(missing_ok=True)
        entry.path.unlink(missing_ok=True)
    return removed, left


def _is_called(entry: CacheEntry, name: str) -> bool:
    return name in (entry.of, entry.path.name, entry.path.stem, entry.of.partition(": ")[0])


def _in_use(entry: CacheEntry) -> bool:
    """Return whether a running process holds the claim on an entry."""
    from filelock import SoftFileLease, Timeout

    path = entry.path
    remainder = TEMPORARY.fullmatch(path.name)
    name = remainder["stem"] if remainder else path.stem
    lock = path.with_name(f"{name}.lock")
    if not lock.exists():
        return False
    try:
        with SoftFileLease(lock, lease_duration=LEASE).acquire(timeout=0):
            return False
    except Timeout:
        return True
