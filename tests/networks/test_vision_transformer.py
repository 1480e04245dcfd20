"""The vision transformer."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import ViT

from medmonai.networks import head_of, vit

pytest.importorskip("einops")


@pytest.mark.parametrize("size", [(28, 28), (20, 24), (16, 16, 12)])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_logits(size, channels):
    network = vit(
        spatial_size=size, spatial_dims=len(size), in_channels=channels, num_classes=4, depth=2
    )
    assert network.eval()(torch.zeros(2, channels, *size)).shape == (2, 4)
    assert head_of(network).out_features == 4


def test_the_logits_are_those_of_monai():
    ours = vit(spatial_size=(28, 28), num_classes=3, depth=2).eval()
    stock = ViT(
        in_channels=1,
        img_size=(28, 28),
        patch_size=(2, 2),
        hidden_size=192,
        mlp_dim=768,
        num_layers=2,
        num_heads=3,
        classification=True,
        num_classes=3,
        spatial_dims=2,
        post_activation="none",
        qkv_bias=True,
    ).eval()
    stock.load_state_dict(ours.state_dict())
    x = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        assert torch.equal(ours(x), stock(x)[0])


@pytest.mark.parametrize(("size", "patch"), [((224, 224), 16), ((28, 28), 2), ((96, 128), 8)])
def test_patches_divide_the_size(size, patch):
    network = vit(spatial_size=size, depth=1)
    assert network.patch_embedding.patch_embeddings.kernel_size == (patch, patch)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"spatial_size": (28, 28), "patch_size": (5, 5)}, r"patch_size=\[5, 5\] does not divide"),
        ({"spatial_size": (28, 28, 28)}, "2 numbers each are needed"),
        ({"spatial_size": (28, 28), "width": 100}, "width=100; a multiple of 64"),
        ({"spatial_size": (28, 28), "depth": 0}, "depth=0"),
    ],
)
def test_errors(arguments, match):
    with pytest.raises(ValueError, match=match):
        vit(**arguments)
