"""Learning-rate schedules as plain functions of the step number."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class OneCycle:
    """Multiplier of the base learning rate: a cosine rise to 1, then a cosine fall to nearly 0.

    For `torch.optim.lr_scheduler.LambdaLR(optimizer,
    OneCycle(total_steps))`. With s the step and u = warmup total_steps:

        s < u:            start + (1 - start) (1 - cos(pi s / u)) / 2
        u <= s < total:   end + (1 - end) (1 + cos(pi (s - u) / (total_steps - u))) / 2
        s >= total:       end

    `torch.optim.lr_scheduler.OneCycleLR` is the same curve, but it raises an error at the first
    step after the last (so a run cannot be prolonged), moves the momentum too (PESG's means the
    reverse of torch's), and demands the peak as an absolute number.

    Args:
        total_steps: optimizer steps until the end value is reached, at least 1.
        warmup: share of them that rises, in [0, 1).
        start: multiplier at step 0 if there is a warm-up, in [0, 1].
        end: multiplier at the end and ever after, in [0, 1].

    Raises:
        ValueError: an argument outside the above.

    References:
        Smith and Topin, Super-convergence, arXiv:1708.07120; cosine instead of straight lines as in
        torch.

    Example:
        >>> cycle = OneCycle(100)
        >>> [round(cycle(step), 4) for step in (0, 30, 65, 100, 1000)]
        [0.04, 1.0, 0.5, 0.0001, 0.0001]
    """

    total_steps: int
    warmup: float = 0.3
    start: float = 0.04
    end: float = 1e-4

    def __post_init__(self) -> None:
        if self.total_steps < 1:
            raise ValueError(f"total_steps={self.total_steps} is not possible; use at least 1.")
        if not 0 <= self.warmup < 1:
            raise ValueError(
                f"warmup={self.warmup} is not possible; it is a share of total_steps in [0, 1)."
            )
        for name in ("start", "end"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name}={getattr(self, name)} is not possible; it is a multiplier in [0, 1]."
                )

    def __call__(self, step: int) -> float:
        """Return the multiplier at a step, counted from 0."""
        rise = self.warmup * self.total_steps
        if step >= self.total_steps:
            return self.end
        if step < rise:
            return self.start + (1 - self.start) * (1 - math.cos(math.pi * step / rise)) / 2
        return (
            self.end
            + (1 - self.end)
            * (1 + math.cos(math.pi * (step - rise) / (self.total_steps - rise)))
            / 2
        )
