"""What a service counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Counters:
    """Counters of one service; none of them knows an image, a name or an address."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "medmonai_requests",
            "Requests by path and status.",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "medmonai_request_seconds", "Seconds of a request.", ["path"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.images = Counter(
            "medmonai_images", "Images by result.", ["result"], registry=self.registry
        )
        self.batches = Histogram(
            "medmonai_batch_images", "Images of a batch.", buckets=_BATCHES, registry=self.registry
        )
        self._waiting = Gauge(
            "medmonai_waiting_images", "Images that wait for the network.", registry=self.registry
        )

    def follow(self, waiting: Callable[[], float]) -> None:
        """Show what a function returns as the number of images that wait for the network."""
        self._waiting.set_function(waiting)

    def text(self) -> bytes:
        """Return all counters in Prometheus's text format."""
        return generate_latest(self.registry)
