"""A pool for the tests of studies that runs cells in this process."""

from __future__ import annotations

from concurrent.futures import Future

from medmonai.studies.cell_run import run_cell


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
