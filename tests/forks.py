"""Commands in processes of their own that start at once: forked from one that has imported all of
medmonai, which takes longer than the runs of the tests.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import time

from forked_commands import act

import medmonai

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "monai.bundle",
        "medmonai.__main__",
        "matplotlib.pyplot",
        *(
            module.name
            for module in pkgutil.walk_packages(medmonai.__path__, "medmonai.")
            if "ray" not in module.name
        ),
    ]
)


class Process:
    """A process with what it printed."""

    def __init__(self, words, cwd, moment=None, how=signal.SIGKILL, log=None):
        self.log = log or cwd / f"{time.monotonic_ns()}.txt"
        self.process = FORKS.Process(target=act, args=(words, self.log, cwd, moment, how))
        self.process.start()
        self.pid = self.process.pid

    def end(self):
        self.process.join()
        return self.process.exitcode, self.log.read_text()

    def stop(self, how=signal.SIGKILL):
        os.kill(self.pid, how)
        return self.end()

    def stop_when(self, there, how=signal.SIGKILL):
        """Send a signal as soon as something is there."""
        while not there() and self.process.is_alive():
            time.sleep(0.002)
        return self.stop(how) if self.process.is_alive() else self.end()
