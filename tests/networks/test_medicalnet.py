"""MedicalNet's weights, from state dicts that MONAI's own networks make; nothing is downloaded."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets import ResNet
from torch.optim.swa_utils import AveragedModel

from medmonai.networks import backbone_of, load_pretrained, transfer_network
from medmonai.networks.medicalnet import load_medicalnet

LAYERS = {
    "resnet10": ("basic", [1, 1, 1, 1], "B"),
    "resnet18": ("basic", [2, 2, 2, 2], "A"),
    "resnet34": ("basic", [3, 4, 6, 3], "A"),
    "resnet50": ("bottleneck", [3, 4, 6, 3], "B"),
}


def medicalnet(name):
    """MONAI's network that takes MedicalNet's files, with random batch-norm statistics."""
    block, layers, shortcut = LAYERS[name]
    network = ResNet(
        block,
        layers,
        [64, 128, 256, 512],
        spatial_dims=3,
        n_input_channels=1,
        conv1_t_stride=2,
        shortcut_type=shortcut,
        bias_downsample=False,
        feed_forward=False,
    )
    for key, value in network.state_dict().items():
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
    return network.eval()


@pytest.mark.parametrize("name", list(LAYERS))
def test_the_features_are_those_of_monais_network(name):
    torch.manual_seed(0)
    theirs = medicalnet(name)
    ours = backbone_of(name, spatial_dims=3, in_channels=1).network.eval()
    load_medicalnet(
        ours, name, state={f"module.{key}": value for key, value in theirs.state_dict().items()}
    )
    x = torch.randn(1, 1, 24, 24, 24)
    expected = theirs(x)
    torch.testing.assert_close(ours(x), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.jit.script(ours)(x), expected, rtol=1e-5, atol=1e-5)


def test_two_channels_agree_on_the_same_volume_twice():
    torch.manual_seed(0)
    theirs = medicalnet("resnet10")
    ours = backbone_of("resnet10", spatial_dims=3, in_channels=2).network.eval()
    load_medicalnet(ours, "resnet10", state=theirs.state_dict())
    x = torch.randn(1, 1, 16, 16, 16)
    torch.testing.assert_close(ours(x.repeat(1, 2, 1, 1, 1)), theirs(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", list(LAYERS))
def test_a_network_without_pretrained_weights_takes_what_was_trained_from_them(name):
    shape = {"pretrained": False, "spatial_dims": 3, "in_channels": 1, "hidden": ()}
    trained = transfer_network(name, **shape)
    load_medicalnet(trained.backbone, name, state=medicalnet(name).state_dict())
    # a copy, as an average of the weights is
    again = AveragedModel(transfer_network(name, **shape)).module
    again.load_state_dict(trained.state_dict())
    x = torch.randn(1, 1, 16, 16, 16)
    assert torch.equal(again.eval()(x), trained.eval()(x))
    own = transfer_network(name, **shape)
    state = own.state_dict()
    own.load_state_dict(state)  # shortcuts with weights stay what they are
    assert own.state_dict().keys() == state.keys()
    if name != "resnet10":
        with pytest.raises(RuntimeError, match=r"layer2\.0\.conv1\.weight"):
            own.load_state_dict(
                {key: value for key, value in state.items() if "layer2.0" not in key}
            )


def test_gradients_go_through_the_shortcut():
    theirs = medicalnet("resnet18")
    ours = backbone_of("resnet18", spatial_dims=3, in_channels=1).network.eval()
    load_medicalnet(ours, "resnet18", state=theirs.state_dict())
    block = ours.layer2[0]
    torch.nn.init.zeros_(block.bn2.weight)
    x = torch.rand(1, 64, 4, 4, 4, requires_grad=True)
    block(x).sum().backward()
    assert x.grad[..., ::2, ::2, ::2].abs().min() > 0


@pytest.mark.parametrize(("name", "dims"), [("resnet50", 2), ("densenet121", 3)])
def test_networks_that_medicalnet_does_not_have(name, dims):
    with pytest.raises(ValueError, match=rf"no weights for {name} in {dims}D; use resnet10"):
        load_pretrained(backbone_of(name, spatial_dims=dims).network, name, weights="medicalnet")


def test_without_a_network_the_message_says_what_to_fetch(tmp_path, monkeypatch):
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"resnet_10_23dataset.pth is not in .*MedicalNet-Resnet10"
    ) as caught:
        load_pretrained(
            backbone_of("resnet10", spatial_dims=3, in_channels=1).network,
            "resnet10",
            weights="medicalnet",
        )
    assert "\n" not in str(caught.value)
