"""The queue of a node on disk: every step is one rename, so that a killed process loses nothing and
answers nothing twice.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medmonai.atomic_files import read_json, replacing, write_json

from .folders import (
    bytes_of,
    folders_in,
    instance_names,
    link_or_copy,
    move_into,
    number_in,
    remove_tree,
    sync,
)
from .ledger import Ledger
from .limits import NodeLimits, QueueFull, SeriesTooLarge
from .outbox import RECORD, Outbox

if TYPE_CHECKING:
    from pydicom import Dataset

# Where a series lies, in the order in which it moves on.
_RECEIVING = "receiving"  # instances that are not whole yet
_INCOMING = "incoming"  # series that may still grow
_WAITING = "waiting"  # complete series
_WORKING = "working"  # the one that is being answered
_OUTBOX = "outbox"  # answers that have not reached every destination
_DONE = "done"  # what became of a series
_FAILED = "failed"  # series whose answering failed several times; kept for a person
_REMOVED = "removed"  # what is being deleted: never seen half deleted where it lay
_PLACES = (_RECEIVING, _INCOMING, _WAITING, _WORKING, _OUTBOX, _DONE, _FAILED, _REMOVED)
_TOO_LARGE = "too_large"
_ATTEMPTS = "attempts"
_RESULTS = "results"
_MOST_ATTEMPTS = 5

logger = logging.getLogger("medmonai.dicom_node")


class DiskQueue:
    """Series from their first instance to the delivered answer.

    An instance is on the disk before its sender hears that it was stored. A complete series moves
    from `waiting` to `working` to `outbox`; what a killed process left in `working` waits again. An
    answer is written whole before it is sent, so that it is the same file whenever it is sent. When
    all destinations have it, only `done` knows of the series; see `Ledger`.

    Args:
        folder: of the queue; created, for this user only.
        version: of the model; another model answers a series again.
        limits: of what waits.

    Attributes:
        outbox: the answers.
    """

    def __init__(self, folder: Path, *, version: str, limits: NodeLimits) -> None:
        self.folder = folder
        self._limits = limits
        self._lock = threading.RLock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for place in _PLACES:
            (folder / place).mkdir(mode=0o700, exist_ok=True)
        self._ledger = Ledger(folder / _DONE, version)
        self.outbox = Outbox(folder / _OUTBOX, self._ledger, remove=self._remove)
        self._bytes = 0
        self._recover()
        self._bytes = bytes_of(folder)
        # of each series in `incoming`: the bytes of its instances
        self._arrived = {
            one.name: {file.stem: file.stat().st_size for file in one.glob("*.dcm")}
            for one in folders_in(folder / _INCOMING)
        }

    @property
    def receiving(self) -> Path:
        """Where the network writes."""
        return self.folder / _RECEIVING

    def incoming(self) -> list[str]:
        """Return the keys of the series that may still grow."""
        return [one.name for one in folders_in(self.folder / _INCOMING)]

    def store(self, file: Path, series: str, name: str) -> None:
        """Take an instance into its series.

        Args:
            file: as received; it stays where it is.
            series: key of the series.
            name: of the instance in it; one that is there already is replaced.

        Raises:
            OSError: it cannot be written, or there is no room for it (`QueueFull`).
            SeriesTooLarge: the series exceeds the limits; it will not be answered.
        """
        size = file.stat().st_size
        with self._lock:
            if self._bytes + size > self._limits.queue_bytes:
                raise QueueFull(f"more than {self._limits.queue_gb:g} GB wait")
            folder = self.folder / _INCOMING / series
            if not folder.is_dir():
                folder.mkdir(mode=0o700)
                sync(folder.parent)
            arrived = self._arrived.get(series, {})
            others = sum(arrived.values()) - arrived.get(name, 0)
            several = len(arrived) + (name not in arrived)
            if several > self._limits.series_instances or others + size > self._limits.series_bytes:
                (folder / _TOO_LARGE).touch()
                raise SeriesTooLarge(self._too_large())
            with replacing(folder / f"{name}.dcm", overwrite=True) as temporary:
                link_or_copy(file, temporary)
            sync(folder)
            self._bytes += size - arrived.get(name, 0)
            self._arrived.setdefault(series, {})[name] = size

    def _too_large(self) -> str:
        limits = self._limits
        return (
            f"the series has more than {limits.series_instances} instances or "
            f"{limits.series_gb:g} GB"
        )

    def complete(self, series: str) -> str:
        """Let a series wait for its answer; return "" or why it is not answered.

        Args:
            series: its key.
        """
        with self._lock:
            folder = self.folder / _INCOMING / series
            if not folder.is_dir():  # its last instance came just before, and went along
                return ""
            names = instance_names(folder)
            self._arrived.pop(series, None)
            if (folder / _TOO_LARGE).exists():
                return self._noted(folder, names, self._too_large())
            answered = self._too_late(series, names)
            if answered:
                self._remove(folder)
                return answered
            earlier = set(self._ledger.read(self._ledger.name(series)).get("instances", ()))
            missing = earlier - set(names)
            if missing:  # a part of a series must not be taken for all of it
                reason = f"{len(missing)} instances of it came before; send the whole series"
                return self._noted(folder, sorted(earlier | set(names)), reason)
            move_into(folder, self.folder / _WAITING / series)
            return ""

    def _too_late(self, series: str, names: Sequence[str]) -> str:
        """Return what is said of instances of a series that has an answer; "" where it has none."""
        answered = self._answer_of(series)
        if answered is None:
            return ""
        new = len(set(names) - set(answered))
        return "it was answered before" + (
            f"; {new} of these instances came too late for the answer" if new else ""
        )

    def _answer_of(self, series: str) -> list[str] | None:
        waiting = read_json(self.outbox.place(series) / RECORD)
        for record in (waiting, self._ledger.read(self._ledger.name(series))):
            if record.get("answered"):
                return list(record["instances"])
        return None

    def next_waiting(self) -> tuple[str, Path] | None:
        """Return the key and the folder of the series that waits longest, which is now being
        answered; None where none waits.

        A series whose answering failed several times, or ended the process, is put aside.
        """
        with self._lock:
            waiting = folders_in(self.folder / _WAITING)
            for one in sorted(waiting, key=lambda one: one.stat().st_mtime):
                late = self._too_late(one.name, instance_names(one))
                if late:  # these came while the others were being answered
                    logger.info("series %s: not answered: %s", one.name[:12], late)
                    self._remove(one)
                    continue
                folder = self.folder / _WORKING / one.name
                move_into(one, folder)
                attempts = number_in(folder / _ATTEMPTS)
                if attempts < _MOST_ATTEMPTS:
                    (folder / _ATTEMPTS).write_text(str(attempts + 1), encoding="utf-8")
                    return one.name, folder
                (folder / _ATTEMPTS).unlink()  # a person may move it back
                move_into(folder, self.folder / _FAILED / one.name)
                logger.error(
                    "series %s: answering failed %d times; it lies in failed/",
                    one.name[:12],
                    attempts,
                )
        return None

    def put_back(self, series: str, *, counted: bool) -> None:
        """Let a series wait again whose answering failed.

        Args:
            series: its key.
            counted: whether it is to blame; not where the disk was full.
        """
        with self._lock:
            folder = self.folder / _WORKING / series
            if not counted:
                (folder / _ATTEMPTS).unlink(missing_ok=True)
            remove_tree(folder / _RESULTS)
            move_into(folder, self.folder / _WAITING / series)

    def resume(self) -> None:
        """Let series wait again whose answering was cut short by an error, such as a full disk."""
        with self._lock:
            for folder in folders_in(self.folder / _WORKING):
                remove_tree(folder / _RESULTS)
                if self._answer_of(folder.name) is not None:
                    self._remove(folder)
                else:
                    move_into(folder, self.folder / _WAITING / folder.name)

    def note(self, series: str, reason: str) -> bool:
        """Note that a series is not answered, and remove it; return False where more of it has come
        meanwhile, with which it waits again instead.

        Args:
            series: its key.
            reason: why.
        """
        with self._lock:
            folder = self.folder / _WORKING / series
            (folder / _ATTEMPTS).unlink(missing_ok=True)
            remove_tree(folder / _RESULTS)
            sizes = {file.stem: file.stat().st_size for file in folder.glob("*.dcm")}
            if series in self._arrived:
                move_into(folder, self.folder / _INCOMING / series)
                self._arrived[series] |= sizes
                return False
            if (self.folder / _WAITING / series).is_dir():
                move_into(folder, self.folder / _WAITING / series)
                return False
            self._noted(folder, list(sizes), reason)
            return True

    def _noted(self, folder: Path, names: Sequence[str], reason: str) -> str:
        record = self._ledger.record(names, reason=reason)
        self._ledger.write(self._ledger.name(folder.name), record)
        self._remove(folder)
        return reason

    def answer(self, series: str, results: Iterable[Dataset]) -> None:
        """Put the answer to a series into the outbox, and remove the series.

        Args:
            series: its key.
            results: in the order in which they are sent.
        """
        working = self.folder / _WORKING / series
        place = working / _RESULTS
        remove_tree(place)
        place.mkdir(mode=0o700)
        for number, result in enumerate(results):
            with replacing(place / f"{number:05d}.dcm") as temporary:
                result.save_as(temporary, enforce_file_format=True)
        write_json(self._ledger.record(instance_names(working)), place / RECORD)
        sync(place)
        with self._lock:
            self._bytes += bytes_of(place)
            place.rename(self.outbox.place(series))
            sync(self.folder / _OUTBOX)
            self._remove(working)

    def _remove(self, folder: Path) -> None:
        with self._lock:
            self._bytes -= bytes_of(folder)
        removed = self.folder / _REMOVED / f"{folder.parent.name}-{folder.name}"
        remove_tree(removed)
        folder.rename(removed)
        remove_tree(removed)

    def _recover(self) -> None:
        """Bring what a killed process left back to where it goes on."""
        for place in (self.receiving, self.folder / _REMOVED):
            remove_tree(place)
            place.mkdir(mode=0o700)
        for unfinished in self.folder.glob("*/**/.*"):  # named by `replacing`
            unfinished.unlink()
        self.outbox.recover()
        self.resume()
        self._ledger.forget_old()
