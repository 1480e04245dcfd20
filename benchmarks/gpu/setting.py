"""What every part of the GPU run is given, and how it takes the time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Setting:
    """Device and size of a run.

    Args:
        device: "cuda" or "cpu".
        output: folder of the part's own files.
        data: folder of real data, None without it.
        small: rehearse: everything as small as it goes.
    """

    device: str
    output: Path
    data: Path | None
    small: bool

    @property
    def cuda(self) -> bool:
        """Whether there is a GPU to measure."""
        return self.device.startswith("cuda")

    def wait(self) -> None:
        """Wait until the device has done all it was given."""
        if self.cuda:
            torch.cuda.synchronize()

    def seconds(self, work: Callable[[], object]) -> float:
        """Return the wall time of `work`, the device's part included."""
        self.wait()
        began = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - began

    def in_turn(
        self, ways: dict[str, Callable[[], object]], rounds: int = 5
    ) -> dict[str, dict[str, float]]:
        """Run the ways in turn; return median, lowest and highest seconds of each, without a first
        round.
        """
        rounds = 1 if self.small else rounds
        took: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, work in ways.items():
                passed = self.seconds(work)
                if number:
                    took[name].append(passed)
        return {
            name: {"median": statistics.median(all_), "lowest": min(all_), "highest": max(all_)}
            for name, all_ in took.items()
        }
