"""Transfer networks with published weights in their backbones, and how many features backbones
give.
"""

from __future__ import annotations

import hashlib

import pytest
import torch
from published_states import published_state

from medmonai.networks import backbone_of, transfer_network
from medmonai.networks.backbones import BACKBONES
from medmonai.networks.pretrained import IMAGENET, WeightFile, weights_folder


@pytest.fixture
def weights_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = published_state("resnet18")
    path = weights_folder() / "resnet18-test.pth"
    path.parent.mkdir(parents=True)
    torch.save(state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setitem(
        IMAGENET, "resnet18", WeightFile("http://127.0.0.1:9/resnet18-test.pth", digest, "none")
    )
    return state


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("pretrained", [True, "imagenet"])
def test_pretrained_weights_are_in_the_backbone(weights_at_home, dims, pretrained):
    network = transfer_network("resnet18", pretrained=pretrained, spatial_dims=dims, in_channels=1)
    assert torch.equal(network.backbone.bn1.running_mean, weights_at_home["bn1.running_mean"])
    assert network.backbone.conv1.weight.shape == (64, 1, *[7] * dims)
    torch.testing.assert_close(
        network.backbone.conv1.weight.sum(),
        weights_at_home["conv1.weight"].sum(),
        rtol=1e-3,
        atol=1e-2,
    )


def test_the_head_starts_the_same_with_and_without_weights(weights_at_home):
    heads = []
    for pretrained in (True, False):
        torch.manual_seed(3)
        heads.append(transfer_network("resnet18", pretrained=pretrained).head[1].weight)
    assert torch.equal(*heads)


def test_backbones_say_how_many_features_they_give():
    for name in BACKBONES:
        backbone = backbone_of(name)
        assert backbone.network.eval()(torch.zeros(1, 3, 32, 32)).shape == (
            1,
            backbone.num_features,
        )
    flat = backbone_of("vgg16", pool_size=7)
    assert flat.network(torch.zeros(1, 3, 64, 64)).shape == (1, 25088)
