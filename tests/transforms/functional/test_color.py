"""Colour against colorsys, pixel by pixel."""

import colorsys

import pytest
import torch

from medmonai.transforms import functional

SIZES = [(5, 4), (3, 4, 2)]


def pictures(size):
    x = torch.rand(4, 3, *size, generator=torch.Generator().manual_seed(0))
    x[0] = x[0, :1]  # grey
    x[1, 0] = x[1, 1]  # red == green
    x[2] = 0
    return x


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shift", [-0.5, -0.1, 0.0, 0.27, 0.5])
def test_hue_is_colorsys(size, shift):
    x = pictures(size)
    out = functional.adjust_hue(x, torch.full((4,), shift))
    for before, after in zip(x.movedim(1, -1).reshape(-1, 3), out.movedim(1, -1).reshape(-1, 3)):
        hue, saturation, value = colorsys.rgb_to_hsv(*before.tolist())
        expected = colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)
        assert after.tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_factors_of_1_are_neutral_and_0_is_black_mean_grey(size):
    x, one, zero = pictures(size), torch.ones(4), torch.zeros(4)
    for function in (
        functional.adjust_brightness,
        functional.adjust_contrast,
        functional.adjust_saturation,
    ):
        torch.testing.assert_close(function(x, one), x)
    assert not functional.adjust_brightness(x, zero).any()
    grey = functional.adjust_saturation(x, zero)
    torch.testing.assert_close(grey[:, 0], grey[:, 1])
    luma = 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]
    torch.testing.assert_close(grey[:, 2], luma)
    flat = functional.adjust_contrast(x, zero)
    torch.testing.assert_close(
        flat, luma.flatten(1).mean(1).view(4, *[1] * (x.ndim - 1)).expand_as(x)
    )


def test_result_is_clipped():
    x = pictures((5, 4))
    out = functional.color_jitter(
        x, brightness=torch.full((4,), 3.0), contrast=torch.full((4,), 3.0)
    )
    assert out.min() >= 0 and out.max() <= 1
