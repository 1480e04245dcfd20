"""When a series is complete: DICOM does not say so, so time and associations have to."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class _Arriving:
    last: float
    brought_by: set[int] = field(default_factory=set)
    open: set[int] = field(default_factory=set)
    broken_off: set[int | None] = field(default_factory=set)


class Arrivals:
    """Decide when a series has arrived.

    A series is complete

    - `release_seconds` after every association that brought its instances was released, if nothing
      of it has come since: a release says that the sender is done, and the seconds are for senders
      that open an association for each slice; or
    - `quiet_seconds` after its last instance, whatever its associations do: some stay open for
      hours. After one was aborted, or ended with an earlier process, only this counts: a part of
      the series may be lost with it.

    Args:
        quiet_seconds: without an instance.
        release_seconds: after the last release.

    Raises:
        ValueError: a time that is negative.

    Example:
        >>> arrivals = Arrivals(quiet_seconds=60, release_seconds=5)
        >>> arrivals.stored("a series", association=1, now=0.0)
        >>> arrivals.complete(now=10.0)
        []
        >>> arrivals.ended(1, released=True, now=10.0)
        >>> arrivals.complete(now=15.0)
        ['a series']
    """

    def __init__(self, *, quiet_seconds: float = 60.0, release_seconds: float = 5.0) -> None:
        for name, value in (("quiet", quiet_seconds), ("release", release_seconds)):
            if not value >= 0:
                raise ValueError(f"{name}_seconds={value}; 0 or more is needed.")
        self._quiet = quiet_seconds
        self._release = release_seconds
        self._arriving: dict[str, _Arriving] = {}
        self._lock = threading.Lock()

    def stored(self, series: str, *, association: int | None, now: float) -> None:
        """Note that an instance was stored.

        Args:
            series: that it belongs to.
            association: that brought it; None where that is not known, as after a restart.
            now: seconds of any clock that does not go backward.
        """
        with self._lock:
            arriving = self._arriving.setdefault(series, _Arriving(now))
            arriving.last = now
            if association is None:
                arriving.broken_off.add(None)
            else:
                arriving.brought_by.add(association)
                arriving.open.add(association)

    def ended(self, association: int, *, released: bool, now: float) -> None:
        """Note that an association is over: that it was released, that its connection was closed,
        or both, in any order.

        Args:
            association: which.
            released: whether the sender ended it properly.
            now: as above.
        """
        with self._lock:
            for arriving in self._arriving.values():
                if association not in arriving.brought_by:
                    continue
                if released:
                    arriving.broken_off.discard(association)
                    arriving.last = max(arriving.last, now)
                elif association in arriving.open:
                    arriving.broken_off.add(association)
                arriving.open.discard(association)

    def complete(self, now: float) -> list[str]:
        """Return the series that are complete; each is returned once.

        Args:
            now: as above.
        """
        with self._lock:
            over = [series for series, one in self._arriving.items() if self._over(one, now)]
            for series in over:
                del self._arriving[series]
        return over

    def _over(self, one: _Arriving, now: float) -> bool:
        silent = now - one.last
        released = not one.open and not one.broken_off
        return silent >= self._quiet or (released and silent >= self._release)
