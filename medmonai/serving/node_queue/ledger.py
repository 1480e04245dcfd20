"""What became of each series: one file per series, with nothing about the patient."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from medmonai.atomic_files import read_json, write_json

_KEPT_SECONDS = 365 * 86_400


@dataclass(frozen=True)
class Ledger:
    """The records of a node. UIDs stand in them as digests only.

    Args:
        folder: of the records.
        version: of the model; each one has records of its own.
    """

    folder: Path
    version: str

    def name(self, series: str) -> str:
        """Return how an answer of this model to a series is named."""
        return f"{series}-{self.version}"

    def record(self, instances: Sequence[str], *, reason: str = "") -> dict[str, Any]:
        """Return the record of a series.

        Args:
            instances: names of its instances.
            reason: why it is not answered; "" where it is.
        """
        return {
            "answered": not reason,
            "reason": reason,
            "model": self.version,
            "instances": sorted(instances),
        }

    def write(self, name: str, record: dict[str, Any]) -> None:
        """Write a record under the name of an answer."""
        finished = datetime.now(timezone.utc).isoformat(timespec="seconds")
        write_json({**record, "finished": finished}, self.folder / f"{name}.json")

    def read(self, name: str) -> dict[str, Any]:
        """Return the record of an answer; {} where there is none."""
        return read_json(self.folder / f"{name}.json")

    def forget_old(self) -> None:
        """Remove records of more than a year ago."""
        for record in self.folder.glob("*.json"):
            if time.time() - record.stat().st_mtime > _KEPT_SECONDS:
                record.unlink()
