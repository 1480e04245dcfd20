"""Flips, quarter turns and permutations against NumPy, sample by sample."""

from itertools import permutations

import numpy as np
import pytest
import torch

from medmonai.transforms import functional

CUBES = [(5, 5), (4, 4, 4)]


def batch(size, dtype=torch.uint8, count=7, channels=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 255, (count, channels, *size), generator=generator).to(dtype)


@pytest.mark.parametrize("size", [(5, 3), (4, 3, 2)])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32])
def test_flip_mirrors_only_the_chosen(size, axis, dtype):
    x = batch(size, dtype)
    chosen = torch.tensor([1, 0, 1, 1, 0, 0, 1], dtype=torch.bool)
    out = functional.flip(x, chosen, spatial_axis=axis)
    axes = tuple(range(len(size))) if axis is None else np.atleast_1d(axis)
    dims = tuple(a + 1 if a >= 0 else a for a in axes)
    for before, after, was_chosen in zip(x, out, chosen):
        assert np.array_equal(
            after.numpy(), np.flip(before.numpy(), dims) if was_chosen else before.numpy()
        )
    assert out.dtype == dtype


@pytest.mark.parametrize("size", CUBES)
@pytest.mark.parametrize("axes", [(0, 1), (1, 0), (-2, -1)])
def test_rotate90_is_numpys(size, axes):
    x, k = batch(size), torch.tensor([0, 1, 2, 3, 4, 5, 0])
    out = functional.rotate90(x, k, spatial_axes=axes)
    dims = tuple(a + 1 if a >= 0 else a for a in axes)
    for before, after, turns in zip(x, out, k):
        assert np.array_equal(after.numpy(), np.rot90(before.numpy(), int(turns), dims))


@pytest.mark.parametrize("size", CUBES)
def test_permute_axes_reaches_every_permutation(size):
    orders = list(permutations(range(len(size))))
    x = batch(size, count=len(orders))
    out = functional.permute_axes(x, torch.arange(len(orders)))
    for before, after, order in zip(x, out, orders):
        assert np.array_equal(
            after.numpy(), before.numpy().transpose(0, *(1 + axis for axis in order))
        )


def test_permute_axes_of_two_axes_in_3d():
    x = batch((4, 3, 4))
    out = functional.permute_axes(x, torch.ones(7, dtype=torch.long), spatial_axes=(0, 2))
    assert torch.equal(out, x.transpose(2, 4))


@pytest.mark.parametrize("size", CUBES)
def test_overwrite_writes_in_place_and_gives_the_same(size):
    k = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    for function, argument in (
        (functional.rotate90, k),
        (functional.permute_axes, k % 2),
        (functional.flip, k > 1),
    ):
        x = batch(size)
        kept = function(x, argument)
        assert torch.equal(x, batch(size))
        assert torch.equal(function(x, argument, overwrite=True), kept)


def test_unequal_axes_and_missing_axes_are_errors():
    x = torch.zeros(2, 1, 4, 6)
    with pytest.raises(ValueError, match=r"sizes \[4, 6\].*pad or crop"):
        functional.rotate90(x, torch.tensor([1, 0]))
    with pytest.raises(ValueError, match="pad or crop"):
        functional.permute_axes(x, torch.tensor([1, 0]))
    with pytest.raises(ValueError, match="use -2 to 1"):
        functional.flip(x, torch.tensor([True, False]), spatial_axis=2)
