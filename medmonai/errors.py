"""An error in one line, for a person."""

from __future__ import annotations


def one_line(error: BaseException) -> str:
    """Return the innermost error's message without line breaks: MONAI wraps what a config expression raised.

    Example:
        >>> one_line(ValueError("a", "b"))
        "('a', 'b')"
    """
    while error.__cause__ is not None and isinstance(error, RuntimeError):
        error = error.__cause__
    return " ".join(str(error).split())
