"""Matrices against MONAI's, resampling against grid_sample and MONAI."""

import math

import monai.transforms as mt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.transforms.utils import create_rotate, create_scale, create_shear, create_translate

from medmonai.transforms import functional

SIZES = [(1, 9, 7), (2, 28, 28), (1, 5, 6, 7), (2, 12, 12, 12)]


def dense_sample(x, matrix, mode, padding_mode):
    """The plain way: a dense grid, one matrix product a voxel, float64."""
    size = x.shape[2:]
    axes = [torch.arange(s, dtype=torch.float64) - (s - 1) / 2 for s in size]
    points = torch.stack(
        [*torch.meshgrid(*axes, indexing="ij"), torch.ones(size, dtype=torch.float64)], -1
    )
    place = torch.einsum("bij,...j->b...i", matrix, points)
    grid = place * 2 / torch.tensor([max(2, s) for s in size])
    return F.grid_sample(
        x.double(), grid.flip(-1), mode=mode, padding_mode=padding_mode, align_corners=False
    )


def random_matrix(count, dims, generator):
    parts = {
        "rotate": (1 if dims == 2 else 3, 0.0, 1.0),
        "shear": (dims, 0.0, 0.2),
        "translate": (dims, 0.0, 3.0),
        "scale": (dims, 1.0, 0.3),
    }
    drawn = {
        name: mean
        + spread * (2 * torch.rand(count, k, generator=generator, dtype=torch.float64) - 1)
        for name, (k, mean, spread) in parts.items()
    }
    return functional.affine_matrix(dims, **drawn), drawn


@pytest.mark.parametrize("dims", [2, 3])
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), counts=st.tuples(*[st.integers(0, 3)] * 4))
def test_matrix_is_monais_product(dims, seed, counts):
    rng = np.random.default_rng(seed)
    rotate, shear, translate, scale = (rng.uniform(0.5, 1.5, n) for n in counts)
    expected = np.eye(dims + 1)
    for values, create in (
        (rotate, create_rotate),
        (shear, create_shear),
        (translate, create_translate),
        (scale, create_scale),
    ):
        if len(values):
            expected = expected @ create(dims, list(values))
    parts = {
        name: torch.from_numpy(v)[None]
        for name, v in (
            ("rotate", rotate),
            ("shear", shear),
            ("translate", translate),
            ("scale", scale),
        )
    }
    np.testing.assert_allclose(
        functional.affine_matrix(dims, **parts)[0], expected[:dims], atol=1e-12
    )


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_resample_is_dense_grid_sample(shape, padding_mode):
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(6, *shape, generator=generator)
    matrix, _ = random_matrix(6, len(shape) - 1, generator)
    out = functional.resample(x, matrix, padding_mode=padding_mode)
    assert out.dtype == torch.float32 and out.shape == x.shape
    torch.testing.assert_close(
        out.double(), dense_sample(x, matrix, "bilinear", padding_mode), rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("shape", [(1, 3, 8, 1), (2, 70, 64, 4), (1, 1, 1, 4), (1, 6, 1)])
def test_resample_where_the_slice_way_does_not_fit(shape):
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(2, *shape, generator=generator)
    matrix, _ = random_matrix(2, len(shape) - 1, generator)
    expected = dense_sample(x, matrix, "bilinear", "border")
    torch.testing.assert_close(functional.resample(x, matrix).double(), expected, rtol=0, atol=2e-4)


def test_resample_in_chunks_is_resample(monkeypatch):
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(7, 1, 9, 9, 9, generator=generator)
    matrix, _ = random_matrix(7, 3, generator)
    whole = functional.resample(x, matrix)
    monkeypatch.setattr("medmonai.transforms.functional.affine._CHUNK_VOXELS", 2 * 9**3)
    assert torch.equal(functional.resample(x, matrix), whole)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_resample_is_monais_affine(shape, padding_mode):
    generator = torch.Generator().manual_seed(4)
    x = 255 * torch.rand(4, *shape, generator=generator)
    matrix, drawn = random_matrix(4, len(shape) - 1, generator)
    out = functional.resample(x, matrix, padding_mode=padding_mode)
    for i in range(4):
        params = {f"{name}_params": values[i].tolist() for name, values in drawn.items()}
        expected, _ = mt.Affine(**params, padding_mode=padding_mode)(x[i])
        assert (out[i] - expected).abs().max() < 2e-3 * 255


@pytest.mark.parametrize("size", [(7, 7), (6, 6, 6)])
def test_quarter_turn_and_shift_move_whole_voxels(size):
    x = torch.rand(1, 1, *size)
    none = torch.zeros(1, 0, dtype=torch.float64)
    angles = torch.tensor(
        [[math.pi / 2]] if len(size) == 2 else [[0, 0, math.pi / 2]], dtype=torch.float64
    )
    turn = functional.affine_matrix(
        len(size), rotate=angles, shear=none, translate=none, scale=none
    )
    torch.testing.assert_close(
        functional.resample(x, turn), torch.rot90(x, -1, (2, 3)), rtol=0, atol=1e-4
    )
    one = torch.ones(1, 1, dtype=torch.float64)
    move = functional.affine_matrix(len(size), rotate=none, shear=none, translate=one, scale=none)
    torch.testing.assert_close(
        functional.resample(x, move)[:, :, :-1], x[:, :, 1:], rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("size", [(8, 9), (5, 6, 7)])
def test_nearest_keeps_the_set_of_values(size):
    x = torch.randint(0, 4, (3, 1, *size)).float()
    matrix, _ = random_matrix(3, len(size), torch.Generator().manual_seed(5))
    out = functional.resample(x, matrix, mode="nearest")
    assert set(out.unique().tolist()) <= {0.0, 1.0, 2.0, 3.0}
