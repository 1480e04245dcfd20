"""Tell a loader which epoch begins."""

from __future__ import annotations

from typing import Any

from ignite.engine import Engine, Events


class LoaderEpoch:
    """Call `loader.set_epoch(epoch)` when an epoch starts, so that its plan follows from (seed,
    epoch).

    MONAI and Ignite do this for torch's `DistributedSampler` only.

    Args:
        loader: anything with `set_epoch`, such as a `ResidentLoader`.
    """

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(
            Events.EPOCH_STARTED, lambda e: self.loader.set_epoch(e.state.epoch)
        )
