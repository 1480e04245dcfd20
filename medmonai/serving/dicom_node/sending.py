"""Answers on their way: tried until every destination has them."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from medmonai.serving.node_queue import Outbox

from .delivery import Declined, Destination, Unreachable, destination_key

_FIRST_SECONDS = 2.0
_MOST_SECONDS = 300.0

logger = logging.getLogger("medmonai.dicom_node")


class Backoff:
    """Waiting times between attempts: each twice as long as the one before, up to a longest.

    Example:
        >>> backoff = Backoff(first=2.0, most=5.0)
        >>> [backoff.failed("pacs", now=0.0) for _ in range(3)]
        [2.0, 4.0, 5.0]
        >>> backoff.is_due("pacs", now=4.9), backoff.is_due("pacs", now=5.0)
        (False, True)
    """

    def __init__(self, *, first: float = _FIRST_SECONDS, most: float = _MOST_SECONDS) -> None:
        self._first = first
        self._most = most
        self._due: dict[str, tuple[float, float]] = {}

    def failed(self, what: str, *, now: float) -> float:
        """Note a failure; return the seconds until the next attempt."""
        wait = min(self._due.get(what, (0.0, self._first / 2))[1] * 2, self._most)
        self._due[what] = (now + wait, wait)
        return wait

    def succeeded(self, what: str) -> None:
        """Note a success."""
        self._due.pop(what, None)

    def is_due(self, what: str, *, now: float) -> bool:
        """Return whether it may be tried."""
        return now >= self._due.get(what, (now, 0.0))[0]


class Sender:
    """Send what lies in the outbox to one destination.

    A destination that does not answer is left alone for a while, longer each time, up to five
    minutes; an answer that it refuses, or that cannot be sent, likewise, while the others go on.
    Nothing is given up.

    Args:
        outbox: the answers.
        to: the destination.
        keys: of all destinations.
        backoff: of the attempts.
    """

    def __init__(
        self,
        outbox: Outbox,
        to: Destination,
        keys: Sequence[str],
        *,
        backoff: Backoff | None = None,
    ) -> None:
        self._outbox = outbox
        self._to = to
        self._key = destination_key(to)
        self._keys = keys
        self._backoff = backoff or Backoff()

    def run(self, stop: threading.Event, *, pause: float = 0.5) -> None:
        """Send until the node stops.

        Args:
            stop: is set when it does.
            pause: seconds between looks at the outbox.
        """
        while not stop.wait(pause):
            try:
                self.send_due(time.monotonic(), stop)
            except Exception as error:  # such as a full disk; what lies there stays
                logger.error("the outbox: %s", said_of(error))

    def send_due(self, now: float, stop: threading.Event | None = None) -> None:
        """Send every answer whose turn it is.

        Args:
            now: seconds of a clock that does not go backward.
            stop: see `run`.
        """
        if not self._backoff.is_due(self._key, now=now):
            return
        for answer in self._outbox.answers():
            if stop is not None and stop.is_set():
                return
            if self._outbox.is_delivered(answer, self._key):
                self._outbox.finish(answer, self._keys)  # which may have been cut short
                continue
            if not self._backoff.is_due(answer.name, now=now):
                continue
            try:
                self._to.send(sorted(answer.glob("*.dcm")))
            except Unreachable as error:
                wait = self._backoff.failed(self._key, now=now)
                logger.warning("%s; next attempt in %.0f s", error, wait)
                return
            except Exception as error:  # declined, or unforeseen: the other answers go on
                said = error if isinstance(error, Declined) else said_of(error)
                wait = self._backoff.failed(answer.name, now=now)
                logger.warning("%s: %s; next attempt in %.0f s", _short(answer), said, wait)
                continue
            self._backoff.succeeded(self._key)
            self._backoff.succeeded(answer.name)
            logger.info("%s: sent to %s", _short(answer), self._to.name)
            self._outbox.delivered(answer, self._key)
            self._outbox.finish(answer, self._keys)


def said_of(error: Exception) -> str:
    """Return what the log says of an error: its message where it is one of the system, otherwise
    only where it happened, since it may quote the header of an image.
    """
    if isinstance(error, OSError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {place.filename}:{place.lineno}"


def _short(answer: Path) -> str:
    return f"series {answer.name[:12]}"
