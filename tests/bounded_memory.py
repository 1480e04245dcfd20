"""How much memory code takes on top of what stood before it, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys


def most_memory(first: str, code: str) -> float:
    """Return the megabytes by which the peak of a process grows while it runs `code`, after
    `first`; both must end well.
    """
    program = (
        f"import resource\n{first}\n"
        f"before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n{code}\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return float(done.stdout.split()[-1])
