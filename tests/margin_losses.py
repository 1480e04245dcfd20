"""AUC margin losses that an optimiser has taken, batches for them, and their gradients."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from medmonai.losses import AUCMarginLoss


def attached(*arguments, **options):
    """Build a loss that an optimiser has taken, with a, b and alpha away from zero."""
    loss = AUCMarginLoss(*arguments, **options)
    loss.attach(SimpleNamespace(alpha=loss.alpha))
    with torch.no_grad():
        for number, variable in enumerate((loss.a, loss.b, loss.alpha)):
            variable.copy_(
                torch.linspace(0.2, 0.6, loss.num_outputs).reshape(variable.shape) + 0.1 * number
            )
    return loss


def batch(size=16, outputs=1, seed=0, scale=2.0):
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(size, outputs, generator=generator)
    labels = (torch.rand(size, outputs, generator=generator) < 0.4).long()
    labels[0], labels[1] = 0, 1
    return logits.requires_grad_(), labels


def gradients(value, *tensors):
    return torch.autograd.grad(value, tensors, allow_unused=True, materialize_grads=True)
