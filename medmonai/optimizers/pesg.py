"""PESG, the optimizer of the AUC margin loss: LibAUC's update, guarded, in place and faster."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any, get_args

import libauc.optimizers
import torch

from medmonai.distributed import average_gradients, take_from_first_rank

from .checks import check_loss, check_rates, check_state, checked_parameters
from .plan import Call, plan, signature, with_layout_of
from .references import Reference, add_idle_, average_into_, empty_sums, first_references
from .update import Rates, update_pieces_

_COUNTERS = ("T", "steps")
_LISTS = ("model_ref", "model_acc")
_ATTRIBUTES = "device loss_fn mode a b alpha margin params _references _sums".split()


class PESG(libauc.optimizers.PESG):
    """Proximal epoch stochastic gradient for the AUC margin loss.

    A step descends in the network's weights and the loss's a and b, w standing for all of them, and
    ascends in alpha:

        d = clamp(grad, -clip_value, clip_value) + epoch_decay (w - reference) + weight_decay w
        buffer = (1 - momentum) buffer + momentum d          (buffer = d in the first step)
        w = w - lr buffer
        alpha = clamp(alpha + 2 lr (margin + b - a - alpha), 0, 999)

    That is the update of `libauc.optimizers.PESG` 2.0 (equal to about 1e-7 a step). What differs:
    it works in place, so no storage moves; the reference starts at the weights, not at N(0, 0.01)
    noise; it is the same on all ranks; the constructor draws no random numbers; whatever LibAUC
    prints, ignores or lets become NaN is an error here. Note that `momentum` weighs the new
    direction: .9 is torch's `SGD(momentum=.1, dampening=.1)`. All decay acts on everything,
    normalization layers, a and b included, as in the paper.

    The learning rate has one owner: a scheduler on `param_groups[0]["lr"]`, or the decay_factor of
    `update_regularizer` and `update_lr`, which are refused once a scheduler that sets absolute
    rates is attached. A checkpoint needs network, optimizer and loss (`loss_fn.state_dict()` holds
    a, b and alpha). Steps replayed by a CUDA graph run no Python: pass `lr` as a tensor on the
    device, and add the replays to `T` and `steps` yourself.

    Args:
        params: the network's parameters, float32 or float64, one device; no groups.
        loss_fn: `medmonai.losses.AUCMarginLoss`, or another loss with nn.Parameters a, b, alpha and
            a margin, such as `monai.losses.AUCMLoss`; on the same device.
        lr: learning rate (0.1 in the paper; 0.01 to 0.05 after a cross-entropy stage).
        epoch_decay: pull toward the reference; 0 switches reference and averages off.
        weight_decay: pull toward 0.
        momentum: share of the new direction, 0 to 1; at both ends there is no buffer.
        clip_value: bound of each element of the gradient.
        device: only checked against the parameters' own.
        reference: "initial" (the weights as they are) or "libauc" (N(0, 0.01), from torch's global
            generator).

    Raises:
        TypeError: a module, groups, names or half-precision tensors as params; an unsuitable loss.
            LibAUC's `mode` (there is only "sgd"), `verbose` and `margin` (the loss's counts) are
            unknown here.
        ValueError: a number outside its range; a loss on another device, or whose variables are
            among params.

    References:
        Yuan et al., Large-scale robust deep AUC maximization, ICCV 2021, arXiv:2012.03173,
        algorithm 1. Deviation from it, as in LibAUC: momentum, clipping, and alpha in closed form
        (without the prior).

    Example:
        >>> from monai.losses import AUCMLoss
        >>> from torch import nn
        >>> network, loss_fn = nn.Linear(3, 1), AUCMLoss()
        >>> optimizer = PESG(network.parameters(), loss_fn=loss_fn, lr=0.1)
        >>> scores = torch.sigmoid(network(torch.randn(8, 3)))
        >>> loss_fn(scores, torch.tensor([0.0, 1.0] * 4).unsqueeze(1)).backward()
        >>> optimizer.step()
        >>> float(loss_fn.alpha.detach()) > 0
        True
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor],
        *,
        loss_fn: Any,
        lr: float | torch.Tensor = 0.1,
        epoch_decay: float = 2e-3,
        weight_decay: float = 1e-5,
        momentum: float = 0.9,
        clip_value: float = 1.0,
        device: torch.device | str | None = None,
        reference: Reference = "initial",
    ) -> None:
        rates = Rates(lr, momentum, weight_decay, epoch_decay, clip_value)
        check_rates(rates)
        if reference not in get_args(Reference):
            raise ValueError(f"reference={reference!r} does not exist; use 'initial' or 'libauc'.")
        params = checked_parameters(params)
        check_loss(loss_fn, params)
        self.device = params[0].device
        if device is not None and torch.empty(0, device=device).device != self.device:
            raise ValueError(
                f"device={device} but the parameters are on {self.device}; move the network first."
            )
        self.loss_fn = loss_fn
        self.mode = "sgd"
        self.a = loss_fn.a
        self.b = loss_fn.b
        self.alpha = loss_fn.alpha
        self.margin = loss_fn.margin
        self.params = [*params, self.a, self.b]
        self.T = self.steps = 0
        # torch's constructor, not LibAUC's: that draws random numbers, prints, and puts tensors
        # into the group.
        torch.optim.Optimizer.__init__(self, self.params, rates._asdict())
        self._references = self._sums = self._plan = None
        if epoch_decay > 0:
            self._references = first_references(self.params, reference)
            self._sums = empty_sums(self.params)
        take_from_first_rank([self.a, self.b, self.alpha, *(self._references or [])])
        if callable(getattr(loss_fn, "attach", None)):
            loss_fn.attach(self)

    @property
    def lr(self) -> float | torch.Tensor:
        """The learning rate of the next step."""
        return self.param_groups[0]["lr"]

    @property
    def model_ref(self) -> tuple[torch.Tensor, ...] | None:
        """The reference of every parameter, a and b last; None without epoch_decay. See
        `set_reference`.
        """
        return None if self._references is None else tuple(self._references)

    @property
    def model_acc(self) -> tuple[torch.Tensor, ...] | None:
        """The sums of the weights since the last `update_regularizer`, in the same order."""
        return None if self._sums is None else tuple(self._sums)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step. Gradients are read, not changed, except that those of a and b become the
        mean over ranks.

        Parameters without a gradient stay; alpha stays if it has no gradient (the loss was not
        used).
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        average_gradients([self.a, self.b])
        group = self.param_groups[0]
        rates = Rates(**{key: group[key] for key in Rates._fields})
        for call in self._calls(rates.momentum):
            own = [self.params[index] for index in call.indices]
            update_pieces_(
                call.pieces, [with_layout_of(p, p.grad) for p in own], rates, first=call.first
            )
        if self._sums is not None:
            add_idle_(self._sums, self.params)
        if self.alpha.grad is not None:
            optimum = self.b - self.a + self.margin
            self.alpha.add_((optimum - self.alpha) * (2 * group["lr"])).clamp_(0, 999)
        self.T += 1
        self.steps += 1
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters and of the loss's a, b and alpha."""
        super().zero_grad(set_to_none)
        if self.alpha.grad is not None:
            self.alpha.grad = None if set_to_none else torch.zeros_like(self.alpha)

    @torch.no_grad()
    def set_reference(self) -> None:
        """Make the current weights the reference and start their running average again (when a
        stage begins).

        Momentum buffers and the learning rate stay. Without epoch_decay there is nothing to do.
        """
        if self._references is not None and self._sums is not None:
            torch._foreach_copy_(self._references, self.params)
            torch._foreach_zero_(self._sums)
            take_from_first_rank(self._references)
        self.T = 0

    @torch.no_grad()
    def update_regularizer(self, decay_factor: float | None = None) -> None:
        """Make the mean of the weights since the last update the reference; divide the learning
        rate.

        Args:
            decay_factor: above 0, or None if the learning rate is not to change.

        Raises:
            RuntimeError: no step since the last update; epoch_decay is 0; decay_factor although a
                scheduler owns lr.
            ValueError: decay_factor not above 0. Nothing is changed in any of these cases.
        """
        if self._references is None or self._sums is None:
            raise RuntimeError(
                "update_regularizer has no reference to update, as epoch_decay=0; use update_lr."
            )
        if self.T == 0:
            raise RuntimeError(
                "update_regularizer needs a step since the last update (T=0); call it once a "
                "milestone."
            )
        self.update_lr(decay_factor)
        average_into_(self._references, self._sums, self.T)
        self.T = 0

    @torch.no_grad()
    def update_lr(self, decay_factor: float | None = None) -> None:
        """Divide the learning rate.

        Raises:
            RuntimeError: a scheduler owns the learning rate.
            ValueError: decay_factor not above 0.
        """
        if decay_factor is None:
            return
        if not decay_factor > 0:
            raise ValueError(
                f"decay_factor={decay_factor} is not possible; use a number above 0, such as 10."
            )
        group = self.param_groups[0]
        if "initial_lr" in group:
            raise RuntimeError(
                "a learning-rate scheduler owns lr and would overwrite decay_factor; leave one of "
                "them out."
            )
        group["lr"] /= decay_factor  # in place where it is a tensor

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Raise RuntimeError for a second group: reference and averages belong to the first one."""
        if self.param_groups:
            raise RuntimeError("PESG has one parameter group; build a new one with all parameters.")
        super().add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of everything but the values of a, b and alpha, which the loss's own
        state_dict holds.
        """
        state = torch.optim.Optimizer.state_dict(self)
        extra = {key: getattr(self, key) for key in (*_LISTS, *_COUNTERS)}
        return copy.deepcopy({**state, **extra})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, this optimizer's or LibAUC's, by value: the same dict can be loaded
        again.

        Raises:
            ValueError: it is not the state of a PESG, or of other parameters. Nothing is changed
                then.
        """
        check_state(state_dict, model_ref=self.model_ref, model_acc=self.model_acc)
        state = copy.deepcopy({key: state_dict[key] for key in ("state", "param_groups")})
        known = (*self.param_groups[0], "initial_lr")
        state["param_groups"] = [
            {k: v for k, v in group.items() if k in known} for group in state["param_groups"]
        ]
        torch.optim.Optimizer.load_state_dict(self, state)
        for key in _LISTS:
            if getattr(self, key) is not None:
                for mine, saved in zip(getattr(self, key), state_dict[key]):
                    mine.copy_(saved.detach().reshape(mine.shape))
        self._plan = None
        self.T, self.steps = int(state_dict["T"]), int(state_dict["steps"])

    def __getstate__(self) -> dict[str, Any]:
        own = {key: getattr(self, key) for key in (*_ATTRIBUTES, *_COUNTERS)}
        return {**super().__getstate__(), **own, "_plan": None}

    __setstate__ = torch.optim.Optimizer.__setstate__

    def __repr__(self) -> str:
        """Return one line: settings, size and counters, no tensors."""
        settings = ", ".join(f"{key}={float(self.param_groups[0][key]):g}" for key in Rates._fields)
        return (
            f"PESG({settings}, parameters={sum(p.numel() for p in self.params)}, T={self.T}, "
            f"steps={self.steps})"
        )

    def _calls(self, momentum: float) -> list[Call]:
        """Return the calls of this step: those of the step before, unless something moved, came or
        went.
        """
        now = (momentum, len(self.state), signature(self.params))
        if self._plan is None or self._plan[0] != now or any(call.first for call in self._plan[1]):
            lists = {"references": self._references, "sums": self._sums}
            calls = plan(self.params, self.state, momentum=momentum, **lists)
            self._plan = ((momentum, len(self.state), now[2]), calls)
        return self._plan[1]
