"""What senders may take of the machine of a node."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from medmonai.serving.limits import require_above_zero

_MEGABYTE = 1_000_000
_GIGABYTE = 1_000_000_000


class QueueFull(OSError):
    """No room for another instance, for now."""


class SeriesTooLarge(ValueError):
    """A series with more instances or bytes than are taken."""


@dataclass(frozen=True)
class NodeLimits:
    """Bounds of a node. What lies beyond one is refused with a status that the sender sees.

    Args:
        instance_mb: megabytes of one instance; a larger one ends its association.
        series_instances: instances of one series; a larger series is not answered.
        series_gb: gigabytes of one series, likewise.
        queue_gb: gigabytes of everything that waits on the disk; beyond it, instances are refused
            as "out of resources", and senders try again later.
        associations: that may be open at once.
        silent_seconds: after which an association without traffic is ended.

    Raises:
        ValueError: a bound that is not above 0.

    Example:
        >>> NodeLimits(instance_mb=8).instance_bytes
        8000000
    """

    _: KW_ONLY
    instance_mb: float = 1024
    series_instances: int = 4000
    series_gb: float = 4
    queue_gb: float = 50
    associations: int = 16
    silent_seconds: float = 60

    def __post_init__(self) -> None:
        require_above_zero(self)

    @property
    def instance_bytes(self) -> int:
        """Bytes of one instance."""
        return int(self.instance_mb * _MEGABYTE)

    @property
    def series_bytes(self) -> int:
        """Bytes of one series."""
        return int(self.series_gb * _GIGABYTE)

    @property
    def queue_bytes(self) -> int:
        """Bytes of everything that waits."""
        return int(self.queue_gb * _GIGABYTE)
