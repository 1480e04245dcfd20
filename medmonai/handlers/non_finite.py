"""Stop a run at the first loss or gradient that is not a finite number."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from monai.engines.utils import IterationEvents

from .loss_output import loss_of
from .trainer import Trainer


class NonFiniteGuard:
    """Raise FloatingPointError when the loss or a gradient is NaN or infinite.

    A clipped optimizer turns an infinite gradient into an ordinary-looking one, and a NaN spreads
    to every weight within two steps; both train on silently. On a CPU every iteration is checked
    before its step. On CUDA a check makes the host wait, so the verdicts are collected on the
    device and read every `interval` iterations and at the end of an epoch, before its checkpoint.
    With a GradScaler (fp16) infinite gradients are part of the method, so only the loss is checked.
    Ignite's `TerminateOnNan` looks at the engine's output, not at gradients, and ends the run
    without an error.

    Args:
        interval: iterations between two reads on CUDA.
    """

    def __init__(self, interval: int = 50) -> None:
        self.interval = interval
        self._finite: torch.Tensor | None = None

    def attach(self, engine: Engine) -> None:
        """Attach to a MONAI trainer, before its checkpoint."""
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._read)

    def __call__(self, engine: Trainer) -> None:
        """Check this iteration's loss and gradients."""
        finite = torch.isfinite(engine.state.output["loss"].detach()).all()
        if engine.scaler is None:
            gradients = [
                p.grad
                for g in engine.optimizer.param_groups
                for p in g["params"]
                if p.grad is not None
            ]
            if gradients:
                finite = finite & torch.isfinite(
                    torch.stack(torch._foreach_norm(gradients, 1)).sum()
                )
        self._finite = finite if self._finite is None else self._finite & finite
        if not finite.is_cuda or engine.state.iteration % self.interval == 0:
            self._read(engine)

    def _read(self, engine: Trainer) -> None:
        finite = self._finite
        self._finite = None
        if finite is not None and not finite:
            raise FloatingPointError(
                f"the loss or a gradient is not finite in epoch {engine.state.epoch}, by iteration "
                f"{engine.state.iteration} (loss {loss_of(engine.state.output).item():.4g}); lower "
                "the learning rate, or run with --precision fp32."
            )
