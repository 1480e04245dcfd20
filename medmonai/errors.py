"""Errors in one readable line."""

from __future__ import annotations

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

# Types that this package raises with its own message, or that the system and libraries raise about
# the environment. Anything in neither list (a lookup, an attribute, memory, a parser's error) is a
# bug in the program.
_IN_WORDS = (ValueError, TypeError, OSError, ImportError, FloatingPointError, RuntimeError)
_SHOW = "--traceback (or MEDMONAI_TRACEBACK=1)"


def innermost(error: BaseException) -> BaseException:
    """Return the error that MONAI's RuntimeErrors were raised from."""
    while error.__cause__ is not None and isinstance(error, RuntimeError):
        error = error.__cause__
    return error


def one_line(error: BaseException) -> str:
    """Return the innermost error's message without line breaks: MONAI wraps what a config
    expression raised.

    Example:
        >>> one_line(ValueError("a", "b"))
        "('a', 'b')"
    """
    return " ".join(str(innermost(error)).split())


def sentence(error: BaseException) -> str:
    """Return the line that ends a command: the message, or, if it is a bug, what to report.

    Example:
        >>> sentence(IndexError("list index out of range")).split(";")[0]
        'unexpected error IndexError: list index out of range'
    """
    error = innermost(error)
    if isinstance(error, MemoryError):
        what = one_line(error) or "no memory left on the system"
        return f"out of memory: {what}; use smaller images or batches, or a larger machine."
    if isinstance(error, OSError) and error.strerror:  # str() would begin with "[Errno 2]"
        files = " and ".join(
            str(name) for name in (error.filename, error.filename2) if name is not None
        )
        return (
            " ".join(f"{files}: {error.strerror}.".split())
            if files
            else " ".join(error.strerror.split())
        )
    if (
        isinstance(error, _IN_WORDS)
        and not isinstance(error, RecursionError)
        and str(error).strip()
    ):
        return one_line(error)
    # a sentence, which KeyError puts in quotes
    if isinstance(error, KeyError) and len(str(error).split()) > 1:
        return " ".join(str(error.args[0]).split())
    return (
        f"unexpected error {type(error).__name__}: {one_line(error)}; please report it with the "
        f"output of {_SHOW}."
    )


def run_in_words(command: Callable[[], object]) -> None:
    """Call a command; an error becomes one line on stderr and exit status 1, a warning one line
    without its source location.

    `--traceback` on the command line, or MEDMONAI_TRACEBACK=1, shows the traceback as well. A
    closed pipe (`| head`) ends the command quietly.
    """
    whole = "--traceback" in sys.argv or os.environ.get("MEDMONAI_TRACEBACK", "") not in ("", "0")
    sys.argv[:] = [word for word in sys.argv if word != "--traceback"]
    warnings.formatwarning = warning_line
    for noise in (DeprecationWarning, FutureWarning, PendingDeprecationWarning):
        warnings.simplefilter("ignore", noise)
    try:
        command()
    except BrokenPipeError:
        # otherwise Python complains again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt as error:
        print(one_line(error) or "stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if whole:
            traceback.print_exc()
        print(f"error: {sentence(error)}", file=sys.stderr)
        sys.exit(1)


def warning_line(message: Warning | str, *_: object, **__: object) -> str:
    r"""Return a warning as one line, without file and source line; for `warnings.formatwarning`.

    Example:
        >>> warning_line("AUC undefined")
        'warning: AUC undefined\n'
    """
    return f"warning: {' '.join(str(message).split())}\n"


def last_word_on_errors() -> None:
    """End the process with our message: MONAI wraps an error in RuntimeErrors whose report is 60
    lines long.

    Ignite logs the message of whatever ends an engine and then raises it; the log entry is dropped
    so that the message appears once. The previous hook still prints the report; the last line is
    the innermost message, and the exit status is still 1. Warnings of this package lose their file
    and source line. Called when a bundle's workflow begins.
    """
    for engine in ("SupervisedTrainer", "SupervisedEvaluator"):
        logging.getLogger(f"ignite.engine.engine.{engine}").addFilter(_is_not_the_error)
    earlier = sys.excepthook
    written = warnings.formatwarning
    if getattr(earlier, "is_last_word", False):
        return

    def hook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        earlier(kind, error, where)
        if isinstance(error, Exception):
            print(f"error: {sentence(error)}", file=sys.stderr)
        elif isinstance(error, KeyboardInterrupt) and not str(error):
            print(
                "stopped; finished results are safe, and the same command can be run again.",
                file=sys.stderr,
            )

    def format_warning(
        message: Warning | str, category: type[Warning], filename: str, *rest: Any, **more: Any
    ) -> str:
        ours = "medmonai" in Path(filename).parts
        return (
            warning_line(message) if ours else written(message, category, filename, *rest, **more)
        )

    hook.is_last_word = True  # type: ignore[attr-defined]
    sys.excepthook = hook
    warnings.formatwarning = format_warning


def _is_not_the_error(record: logging.LogRecord) -> bool:
    return " run is terminating due to exception" not in record.getMessage()


@contextmanager
def stopped_in_words() -> Iterator[None]:
    """Make Ctrl-C end the program with the raised message and exit status 130; Typer would print
    "Aborted.".
    """
    try:
        yield
    except KeyboardInterrupt as error:
        print(one_line(error) or "stopped", file=sys.stderr)
        sys.exit(130)
