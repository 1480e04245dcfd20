"""One choice of a plan, and why it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Choice:
    """A value of a plan with its reason.

    Args:
        name: what is chosen, as a reader of the plan calls it.
        value: what was chosen; JSON can hold it.
        reason: one line: the rule and the numbers that it was given.
    """

    name: str
    value: Any
    reason: str
