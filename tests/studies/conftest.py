"""A pool that saves the tests of studies the start of worker processes."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from medmonai.studies.cell_run import run_cell
from medmonai.studies.pools import POOLS


class ThisProcess:
    """A pool of one that saves the seconds in which a worker process imports torch and MONAI."""

    def __init__(self, resources):
        pass

    def submit(self, cell, folder):
        future = Future()
        future.set_result(run_cell(cell, folder))
        return future

    def close(self, *, now):
        pass


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setitem(POOLS, "here", ThisProcess)
