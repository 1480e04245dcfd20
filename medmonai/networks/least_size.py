"""The smallest input that a network's poolings leave something of."""

from __future__ import annotations

import torch


def require_size(x: torch.Tensor, least: int, *, network: str, advice: str) -> None:
    """Check that an input (B, C, *spatial) has at least `least` voxels per side.

    Traced, exported and compiled networks have sizes that are fixed or symbolic: there nothing is
    checked.

    Raises:
        ValueError: naming the network, the size and what to do.
    """
    if torch.jit.is_tracing() or torch.compiler.is_compiling():
        return
    if min(x.shape[2:], default=0) < least:
        raise ValueError(
            f"the input has spatial_size={tuple(x.shape[2:])}; {network} needs at least {least} a "
            f"side. {advice}"
        )
