"""Answers that have not reached every destination."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from medmonai.atomic_files import read_json

from .folders import folders_in, remove_tree, sync
from .ledger import Ledger

RECORD = "record.json"


class Outbox:
    """Answers on the disk, one folder per answer, with a mark for each destination that has it.

    Args:
        folder: of the answers.
        ledger: where a delivered answer is noted.
        remove: removes a folder at once, and counts its bytes.
    """

    def __init__(self, folder: Path, ledger: Ledger, *, remove: Callable[[Path], None]) -> None:
        self._folder = folder
        self._ledger = ledger
        self._remove = remove
        self._lock = threading.RLock()

    def place(self, series: str) -> Path:
        """Return where the answer to a series lies, if there is one."""
        return self._folder / self._ledger.name(series)

    def answers(self) -> list[Path]:
        """Return the folders of the answers, the oldest first."""
        with self._lock:
            there = folders_in(self._folder)
            return sorted(there, key=lambda one: (one / RECORD).stat().st_mtime)

    def is_delivered(self, answer: Path, destination: str) -> bool:
        """Return whether a destination has an answer.

        Args:
            answer: its folder.
            destination: key of the destination.
        """
        return (answer / f"to_{destination}").exists()

    def delivered(self, answer: Path, destination: str) -> None:
        """Note that a destination has an answer.

        Args:
            answer: its folder.
            destination: key of the destination.
        """
        with self._lock:
            (answer / f"to_{destination}").touch()
            sync(answer)

    def finish(self, answer: Path, destinations: Sequence[str]) -> None:
        """Remove an answer that every destination has, and note it.

        Args:
            answer: its folder.
            destinations: keys of all of them.
        """
        with self._lock:
            if answer.is_dir() and all(self.is_delivered(answer, one) for one in destinations):
                self._ledger.write(answer.name, read_json(answer / RECORD))
                self._remove(answer)

    def recover(self) -> None:
        """Remove delivered answers whose removal was cut short."""
        for answer in folders_in(self._folder):
            if self._ledger.read(answer.name).get("answered"):
                remove_tree(answer)
