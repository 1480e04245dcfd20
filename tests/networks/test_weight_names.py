"""Published weights: names and shapes one by one, and what the networks compute with them."""

from __future__ import annotations

import functools
import re

import pytest
import torch
from published_states import NAMES, PARAMETERS, published_shapes, published_state
from torch.nn import functional

from medmonai.networks import backbone_of, efficientnet_b0, resnet18, vgg16
from medmonai.networks import densenet121 as whole_densenet121
from medmonai.networks.weight_names import load_published, published_name


@pytest.mark.parametrize("name", NAMES)
def test_the_generated_lists_have_the_published_number_of_parameters(name):
    shapes = {
        key: shape
        for key, shape in published_shapes(name).items()
        if key.endswith(("weight", "bias"))
    }
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_arrives_under_its_name_in_its_shape(name):
    state = published_state(name)
    backbone = backbone_of(name).network
    load_published(backbone, name, state)
    renamed = {
        re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", key): value for key, value in state.items()
    }
    arrived = set()
    for key, value in backbone.state_dict().items():
        theirs = published_name(name, key)
        if theirs not in renamed:
            assert key.endswith("num_batches_tracked") and name == "densenet121"
            continue
        assert torch.equal(value, renamed[theirs]), key
        arrived.add(theirs)
    assert all(key.startswith(("fc.", "classifier.", "_fc.")) for key in set(renamed) - arrived)


@pytest.mark.parametrize("name", ["resnet18", "vgg16"])
def test_torchvisions_names_are_those_of_the_whole_network(name):
    build = {"resnet18": functools.partial(resnet18, stem="standard"), "vgg16": vgg16}[name]
    with torch.device("meta"):
        ours = build(in_channels=3, num_classes=1000).state_dict()
    assert {key: tuple(value.shape) for key, value in ours.items()} == published_shapes(name)


def test_the_published_numbers_of_parameters_are_those_of_the_whole_networks():
    with torch.device("meta"):
        whole = {
            "vgg16": vgg16(in_channels=3, num_classes=1000),
            "efficientnet_b0": efficientnet_b0(in_channels=3, num_classes=1000),
            "densenet121": whole_densenet121(in_channels=3, num_classes=1000, stem="standard"),
        }
    for name, network in whole.items():
        assert sum(p.numel() for p in network.parameters()) == PARAMETERS[name], name


def by_hand_resnet18(state, x):
    """ResNet-18 in evaluation mode written with torch.nn.functional alone, under torchvision's
    names.
    """

    def norm(x, at):
        return functional.batch_norm(
            x,
            state[f"{at}.running_mean"],
            state[f"{at}.running_var"],
            state[f"{at}.weight"],
            state[f"{at}.bias"],
        )

    x = functional.relu(
        norm(functional.conv2d(x, state["conv1.weight"], stride=2, padding=3), "bn1")
    )
    x = functional.max_pool2d(x, 3, stride=2, padding=1)
    for stage in range(1, 5):
        for block in range(2):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            out = functional.conv2d(x, state[f"{at}.conv1.weight"], stride=stride, padding=1)
            out = functional.relu(norm(out, f"{at}.bn1"))
            out = norm(functional.conv2d(out, state[f"{at}.conv2.weight"], padding=1), f"{at}.bn2")
            if stride == 2:
                x = norm(
                    functional.conv2d(x, state[f"{at}.downsample.0.weight"], stride=2),
                    f"{at}.downsample.1",
                )
            x = functional.relu(out + x)
    return x.mean((2, 3))


def test_resnet18_computes_what_the_paper_says():
    state = published_state("resnet18")
    backbone = backbone_of("resnet18").network.eval()
    load_published(backbone, "resnet18", state)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(backbone(x), by_hand_resnet18(state, x), rtol=1e-4, atol=1e-4)


def test_vgg16_computes_what_the_paper_says():
    state = published_state("vgg16")
    backbone = backbone_of("vgg16").network.eval()
    load_published(backbone, "vgg16", state)
    x = given = torch.randn(1, 3, 64, 64)
    for number in (
        0,
        2,
        "pool",
        5,
        7,
        "pool",
        10,
        12,
        14,
        "pool",
        17,
        19,
        21,
        "pool",
        24,
        26,
        28,
        "pool",
    ):
        x = (
            functional.max_pool2d(x, 2)
            if number == "pool"
            else functional.relu(
                functional.conv2d(
                    x,
                    state[f"features.{number}.weight"],
                    state[f"features.{number}.bias"],
                    padding=1,
                )
            )
        )
    torch.testing.assert_close(backbone(given), x.mean((2, 3)), rtol=1e-4, atol=1e-4)


def test_a_file_of_another_network_is_refused_by_name():
    backbone = backbone_of("resnet18").network
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with pytest.raises(
        ValueError, match=r"the weights hold 'layer1.2.conv1.weight' \(\d+ such\), which resnet18"
    ):
        load_published(backbone, "resnet18", published_state("resnet34"))
    with pytest.raises(
        ValueError, match=r"the weights have no 'conv1.weight', which resnet18 needs"
    ):
        load_published(backbone, "resnet18", published_state("vgg16"))
    state = published_state("resnet18")
    state["layer2.0.conv1.weight"] = torch.zeros(128, 64, 1, 1)
    with pytest.raises(
        ValueError, match=r"'layer2.0.conv1.weight' has shape \(128, 64, 1, 1\), which does not fit"
    ):
        load_published(backbone, "resnet18", state)
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())
