"""Transfer networks: what is frozen stays, in every mode and under every optimiser; what is
unfrozen learns.
"""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medmonai.engines import find_target_layer, grad_cam
from medmonai.losses import AUCMarginLoss
from medmonai.networks import (
    TransferNetwork,
    head_of,
    mlp_head,
    reset_head,
    to_channels_last,
    transfer_network,
)
from medmonai.networks.backbones import BACKBONES
from medmonai.optimizers import PESG

NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def small(dims=2, **arguments):
    torch.manual_seed(0)
    return transfer_network(
        "resnet10",
        **{
            "pretrained": False,
            "spatial_dims": dims,
            "in_channels": 1,
            "hidden": (8,),
            **arguments,
        },
    )


def images(dims=2, n=4):
    return torch.randn(n, 1, *[32] * dims, generator=torch.Generator().manual_seed(1))


def differing(network, before):
    return {
        name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }


def step(network, optimizer, x):
    network.train()
    y = torch.tensor([0.0, 1.0] * (len(x) // 2))[:, None]
    optimizer.zero_grad()
    nn.functional.binary_cross_entropy_with_logits(network(x), y).backward()
    optimizer.step()


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.5),
    "PESG": None,
}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_a_frozen_backbone_keeps_every_bit_under_every_optimiser(name, dims):
    network, x = small(dims), images(dims)
    before = copy.deepcopy(network.state_dict())
    if name == "PESG":
        loss = AUCMarginLoss()
        optimizer = PESG(
            network.parameters(), loss_fn=loss, lr=0.1, weight_decay=0.1, epoch_decay=0.1
        )
        for _ in range(3):
            network.train()
            optimizer.zero_grad()
            loss(network(x), torch.tensor([0, 1, 0, 1])).backward()
            optimizer.step()
        optimizer.update_regularizer(10.0)
    else:
        optimizer = OPTIMIZERS[name](network.parameters())
        for _ in range(3):
            step(network, optimizer, x)
    changed = differing(network, before)
    assert {"head.1.weight", "head.1.bias", "head.4.weight", "head.4.bias"} == changed


def test_without_freezing_everything_learns():
    network = small(freeze="none")
    before = copy.deepcopy(network.state_dict())
    step(network, torch.optim.SGD(network.parameters(), lr=0.1), images())
    unchanged = set(before) - differing(network, before)
    assert not [name for name in unchanged if not name.startswith("head")]


def test_train_leaves_what_is_frozen_in_evaluation_mode():
    network = small()
    for _ in range(2):
        network.train()
        assert network.training and network.head.training
        assert not any(module.training for module in network.backbone.modules())
        network.eval()
        assert not any(module.training for module in network.modules())


def test_training_on_a_frozen_backbone_of_random_weights_warns(recwarn):
    network = transfer_network("resnet10", pretrained=False)
    network.eval()
    assert not recwarn.list  # nothing is trained yet
    with pytest.warns(UserWarning, match="frozen backbone of random weights"):
        network.train()
    again = transfer_network("resnet10", pretrained=False)
    again.load_state_dict(network.state_dict())
    own = transfer_network("resnet10", pretrained=False)
    own.backbone.load_state_dict(network.backbone.state_dict())
    recwarn.clear()
    for quiet in (again, own, transfer_network("resnet10", pretrained=False, freeze="none")):
        quiet.train()
    assert not recwarn.list


def test_unfreezing_lets_one_part_learn_statistics_too():
    network = small()
    network.train()
    network.unfreeze("layer4")
    network.unfreeze("layer4")
    before = copy.deepcopy(network.state_dict())
    step(network, torch.optim.SGD(network.parameters(), lr=0.1), images())
    changed = differing(network, before)
    assert all(name.startswith(("head.", "backbone.layer4.")) for name in changed)
    assert (
        "backbone.layer4.0.bn1.running_mean" in changed
        and "backbone.layer4.0.conv1.weight" in changed
    )
    network.unfreeze("")
    network.eval()
    assert not network.backbone.training
    network.train()
    assert all(p.requires_grad for p in network.parameters()) and all(
        m.training for m in network.modules()
    )


