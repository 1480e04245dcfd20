"""The order in which a trainer's handlers run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.handlers import ValidationHandler


def in_order(
    handlers: Sequence[Any], *, before_validation: Sequence[Any], after_validation: Sequence[Any]
) -> list[Any]:
    """Return a trainer's handlers in the order in which they are attached, and therefore run within
    an event.

    MONAI looks for the `ValidationHandler` of a bundle in the list `train#handlers`, and its tools
    append their own handlers there, such as that of `--tracking mlflow`. Handlers that set up an
    epoch must run before validation. Those that read the validation AUC (best epochs, history,
    checkpoint) run after it. Appended ones run last.

    Args:
        handlers: the `ValidationHandler` and any appended handlers.
        before_validation: handlers, in order.
        after_validation: handlers, in order.

    Example:
        >>> in_order(
        ...     ["tracker"], before_validation=["stage"], after_validation=["history", "checkpoint"]
        ... )
        ['stage', 'history', 'checkpoint', 'tracker']
    """
    validation = [handler for handler in handlers if isinstance(handler, ValidationHandler)]
    appended = [handler for handler in handlers if not isinstance(handler, ValidationHandler)]
    return [*before_validation, *validation, *after_validation, *appended]
