"""What PESG refuses, before it changes anything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any

import torch
from torch import nn

from .update import Rates


def checked_parameters(params: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Return the parameters as a list.

    Raises:
        TypeError: a module, groups (dicts), named parameters, or float16/bfloat16 parameters.
        ValueError: no parameters, one given twice, or more than one device.
    """
    if isinstance(params, nn.Module):
        raise TypeError(f"params is a {type(params).__name__}; give its parameters().")
    if isinstance(params, torch.Tensor):
        raise TypeError(
            "params is one tensor; give a list of tensors, such as network.parameters()."
        )
    params = list(params)
    if not params:
        raise ValueError("params is empty; give network.parameters().")
    for param in params:
        if isinstance(param, dict):
            raise TypeError(
                "params holds parameter groups (dicts); PESG has one group: give "
                "network.parameters()."
            )
        if not isinstance(param, torch.Tensor):
            raise TypeError(
                f"params holds a {type(param).__name__}; give network.parameters(), without names."
            )
        if param.dtype not in (torch.float32, torch.float64):
            raise TypeError(
                f"params holds {param.dtype}; PESG needs float32 or float64 (for low precision "
                "keep them so and use torch.autocast)."
            )
        if param.layout != torch.strided or torch.empty_like(param).stride() != param.stride():
            raise TypeError(
                f"params holds a sparse tensor or a view with gaps, of shape {tuple(param.shape)}; "
                "PESG needs dense ones."
            )
    if len({id(param) for param in params}) < len(params):
        raise ValueError("params holds a parameter twice; give each once.")
    devices = sorted({str(param.device) for param in params})
    if len(devices) > 1:
        raise ValueError(f"params lie on {', '.join(devices)}; PESG needs one device.")
    return params


def check_loss(loss_fn: Any, params: list[torch.Tensor]) -> None:
    """Check that the loss has the variables PESG drives, on the parameters' device, and that they
    are not its own.

    Raises:
        TypeError: no loss, a loss without a, b, alpha and margin, or one whose variables are not
            nn.Parameter.
        ValueError: LibAUC's v2; variables of different shapes, on another device, not
            float32/float64, or in params.
    """
    name = type(loss_fn).__name__
    missing = [key for key in ("a", "b", "alpha", "margin") if getattr(loss_fn, key, None) is None]
    if missing:
        raise TypeError(
            f"loss_fn={name} has no {', '.join(missing)}; use medmonai.losses.AUCMarginLoss or "
            f"monai.losses.AUCMLoss (a wrapper must expose them)."
        )
    if type(loss_fn).__module__.startswith("libauc") and getattr(loss_fn, "version", "v1") == "v2":
        raise ValueError(
            f"loss_fn={name}(version='v2') of LibAUC has a misplaced bracket (LibAUC issue 74); "
            "use medmonai.losses.AUCMarginLoss(version='v2')."
        )
    variables = [loss_fn.a, loss_fn.b, loss_fn.alpha]
    for key, value in zip(("a", "b", "alpha"), variables):
        if not isinstance(value, nn.Parameter):
            raise TypeError(
                f"loss_fn.{key} is a {type(value).__name__}, not an nn.Parameter, so no checkpoint "
                "would hold it; use medmonai.losses.AUCMarginLoss."
            )
        if value.dtype not in (torch.float32, torch.float64) or value.shape != loss_fn.alpha.shape:
            raise ValueError(
                f"loss_fn.{key} is {value.dtype} of shape {tuple(value.shape)}; a, b and alpha "
                "must be float32 or float64 of one shape."
            )
        if value.device != params[0].device:
            raise ValueError(
                f"loss_fn.{key} is on {value.device}, the parameters are on {params[0].device}; "
                f"call loss_fn.to('{params[0].device}') before PESG is built."
            )
        if any(value is param for param in params):
            raise ValueError(
                f"params holds loss_fn.{key}; give the network's parameters only, PESG takes the "
                "loss's own from loss_fn."
            )


def check_rates(rates: Rates) -> None:
    """Check the numbers of the update.

    Raises:
        ValueError: one that is negative, infinite or NaN; a momentum above 1; a clip_value of 0.
    """
    for name, value in rates._asdict().items():
        number = (
            float(value)
            if isinstance(value, torch.Tensor | Real) and not isinstance(value, bool)
            else math.nan
        )
        highest = 1 if name == "momentum" else math.inf
        if (
            not math.isfinite(number)
            or not 0 <= number <= highest
            or (name == "clip_value" and number == 0)
        ):
            allowed = {"momentum": "a number from 0 to 1", "clip_value": "a number above 0"}
            raise ValueError(
                f"{name}={value!r} is not possible; use "
                f"{allowed.get(name, 'a number of at least 0')}."
            )


def check_state(state_dict: dict[str, Any], **lists: Sequence[torch.Tensor] | None) -> None:
    """Check that a dict is the state of a PESG whose named lists have these shapes.

    Raises:
        ValueError: something is missing, or the shapes differ.
    """
    missing = [
        key for key in (*lists, "T", "steps", "state", "param_groups") if key not in state_dict
    ]
    if missing:
        raise ValueError(f"state_dict has no {', '.join(missing)}; it is not the state of a PESG.")
    for key, mine in lists.items():
        theirs = state_dict[key] or []
        # LibAUC's scalars have the shape (1,), MONAI's ().
        if [tuple(t.shape) or (1,) for t in mine or []] != [tuple(t.shape) or (1,) for t in theirs]:
            raise ValueError(
                f"state_dict[{key!r}] does not fit these parameters (or epoch_decay is 0 in one of "
                "the two); build the same network and PESG first."
            )
