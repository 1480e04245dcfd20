"""The AUC margin loss on logits, for one output or one against the rest for several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import monai.losses
import torch
from torch import nn

from .labels import check_finite, check_logits, plain, targets_of


def auc_margin(
    scores: torch.Tensor,
    targets: torch.Tensor,
    *,
    a: torch.Tensor,
    b: torch.Tensor,
    alpha: torch.Tensor,
    margin: float = 1.0,
    prior: torch.Tensor | float | None = None,
) -> torch.Tensor:
    """Return the AUC margin objective of every output, version v1 (Yuan et al., eq. 6).

    With p the share of positives, h the scores, E the mean over the whole batch and [y=1] the
    indicator:

        F = (1-p) E[(h-a)^2 [y=1]] + p E[(h-b)^2 [y=0]]
            + 2 alpha (p (1-p) m + E[p h [y=0] - (1-p) h [y=1]]) - p (1-p) alpha^2

    An output whose batch lacks a class gives 0 with zero gradients (unless a prior is given).

    Args:
        scores: (B, L) in [0, 1].
        targets: (B, L) of exactly 0 and 1, floating.
        a: mean score of the positives, scalar or (L,).
        b: mean score of the negatives, likewise.
        alpha: dual variable, likewise; the objective is minimized in everything else and maximized
            in alpha.
        margin: wanted distance m of the two means.
        prior: share of positives p, scalar or (L,); None takes the batch's own.

    Returns:
        (L,) objective. It can be negative: the value of a saddle-point problem says nothing about
        progress.

    Example:
        >>> zero = torch.zeros(())
        >>> auc_margin(
        ...     torch.tensor([[1.0], [0.0]]),
        ...     torch.tensor([[1.0], [0.0]]),
        ...     a=zero,
        ...     b=zero,
        ...     alpha=zero,
        ... )
        tensor([0.2500])
    """
    negatives = 1 - targets
    p = targets.mean(0) if prior is None else prior
    q = 1 - p
    spread = q * ((scores - a) ** 2 * targets).mean(0) + p * ((scores - b) ** 2 * negatives).mean(0)
    gap = p * q * margin + p * (scores * negatives).mean(0) - q * (scores * targets).mean(0)
    return spread + 2 * alpha * gap - p * q * alpha**2


def auc_margin_v2(
    scores: torch.Tensor,
    targets: torch.Tensor,
    *,
    a: torch.Tensor,
    b: torch.Tensor,
    alpha: torch.Tensor,
    margin: float = 1.0,
) -> torch.Tensor:
    """Return the AUC margin objective of every output with means within each class, version v2.

    With E+ and E- the means over the positives and the negatives (0 where a class is absent, as in
    MONAI):

        F = E+[(h-a)^2] + E-[(h-b)^2] + 2 alpha (m + E-[h] - E+[h]) - alpha^2

    The prior is gone, so every batch should hold both classes. Arguments and result as in
    `auc_margin`.

    Example:
        >>> zero = torch.zeros(())
        >>> auc_margin_v2(
        ...     torch.tensor([[1.0], [0.0]]),
        ...     torch.tensor([[1.0], [0.0]]),
        ...     a=zero,
        ...     b=zero,
        ...     alpha=zero,
        ... )
        tensor([1.])
    """
    negatives = 1 - targets
    # clamp_min keeps an absent class at 0/1 = 0 without asking the device for the count.
    share_positive = targets / targets.sum(0).clamp_min(1)
    share_negative = negatives / negatives.sum(0).clamp_min(1)
    spread = ((scores - a) ** 2 * share_positive + (scores - b) ** 2 * share_negative).sum(0)
    gap = margin + (scores * (share_negative - share_positive)).sum(0)
    return spread + 2 * alpha * gap - alpha**2


class AUCMarginLoss(monai.losses.AUCMLoss):
    """AUC margin loss: logits in, float32 sigmoid inside, one output or one against the rest for
    several.

    A `monai.losses.AUCMLoss`, whose a, b, alpha and margin it keeps under the same names (vectors
    of length L for L outputs) and whose value it returns. MONAI's takes probabilities of one
    output, does not notice logits, and waits for the device twice in each call; this one takes the
    network's output as it is and never waits on a GPU.

    The objective is minimized in the network, a and b and MAXIMIZED in alpha. An ordinary optimizer
    that minimizes all of them, or leaves them out, trains the network backwards (AUC below .1). So
    `parameters()` is empty, although `state_dict()` holds a, b and alpha and `.to()` moves them,
    and a call that records gradients is refused until an optimizer that ascends alpha has taken the
    loss: `medmonai.optimizers.PESG(params, loss_fn=loss)` does so.

    Args:
        num_outputs: logits per case: `Task.num_outputs`. Several outputs are averaged, each against
            the rest.
        margin: wanted distance between the mean scores of positives and negatives, above 0; scores
            lie in [0, 1].
        version: "v1" (weighted by the share of positives, needs no resampling) or "v2" (means
            within each class; every batch should hold both). LibAUC's own v2 has a misplaced
            bracket; this one is MONAI's.
        imratio: share of positives p of v1, in (0, 1), one number or one an output. None: that of
            each batch (under DDP: of each rank's batch).
        activation: "sigmoid", or "softmax" for exclusive classes: then what is ranked is the column
            that `Task.probabilities` returns, which a sigmoid of one logit is not.

    Raises:
        ValueError: an argument outside the above; in `forward`: logits not (B, num_outputs); labels
            that do not fit them or are not 0/1 (or 0..L-1); non-finite logits. On a CUDA device the
            VALUES are not read, as that would stop the host: a wrong label makes the loss NaN
            there, and a NaN logit stays NaN, so that a check of the loss finds both.
        RuntimeError: in `forward` with gradients, before an optimizer has taken the loss.

    References:
        Yuan et al., Large-scale robust deep AUC maximization, ICCV 2021, arXiv:2012.03173, eq. 6
        and 7.

    Example:
        >>> loss = AUCMarginLoss()
        >>> with torch.no_grad():
        ...     loss(torch.tensor([[9.0], [-9.0]]), torch.tensor([1, 0]))
        tensor(0.2499)
        >>> list(loss.parameters()), list(loss.state_dict())
        ([], ['a', 'b', 'alpha'])
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        margin: float = 1.0,
        version: Literal["v1", "v2"] = "v1",
        imratio: float | Sequence[float] | None = None,
        activation: Literal["sigmoid", "softmax"] = "sigmoid",
    ) -> None:
        if version not in ("v1", "v2"):
            raise ValueError(f"version={version!r} does not exist; use 'v1' or 'v2'.")
        if activation not in ("sigmoid", "softmax") or (
            activation == "softmax" and num_outputs == 1
        ):
            raise ValueError(
                f"activation={activation!r} for {num_outputs} outputs; use 'sigmoid', or 'softmax' "
                "for two and more exclusive classes."
            )
        if isinstance(num_outputs, bool) or not isinstance(num_outputs, int) or num_outputs < 1:
            raise ValueError(
                f"num_outputs={num_outputs!r} is not possible; use a whole number of at least 1."
            )
        if not (math.isfinite(margin) and margin > 0):
            raise ValueError(
                f"margin={margin} is not possible; use a number above 0 (1.0 in the paper)."
            )
        super().__init__(margin=float(margin), version=version)
        self.num_outputs = num_outputs
        self.activation = activation
        self._attached = False
        if num_outputs > 1:
            self.a, self.b, self.alpha = (nn.Parameter(torch.zeros(num_outputs)) for _ in range(3))
        self.imratio = imratio
        self.prior: torch.Tensor | None
        self.register_buffer("prior", self._prior(imratio), persistent=False)

    def _prior(self, imratio: float | Sequence[float] | None) -> torch.Tensor | None:
        if imratio is None:
            return None
        if self.version == "v2":
            raise ValueError(
                f"imratio={imratio} has no effect with version='v2'; leave it out or use "
                "version='v1'."
            )
        prior = torch.as_tensor(imratio, dtype=torch.float32)
        if prior.shape not in ((), (self.num_outputs,)) or not bool(
            ((prior > 0) & (prior < 1)).all()
        ):
            raise ValueError(
                f"imratio={imratio} is not possible; use one number in (0, 1), or "
                f"{self.num_outputs}."
            )
        return prior

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Let an optimizer that ascends alpha take the loss. `medmonai.optimizers.PESG` calls it by
        itself.

        Raises:
            TypeError: the optimizer does not hold this loss's alpha as its dual variable.
        """
        if getattr(optimizer, "alpha", None) is not self.alpha:
            raise TypeError(
                f"{type(optimizer).__name__} does not hold this loss's alpha and would not ascend "
                "it; use medmonai.optimizers.PESG(params, loss_fn=loss)."
            )
        self._attached = True

    def named_parameters(self, *args, **kwargs) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield nothing: a, b and alpha belong to PESG, which reads them as attributes."""
        return iter(())

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of a, b and alpha."""
        for parameter in (self.a, self.b, self.alpha):
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else torch.zeros_like(parameter)

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean objective of all outputs, a scalar.

        Args:
            logits: (B, num_outputs), tensor or MetaTensor, any floating dtype.
            labels: one output: (B,) or (B, 1) of 0 and 1. Several: class numbers (B,) or (B, 1), or
                (B, num_outputs) of 0 and 1 for labels that do not exclude each other. Any dtype.

        Raises:
            RuntimeError: gradients are wanted, and no optimizer ascends alpha.
            ValueError: logits or labels of another shape, or values that are not allowed.
        """
        logits = plain(logits)
        check_logits(logits, self.num_outputs)
        if not self._attached and torch.is_grad_enabled() and logits.requires_grad:
            raise RuntimeError(
                "AUCMarginLoss belongs to no optimizer that ascends alpha, and any other trains "
                "the network backwards; use medmonai.optimizers.PESG(params, loss_fn=loss), or "
                "medmonai.losses.TaskLoss with an ordinary optimizer."
            )
        check_finite(logits)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        targets = targets_of(labels, logits, exclusive=self.activation == "softmax")
        scores = torch.softmax(logits, 1) if self.activation == "softmax" else torch.sigmoid(logits)
        variables = {"a": self.a, "b": self.b, "alpha": self.alpha, "margin": self.margin}
        if self.version == "v1":
            return auc_margin(scores, targets, **variables, prior=self.prior).mean()
        return auc_margin_v2(scores, targets, **variables).mean()

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        return (
            f"num_outputs={self.num_outputs}, margin={self.margin}, version={self.version!r}, "
            f"imratio={self.imratio}, activation={self.activation!r}"
        )
