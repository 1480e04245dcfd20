"""Inferers: how a network is run on a batch, in which precision, and averaged over flips."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from monai.inferers import Inferer
from torch import nn

from medmonai.networks import bf16_is_safe

logger = logging.getLogger("medmonai.engines")

Precision = Literal["auto", "fp32", "bf16", "fp16"]


def _cpu_has_bf16() -> bool:
    # oneDNN alone also says yes where it emulates bf16, slower than float32.
    return (
        bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and torch.cpu._is_avx512_bf16_supported()
    )


def choose_precision(
    precision: Precision,
    *,
    network: nn.Module,
    spatial_size: Sequence[int],
    device: str | torch.device,
) -> str:
    """Return the precision that is used, "fp32", "bf16" or "fp16", and log why.

    "auto" takes bf16 where it is fast and right: on CUDA devices that support it, and on CPUs with
    bf16 instructions if no convolution of the network works on a map smaller than 3 (there oneDNN's
    bf16 weight gradients are wrong and differ from run to run); else fp32. fp16 needs a GradScaler,
    which MONAI's trainer has for CUDA only.

    Raises:
        ValueError: unknown precision, bf16 asked for on a CPU where it is not safe, or fp16 on a
            CPU.
    """
    if precision not in get_args(Precision):
        raise ValueError(
            f"precision={precision!r} is unknown; use one of {', '.join(get_args(Precision))}."
        )
    device = torch.device(device)
    if device.type == "cuda":
        chosen = (
            precision
            if precision != "auto"
            else ("bf16" if torch.cuda.is_bf16_supported() else "fp16")
        )
        reason = "asked for" if precision != "auto" else "the fastest this device supports"
    else:
        if precision == "fp16":
            raise ValueError(
                "precision='fp16' needs CUDA (its gradients are scaled there); use 'auto', 'bf16' "
                "or 'fp32'."
            )
        chosen, reason = _choose_on_cpu(precision, network, spatial_size)
    logger.info("precision %s: %s", chosen, reason)
    return chosen


def _choose_on_cpu(
    precision: str, network: nn.Module, spatial_size: Sequence[int]
) -> tuple[str, str]:
    if precision == "fp32":
        return "fp32", "asked for"
    safe, why = bf16_is_safe(network, tuple(spatial_size))
    if precision == "bf16":
        if not safe:
            raise ValueError(
                f"precision='bf16' is not safe on a CPU here: {why}; use 'auto' or 'fp32'."
            )
        return "bf16", "asked for"
    if not _cpu_has_bf16():
        return "fp32", "this CPU has no bf16 instructions"
    return ("bf16", why) if safe else ("fp32", why)


@contextmanager
def _whole_float32(device: torch.device) -> Iterator[None]:
    """Keep torch from rounding the inputs of CUDA's convolutions to TF32: with it, one image has
    logits that differ by 1e-4 from one path to the next.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


class PrecisionInferer(Inferer):
    """Run the network under autocast in the given precision and return float32 logits.

    "fp32" is float32 on every device: TF32, torch's default for convolutions on CUDA, is off.
    MONAI's `amp=True` autocasts the loss as well and serves CUDA only; here the loss stays in
    float32 and a CPU can use bf16. fp16 is left to MONAI's `amp` with its GradScaler.

    Args:
        precision: "fp32", "bf16" or "fp16", as `choose_precision` returns it.

    Raises:
        ValueError: another precision; when called: one case alone in a training with batch
            normalization of 1x1 maps.
    """

    def __init__(self, precision: Literal["fp32", "bf16", "fp16"] = "fp32") -> None:
        super().__init__()
        if precision not in ("fp32", "bf16", "fp16"):
            raise ValueError(
                f"precision={precision!r}; use fp32, bf16 or fp16 (choose_precision turns 'auto' "
                "into one)."
            )
        self.dtype = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]

    def __call__(
        self, inputs: torch.Tensor, network: nn.Module, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Return network(inputs) as float32."""
        try:
            if self.dtype is None:
                with _whole_float32(inputs.device):
                    return network(inputs, *args, **kwargs)
            with torch.autocast(inputs.device.type, dtype=self.dtype):
                return network(inputs, *args, **kwargs).float()
        except ValueError as error:
            if len(inputs) == 1 and "more than 1 value per channel" in str(error):
                raise ValueError(
                    "batch norm cannot train on a batch of one case; use a batch_size of 2 or more."
                ) from error
            raise


class FlipAveragingInferer(PrecisionInferer):
    """Average the logits over all combinations of flips of the given spatial axes (2^k forward
    passes).

    Deterministic test-time augmentation: logits = mean over S of network(flip(x, S)). MONAI's
    `TestTimeAugmentation` draws random transforms for one case at a time. Only flips that keep the
    label's meaning belong here.

    Args:
        spatial_axes: axes of the image that may be flipped, 0 for the first after the channel;
            empty for none.
        precision: as for `PrecisionInferer`.
    """

    def __init__(
        self,
        spatial_axes: Sequence[int] = (),
        *,
        precision: Literal["fp32", "bf16", "fp16"] = "fp32",
    ) -> None:
        super().__init__(precision)
        self.flips = [
            subset
            for k in range(len(spatial_axes) + 1)
            for subset in itertools.combinations(spatial_axes, k)
        ]

    def __call__(
        self, inputs: torch.Tensor, network: nn.Module, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Return the mean logits over the flips."""
        logits = []
        for subset in self.flips:
            flipped = torch.flip(inputs, [a + 2 for a in subset]) if subset else inputs
            logits.append(super().__call__(flipped, network, *args, **kwargs))
        return sum(logits[1:], logits[0]) / len(logits)
