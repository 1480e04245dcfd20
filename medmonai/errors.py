"""An error in one line, for a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def one_line(error: BaseException) -> str:
    """Return the innermost error's message without line breaks: MONAI wraps what a config expression raised.

    Example:
        >>> one_line(ValueError("a", "b"))
        "('a', 'b')"
    """
    while error.__cause__ is not None and isinstance(error, RuntimeError):
        error = error.__cause__
    return " ".join(str(error).split())


@contextmanager
def stopped_in_words() -> Iterator[None]:
    """Let Ctrl-C end the program with the sentence that was raised and exit status 130; Typer would say "Aborted."."""
    try:
        yield
    except KeyboardInterrupt as error:
        print(one_line(error) or "stopped", file=sys.stderr)
        sys.exit(130)
