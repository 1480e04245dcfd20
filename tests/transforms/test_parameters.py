"""What the arguments mean: distributions of the draws, MONAI's other modes, colour ranges."""

import monai.transforms as mt
import pytest
import torch

import medmonai.transforms as mm


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_draws_are_uniform_over_their_range():
    x = torch.zeros(4000, 2, 1, 1)
    offset = mm.RandShiftIntensity((1, 3), prob=1, channel_wise=True).draw(x, seeded())["offset"]
    assert offset.shape == (4000, 2)
    assert 1 <= offset.min() < 1.01 and 2.99 < offset.max() <= 3
    assert torch.allclose(offset.mean(0), torch.tensor(2.0, dtype=offset.dtype), atol=0.05)
    k = mm.RandRotate90(prob=0.5, max_k=3).draw(x, seeded())["k"]
    share = torch.bincount(k) / 4000
    assert torch.allclose(share, torch.tensor([3, 1, 1, 1]) / 6, atol=0.03)
    choice = mm.RandAxisPermute(prob=1).draw(torch.zeros(4000, 1, 1, 1, 1), seeded())["choice"]
    assert torch.allclose(
        torch.bincount(choice) / 4000, torch.tensor([0, 1, 1, 1, 1, 1]) / 5, atol=0.03
    )


def test_noise_has_the_drawn_deviation():
    x = torch.zeros(64, 1, 64, 64)
    noise = mm.RandGaussianNoise(prob=1, mean=3, std=0.5)
    draws = noise.draw(x, seeded())
    out = noise.apply(x, draws)
    torch.testing.assert_close(out.flatten(1).std(1), draws["std"], rtol=0.05, atol=0)
    assert (out.flatten(1).mean(1) - 3).abs().max() < 0.05
    assert draws["std"].min() < 0.05 and draws["std"].max() > 0.45
    fixed = mm.RandGaussianNoise(prob=1, std=0.5, sample_std=False).batch(x, seeded())
    assert (fixed.flatten(1).std(1) - 0.5).abs().max() < 0.03


@pytest.mark.parametrize("size", [(9, 9), (7, 7, 7)])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"nonzero": True},
        {"nonzero": True, "channel_wise": True},
        {"subtrahend": 0.3},
        {"divisor": 0.0},
        {"subtrahend": [0.1, 0.2], "divisor": [0.5, 0.0], "channel_wise": True},
    ],
)
def test_normalize_is_monais(size, arguments):
    x = torch.rand(5, 2, *size, generator=seeded())
    x[0], x[1, :, 0] = 0.25, 0
    out = mm.NormalizeIntensity(**arguments).batch(x, seeded())
    for image, result in zip(x, out):
        expected = mt.NormalizeIntensity(**arguments)(image.clone())
        torch.testing.assert_close(result, torch.as_tensor(expected), rtol=1e-5, atol=2e-6)


def test_normalize_by_a_list_or_an_image():
    x = torch.rand(2, 3, 4, 5)
    mean = torch.rand(3, 4, 5)
    torch.testing.assert_close(mm.NormalizeIntensity(mean, 2.0).batch(x, seeded()), (x - mean) / 2)
    by_channel = mm.NormalizeIntensity([0.1, 0.2, 0.3], [1.0, 2.0, 4.0], channel_wise=True)
    expected = (x - torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)) / torch.tensor([1.0, 2, 4]).view(
        3, 1, 1
    )
    torch.testing.assert_close(by_channel.batch(x, seeded()), expected)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"minv": None, "maxv": None, "factor": 0.5},
        {"minv": None},
        {"minv": 2.0, "maxv": 5.0},
    ],
)
def test_scale_intensity_is_monais(arguments):
    x = torch.rand(4, 2, 6, 6)
    x[0] = 0.5
    out = mm.ScaleIntensity(**arguments).batch(x, seeded())
    for image, result in zip(x, out):
        torch.testing.assert_close(result, torch.as_tensor(mt.ScaleIntensity(**arguments)(image)))


def test_scale_intensity_range_of_uint8_does_not_wrap():
    x = torch.tensor([0, 10, 255], dtype=torch.uint8).view(1, 1, 1, 3)
    scale = mm.ScaleIntensityRange(10, 20, 0, 1)
    assert scale.batch(x, seeded()).flatten().tolist() == [-1, 0, 24.5]
    assert scale(x[0]).flatten().tolist() == [-1, 0, 24.5]


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_affine_modes_2d_and_3d(mode, padding_mode):
    for size in ((10, 12), (8, 9, 10)):
        move = mm.RandAffine(prob=1, translate_range=[(2, 2)], mode=mode, padding_mode=padding_mode)
        x = torch.rand(3, 1, *size)
        expected = torch.stack([torch.as_tensor(move(image)) for image in x])
        torch.testing.assert_close(move.batch(x, seeded()), expected, rtol=0, atol=1e-4)


def test_rotate_in_2d_is_monais_at_the_drawn_angle():
    rotate = mm.RandRotate(range_x=(0.3, 0.3), prob=1)
    x = torch.rand(2, 1, 12, 12)
    expected = torch.stack([torch.as_tensor(mt.Rotate(0.3)(image)) for image in x])
    torch.testing.assert_close(rotate.batch(x, seeded()), expected, rtol=0, atol=1e-4)
    volume = torch.rand(2, 1, 8, 8, 8)
    rotate = mm.RandRotate(range_x=(0.3, 0.3), range_y=(0.2, 0.2), range_z=(-0.1, -0.1), prob=1)
    expected = torch.stack(
        [torch.as_tensor(mt.Rotate((0.3, 0.2, -0.1))(image)) for image in volume]
    )
    torch.testing.assert_close(rotate.batch(volume, seeded()), expected, rtol=0, atol=1e-4)


def test_colour_of_uint8_and_raw_floats_keeps_the_scale():
    x = torch.randint(0, 256, (8, 3, 6, 6), dtype=torch.uint8)
    arguments = {"prob": 1, "brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.3}
    raw = mm.RandColorJitter(**arguments).batch(x, seeded())
    scaled = mm.RandColorJitter(**arguments).batch(x.float() / 255, seeded())
    floats = mm.RandColorJitter(**arguments, value_max=255).batch(x.float(), seeded())
    torch.testing.assert_close(raw, scaled * 255, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(raw, floats)
    assert 0 <= raw.min() and raw.max() <= 255 and raw.max() > 1
