"""Resize: MONAI's own for one image, the same for a batch."""

from __future__ import annotations

import monai.transforms as mt
import numpy as np
import pytest
import torch

from medmonai.transforms import Resize, Resized

SIZES = [((5, 7), (10, 21)), ((4, 6, 5), (8, 6, 15)), ((8, 8), (3, 5))]


@pytest.mark.parametrize(("given", "wanted"), SIZES)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_batch_is_monais_resize_of_each_image(given, wanted, dtype):
    x = (torch.rand(3, 2, *given, generator=torch.Generator().manual_seed(0)) * 255).to(dtype)
    found = Resize(wanted).batch(x, torch.Generator())
    assert found.shape == (3, 2, *wanted) and found.dtype == torch.float32
    for image, result in zip(x, found):
        expected = mt.Resize(wanted, mode="bilinear" if len(wanted) == 2 else "trilinear")(image)
        assert torch.allclose(result, expected.as_tensor(), atol=1e-4)
        assert torch.allclose(Resize(wanted)(image).as_tensor(), result, atol=1e-4)


def test_the_same_size_is_the_identity_and_a_ramp_stays_a_ramp():
    x = torch.rand(2, 1, 4, 4)
    assert Resize([4, 4]).batch(x, torch.Generator()) is x
    ramp = torch.arange(4.0).view(1, 1, 1, 4)
    assert Resize([1, 8]).batch(ramp, torch.Generator()).flatten().tolist() == [
        0,
        0.25,
        0.75,
        1.25,
        1.75,
        2.25,
        2.75,
        3,
    ]


def test_a_plane_is_a_volume_of_equal_slices():
    plane = torch.rand(1, 1, 5, 6)
    volume = plane.unsqueeze(2).expand(1, 1, 3, 5, 6)
    in_2d, in_3d = (
        Resize([10, 12]).batch(plane, torch.Generator()),
        Resize([3, 10, 12]).batch(volume, torch.Generator()),
    )
    assert torch.allclose(in_3d[:, :, 1], in_2d, atol=1e-6)


def test_dictionary_twin():
    image = np.random.default_rng(0).random((1, 4, 4), dtype=np.float32)
    assert torch.equal(
        Resized("image", spatial_size=(8, 8))({"image": image})["image"], Resize((8, 8))(image)
    )


@pytest.mark.parametrize("size", [(4,), (4, 0), (4, 4.5), (1, 2, 3, 4), (True, 4)])
def test_sizes_that_there_are_not(size):
    with pytest.raises(ValueError, match="two or three whole numbers"):
        Resize(size)


def test_images_of_other_axes():
    with pytest.raises(ValueError, match="images with 3 spatial axes"):
        Resize((4, 4)).batch(torch.zeros(1, 1, 2, 2, 2), torch.Generator())
    with pytest.raises(ValueError, match="images with 3 spatial axes"):
        Resize((4, 4))(torch.zeros(1, 2, 2, 2))


def test_it_is_part_of_a_chain_of_monai():
    import monai.transforms as mt

    image = torch.rand(2, 4, 4)
    found = mt.Compose([Resize([8, 6])])(image)
    torch.testing.assert_close(found, Resize([8, 6])(image))
