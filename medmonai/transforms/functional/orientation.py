"""Flips, 90-degree rotations and axis permutations: voxels move, values and dtype stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice, permutations

import torch

from medmonai.transforms.functional.members import on_members


def spatial_dimensions(
    x: torch.Tensor, spatial_axis: Sequence[int] | int | None
) -> tuple[int, ...]:
    """Translate MONAI's spatial axes (0 is the first after the channel) to dimensions of ``x`` (B,
    C, *spatial).

    Raises:
        ValueError: an axis that ``x`` does not have.
    """
    count = x.ndim - 2
    if spatial_axis is None:
        return tuple(range(2, x.ndim))
    axes = (spatial_axis,) if isinstance(spatial_axis, int) else tuple(spatial_axis)
    if any(not -count <= axis < count for axis in axes):
        raise ValueError(
            f"spatial axes {axes} for a batch of shape {tuple(x.shape)}; use {-count} to "
            f"{count - 1}."
        )
    return tuple(axis % count + 2 for axis in axes)


def check_equal_sizes(x: torch.Tensor, dims: Sequence[int], name: str) -> None:
    """Raise a ValueError if the dimensions ``dims`` of ``x`` differ in size, since ``name`` would
    change the shape.
    """
    sizes = [x.shape[dim] for dim in dims]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"{name} would exchange axes of sizes {sizes} in a batch of shape {tuple(x.shape)}; "
            "they must be equal: pad or crop first, or name equal axes."
        )


def flip(
    x: torch.Tensor,
    chosen: torch.Tensor,
    *,
    spatial_axis: Sequence[int] | int | None = None,
    overwrite: bool = False,
) -> torch.Tensor:
    """Mirror the samples where ``chosen`` (B,) is true along ``spatial_axis`` (None: all of them).

    Example:
        >>> x = torch.arange(4).view(2, 1, 1, 2)
        >>> flip(x, torch.tensor([True, False]), spatial_axis=1).flatten()
        tensor([1, 0, 2, 3])
    """
    dims = spatial_dimensions(x, spatial_axis)
    return on_members(
        x, chosen.nonzero().flatten(), lambda part: part.flip(dims), overwrite=overwrite
    )


def rotate90(
    x: torch.Tensor,
    k: torch.Tensor,
    *,
    spatial_axes: tuple[int, int] = (0, 1),
    overwrite: bool = False,
) -> torch.Tensor:
    """Rotate sample i by ``k[i]`` times 90 degrees in the plane of ``spatial_axes``, from the first
    to the second.

    Args:
        x: (B, C, *spatial), any dtype.
        k: (B,) whole numbers; 0 leaves the sample as it is.
        spatial_axes: two spatial axes of equal size.
        overwrite: whether ``x`` itself may be written to.

    Raises:
        ValueError: the two axes differ in size.
    """
    dims = spatial_dimensions(x, spatial_axes)
    check_equal_sizes(x, dims, "rotate90")
    out = x
    own = overwrite
    for turns in (1, 2, 3):
        members = (k % 4 == turns).nonzero().flatten()
        if len(members):
            # Groups are disjoint, so what an earlier group wrote is not read again.
            out = on_members(
                out, members, lambda part, n=turns: torch.rot90(part, n, dims), overwrite=own
            )
            own = True
    return out


def axis_order(
    x: torch.Tensor, choice: int, *, spatial_axes: Sequence[int] | None = None
) -> list[int]:
    """Return which spatial axis of ``x`` (B, C, *spatial) permutation number ``choice`` puts at
    each place.

    The permutations of n axes are numbered as ``itertools.permutations(range(n))`` gives them: 0 is
    the identity.

    Args:
        x: the batch, for its shape.
        choice: 0 .. n! - 1.
        spatial_axes: the axes that change places, of equal size; None: all.

    Raises:
        ValueError: the axes differ in size.

    Example:
        >>> axis_order(torch.zeros(1, 1, 4, 4, 4), 3)
        [1, 2, 0]
    """
    dims = spatial_dimensions(x, spatial_axes)
    check_equal_sizes(x, dims, "permute_axes")
    order = list(range(x.ndim - 2))
    for place, source in zip(dims, next(islice(permutations(range(len(dims))), choice, None))):
        order[place - 2] = dims[source] - 2
    return order


def permute_axes(
    x: torch.Tensor,
    choice: torch.Tensor,
    *,
    spatial_axes: Sequence[int] | None = None,
    overwrite: bool = False,
) -> torch.Tensor:
    """Permute the spatial axes of sample i by permutation number ``choice[i]``, see ``axis_order``.

    Args:
        x: (B, C, *spatial), any dtype.
        choice: (B,) int64 in 0 .. n! - 1.
        spatial_axes: the axes that change places, of equal size; None: all.
        overwrite: whether ``x`` itself may be written to.

    Raises:
        ValueError: the axes differ in size.
    """
    dims = spatial_dimensions(x, spatial_axes)
    check_equal_sizes(x, dims, "permute_axes")
    out = x
    own = overwrite
    for number in range(1, math.factorial(len(dims))):
        members = (choice == number).nonzero().flatten()
        if len(members):
            axes = [0, 1, *(2 + axis for axis in axis_order(x, number, spatial_axes=spatial_axes))]
            out = on_members(
                out, members, lambda part, a=axes: part.permute(a).contiguous(), overwrite=own
            )
            own = True
    return out
