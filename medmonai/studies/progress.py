"""What a person sees while a study runs: a bar with failures and the time left, or nothing where
no one looks.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tqdm import tqdm

from .cell import Cell
from .cell_run import Outcome
from .status import cell_status, duration, remaining_seconds


class StudyProgress:
    """A bar of cells on a terminal: done, running, failed, and the time left from what the cells
    took that are done.

    Args:
        cells: of this run.
        output: the study's folder.
        jobs: cells at a time.
    """

    def __init__(self, cells: Sequence[Cell], output: str | Path, *, jobs: int) -> None:
        self._statuses = {cell.key: cell_status(cell, output) for cell in cells}
        self._output = output
        self._jobs = jobs
        self._failed = 0
        self._ended = {key for key, status in self._statuses.items() if status.state == "finished"}
        self._bar = tqdm(
            total=len(cells),
            initial=len(self._ended),
            unit="cell",
            file=sys.stderr,
            disable=None,
            bar_format="{n_fmt}/{total_fmt} cells |{bar:20}| {elapsed}{postfix}",
        )
        self._tell()

    def __enter__(self) -> StudyProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def ended(self, cell: Cell, outcome: Outcome) -> None:
        """Count a cell that has ended, and say at once, on a terminal, if it failed."""
        if outcome.state == "failed":
            self._failed += 1
            if not self._bar.disable:
                self._bar.write(f"failed: {cell.name}: {outcome.error}", file=sys.stderr)
        self._statuses[cell.key] = cell_status(cell, self._output)
        if cell.key not in self._ended:
            self._ended.add(cell.key)
            self._bar.update()
        self._tell()

    def _tell(self) -> None:
        waiting = len(self._statuses) - len(self._ended)
        left = remaining_seconds(
            [
                s
                for key, s in self._statuses.items()
                if key not in self._ended or s.state == "finished"
            ],
            jobs=self._jobs,
        )
        self._bar.set_postfix_str(
            f"{min(self._jobs, waiting)} running, {self._failed} failed, time left: "
            f"{duration(left)}"
        )
