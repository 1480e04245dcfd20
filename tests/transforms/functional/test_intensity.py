"""Intensity functions by hand and against NumPy."""

import numpy as np
import pytest
import torch

from medmonai.transforms import functional

SIZES = [(6, 5), (4, 3, 5)]


def images(size, count=5, channels=2):
    return torch.rand(count, channels, *size, generator=torch.Generator().manual_seed(0)) * 10 - 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channel_wise", [False, True])
@pytest.mark.parametrize("nonzero", [False, True])
def test_normalize_gives_mean_0_and_deviation_1(size, channel_wise, nonzero):
    x = images(size)
    x[:, :, 0] = 0
    out = functional.normalize(x, channel_wise=channel_wise, nonzero=nonzero).numpy()
    for before, after in zip(x.numpy(), out):
        for b, a in zip(before, after) if channel_wise else [(before, after)]:
            part = a[b != 0] if nonzero else a
            assert abs(part.mean()) < 1e-5 and abs(part.std() - 1) < 1e-5
            assert not nonzero or not a[b == 0].any()


@pytest.mark.parametrize("value", [0.0, 0.1, 37.3, 1e4])
@pytest.mark.parametrize("nonzero", [False, True])
def test_normalize_of_a_constant_image_is_0(value, nonzero):
    out = functional.normalize(torch.full((2, 1, 28, 28), value), nonzero=nonzero)
    assert out.abs().max() < 1e-2  # false for NaN too


def test_rescale_and_constant_image():
    x = torch.tensor([[0.0, 5, 10], [3, 3, 3]]).view(2, 1, 1, 3)
    out = functional.rescale(x, minv=-1, maxv=1)
    assert out.flatten().tolist() == [-1, 0, 1, -3, -3, -3]
    assert functional.rescale(x, minv=None, maxv=None, factor=1.0)[0].flatten().tolist() == [
        0,
        10,
        20,
    ]


def test_rescale_range_clips():
    x = torch.tensor([0, 50, 100, 200], dtype=torch.uint8).view(1, 1, 2, 2)
    out = functional.rescale_range(x, a_min=50, a_max=100, b_min=-1, b_max=1, clip=True)
    assert out.flatten().tolist() == [-1, -1, 1, 1]
    assert functional.rescale_range(x, a_min=50, a_max=100).flatten().tolist() == [-1, 0, 1, 3]


@pytest.mark.parametrize("size", SIZES)
def test_gamma_keeps_range_and_statistics(size):
    x = images(size)
    chosen = torch.tensor([1, 0, 1, 1, 0], dtype=torch.bool)
    gamma = torch.tensor([2.0, 9, 0.5, 1, 9])
    out = functional.adjust_gamma(x, chosen, gamma)
    assert torch.equal(out[~chosen], x[~chosen])
    torch.testing.assert_close(out[3], x[3], rtol=0, atol=1e-5)
    assert out[0].sum() < x[0].sum() and out[2].sum() > x[2].sum()
    torch.testing.assert_close(out.flatten(1).amin(1), x.flatten(1).amin(1))
    kept = functional.adjust_gamma(x, chosen, gamma, retain_stats=True)
    torch.testing.assert_close(kept.flatten(1).std(1), x.flatten(1).std(1))
    torch.testing.assert_close(kept.flatten(1).mean(1), x.flatten(1).mean(1))


@pytest.mark.parametrize("size", SIZES)
def test_per_sample_and_per_channel_factors(size):
    x = images(size)
    factor = torch.rand(5, 2)
    expected = x.numpy() * (1 + factor.numpy()).reshape(5, 2, *[1] * len(size))
    np.testing.assert_allclose(functional.scale_intensity(x, factor), expected, rtol=1e-6)
    torch.testing.assert_close(functional.shift_intensity(x, factor[:, 0])[3], x[3] + factor[3, 0])


def test_noise_reaches_the_named_samples():
    x = images((6, 5))
    noise = torch.randn(2, 2, 6, 5)
    out = functional.add_noise(x, torch.tensor([3, 1]), noise)
    assert torch.equal(out[[0, 2, 4]], x[[0, 2, 4]])
    torch.testing.assert_close(out[3] - x[3], noise[0])
    torch.testing.assert_close(out[1] - x[1], noise[1])
