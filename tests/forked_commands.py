"""What a forked process of a test does; a module of its own, since a new process imports it by
name.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path


def act(words, log, cwd, moment=None, how=None):
    """What a process does: a command of medmonai, or, where the words begin with an option, MONAI's
    `run`.

    With moment=(name, count) it sends itself the signal `how` just before a file takes this name
    for the count-th time.
    """
    import fire
    import monai.bundle
    import torch

    from medmonai.__main__ import app
    from medmonai.errors import run_in_words

    for number in (1, 2):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(cwd)
    torch.set_num_threads(1)
    # What is started in the background of a shell ignores it, and so do its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if moment is not None:
        sys.addaudithook(partial(_stop, moment[0], iter(range(moment[1] - 1, -1, -1)), how))
    sys.argv = ["medmonai", *words]
    if not words[0].startswith("--"):
        run_in_words(partial(app, prog_name="python -m medmonai"))
    try:
        fire.Fire(monai.bundle.run)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)


def _stop(name, left, how, event, words):
    if event == "os.rename" and Path(os.fsdecode(words[1])).name == name and next(left, None) == 0:
        # What Python does on a signal, here and now: later it may happen in a finalizer, which
        # swallows the exception.
        handler = signal.getsignal(how)
        if callable(handler):
            handler(how, sys._getframe())
        signal.raise_signal(how)
