"""The order in which the handlers of a trainer act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monai.handlers import ValidationHandler


def in_order(
    handlers: Sequence[Any], *, before_validation: Sequence[Any], after_validation: Sequence[Any]
) -> list[Any]:
    """Return the handlers of a trainer in the order in which they are attached, and so act within
    an event.

    MONAI looks for the `ValidationHandler` of a bundle in the list `train#handlers`, and its tools
    append their own handlers there, such as that of `--tracking mlflow`. What sets up an epoch has
    to come before validation. What reads the validation AUC (best epochs, history, checkpoint)
    comes after it. What was appended comes last.

    Args:
        handlers: the `ValidationHandler` and whatever was appended.
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
