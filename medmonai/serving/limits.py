"""What one request, and all of them together, may take of a machine."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

_MEGABYTE = 1_000_000


def require_above_zero(bounds: Any) -> None:
    """Refuse bounds that are not above 0.

    Args:
        bounds: a dataclass of numbers.

    Raises:
        ValueError: the first that is not.
    """
    for field in fields(bounds):
        value = getattr(bounds, field.name)
        if not value > 0:
            raise ValueError(f"{field.name}={value!r}; a number above 0 is needed.")


@dataclass(frozen=True)
class Limits:
    """Bounds of a service; a request beyond one is refused with 4xx or 503 and the reason.

    Args:
        request_mb: megabytes of one request.
        unpacked_mb: megabytes that the files of a zip archive may take.
        images: images of one request, also within archives.
        files: files of one request, such as the slices of a series.
        seconds: from the first byte of a request to its answer.
        requests: that are served at once.
        received_mb: megabytes of all requests that are served at once.

    Raises:
        ValueError: a bound that is not above 0.

    Example:
        >>> Limits(request_mb=8).request_mb
        8
    """

    _: KW_ONLY
    request_mb: float = 256
    unpacked_mb: float = 2048
    images: int = 64
    files: int = 4000
    seconds: float = 60
    requests: int = 256
    received_mb: float = 2048

    def __post_init__(self) -> None:
        require_above_zero(self)

    @property
    def request_bytes(self) -> float:
        """Bytes of one request."""
        return self.request_mb * _MEGABYTE

    @property
    def unpacked_bytes(self) -> float:
        """Bytes that the files of an archive may take."""
        return self.unpacked_mb * _MEGABYTE

    @property
    def received_bytes(self) -> float:
        """Bytes of all requests that are served at once."""
        return self.received_mb * _MEGABYTE