def test_an_unknown_part_is_named_with_those_there_are():
    with pytest.raises(
        ValueError,
        match=r"no module 'layer5'; use one of conv1, bn1, layer1, layer2, layer3, layer4",
    ):
        small().unfreeze("layer5")


# the others are as resnet10, and the code of both dimensions is one
@pytest.mark.parametrize(
    ("name", "dims"),
    [
        pytest.param(
            name,
            dims,
            marks=[] if dims == 2 or name in ("resnet10", "efficientnet_b0") else pytest.mark.slow,
        )
        for name in BACKBONES
        if name not in ("resnet18", "resnet34")
        for dims in (2, 3)
    ],
)
def test_every_backbone_scripts_traces_and_splits_into_features_and_head(name, dims):
    network = transfer_network(
        name, pretrained=False, spatial_dims=dims, in_channels=2, num_classes=3, hidden=(8,)
    ).eval()
    x = torch.randn(2, 2, *[32] * dims)
    expected, features = network(x), network.features(x)
    assert expected.shape == (2, 3) and features.ndim == 2
    assert torch.equal(network.head(features), expected)
    assert torch.equal(network(features, from_features=True), expected)
    scripted = torch.jit.script(network)
    torch.testing.assert_close(scripted(x), expected)
    torch.testing.assert_close(scripted.features(x), features)
    torch.testing.assert_close(scripted(features, from_features=True), expected)
    torch.testing.assert_close(torch.jit.trace(network, x)(x), expected)
    assert head_of(network) is network.head[-1]


def test_scripting_does_not_warn(recwarn):
    torch.jit.script(small())
    assert not [str(w.message) for w in recwarn if "TorchScript" in str(w.message)]


def test_the_average_of_the_weights_keeps_a_frozen_backbone():
    network, x = small(dropout=0.0), images()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    before = copy.deepcopy(network.state_dict())
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(4):
        step(network, optimizer, x)
        average.update_parameters(network)
    assert differing(average.module, before) == differing(network, before)
    average.train()
    assert not average.module.backbone.training
    assert torch.equal(average(network.features(x), from_features=True), average(x))


def test_the_state_dict_goes_round():
    network, other = small(), small(freeze="none")
    nn.init.ones_(network.head[-1].weight)
    other.load_state_dict(network.state_dict())
    x = images()
    assert torch.equal(network.eval()(x), other.eval()(x))


def test_the_head_can_be_reset_and_the_layout_changed():
    network, x = small().eval(), images()
    features = network.features(x)
    assert reset_head(network, seed=0) is network.head[-1]
    torch.testing.assert_close(
        to_channels_last(network).features(x), features, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_grad_cam_sees_into_a_frozen_backbone(dims):
    network, x = small(dims), images(dims, n=1)
    name = find_target_layer(network, [32] * dims)
    assert name.startswith("backbone.layer")
    assert grad_cam(network, x, class_index=1).max() > 0


def test_own_backbones_and_words_for_freezing():
    network = TransferNetwork(
        nn.Sequential(nn.Flatten(), nn.Linear(16, 4)), mlp_head(4, 1, hidden=())
    )
    assert network(torch.zeros(2, 1, 4, 4)).shape == (2, 1)
    with pytest.raises(ValueError, match="freeze='all' does not exist; use 'backbone' or 'none'"):
        TransferNetwork(nn.Identity(), nn.Identity(), freeze="all")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "resnet51"}, "backbone='resnet51' does not exist; use one of resnet10"),
        ({"backbone": "resnet18", "pool_size": 7}, "pool_size=7: resnet18 ends with the mean"),
        ({"pretrained": "imagenet22k"}, "pretrained='imagenet22k' does not exist"),
        ({"freeze": "half"}, "freeze='half'"),
        ({"spatial_dims": 1}, "spatial_dims=1"),
        ({"num_classes": 0}, "num_classes=0"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        transfer_network(**{"backbone": "resnet10", "pretrained": False, **arguments})
