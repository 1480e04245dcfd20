"""Networks that somebody asks for by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from medmonai.networks import transfer_network
from medmonai.planning import make_plan
from medmonai.planning.network_rules import (
    NETWORKS,
    AskedNetwork,
    network_choice,
    published_normalization,
)


@pytest.mark.parametrize(
    "name", ["resnet10", "se_resnet18", "densenet121", "efficientnet_b0", "vit"]
)
def test_a_plan_with_each_kind_of_network(seen, name):
    if name == "vit":
        pytest.importorskip("einops")
    plan = make_plan(seen, network=AskedNetwork(name))
    assert "asked for" in next(c.reason for c in plan.choices if c.name == "network")
    assert plan.cost.step_seconds > 0 and plan.overrides == {}
    adam = plan.recipe["optimizer"]["_target_"] == "torch.optim.AdamW"
    assert adam and plan.recipe["learning_rate"] == (0.0003 if name == "vit" else 0.001)


def test_smaller_sizes_that_a_network_does_not_take_are_passed_over(seen):
    with pytest.raises(ValueError, match="the cheapest plan takes"):
        make_plan(seen, network=AskedNetwork("efficientnet_b0"), minutes=1e-6)
    assert make_plan(seen, network=AskedNetwork("efficientnet_b0")).cost.smaller is None


def test_weights_of_a_file(seen, tmp_path):
    body = transfer_network("resnet18", pretrained=False, in_channels=1).backbone
    torch.save(body.state_dict(), tmp_path / "w.pt")
    asked = AskedNetwork("resnet18", str(tmp_path / "w.pt"))
    plan = make_plan(seen, network=asked)
    assert plan.overrides == {"pretrained": str(tmp_path / "w.pt")}
    assert plan.recipe["transfer"] and plan.recipe["network"]["freeze"] == "none"
    assert plan.recipe["normalization"] == {"subtrahend": 0.449, "divisor": 0.226}


def test_normalization_follows_the_weights(seen):
    color = replace(seen, in_channels=3, colored=(True,))
    imagenet = AskedNetwork("resnet18", "imagenet")
    assert published_normalization(color, imagenet) == {
        "subtrahend": [0.485, 0.456, 0.406],
        "divisor": [0.229, 0.224, 0.225],
        "channel_wise": True,
    }
    for asked in (AskedNetwork(), AskedNetwork("resnet18", "medicalnet")):
        assert published_normalization(color, asked) is None
    for channels in (3, 4):  # modalities, not colors
        assert published_normalization(replace(seen, in_channels=channels), imagenet) is None


def test_names(seen):
    for name in NETWORKS:
        network, choice = network_choice(seen, [32, 32], AskedNetwork(name))
        assert network["_target_"].startswith("medmonai.networks.") and choice.name == "network"
    assert network_choice(seen, [32, 32], AskedNetwork("timm/convnext_tiny"))[0]["backbone"] == (
        "timm/convnext_tiny"
    )
    with pytest.raises(ValueError, match="network='resnet81' is unknown; did you mean 'resnet18'"):
        AskedNetwork("resnet81")
    with pytest.raises(ValueError, match="weights='imagenet': there are none for vit"):
        AskedNetwork("vit", "imagenet")


@pytest.mark.parametrize(
    ("name", "weights", "match"),
    [
        (
            "resnet10",
            "imagenet",
            "for resnet10 in 2D: there are ImageNet weights",
        ),
        ("timm/convnext_tiny", "imagenet", "for timm/convnext_tiny in 2D: there are ImageNet"),
        ("resnet18", "medicalnet", "for resnet18 in 2D: MedicalNet's weights are of resnet10"),
        ("", "missing.pt", "weights='missing.pt' for resnet18 in 2D: no such file"),
    ],
)
def test_weights_that_do_not_exist_are_refused_before_training(seen, name, weights, match):
    with pytest.raises(ValueError, match=match):
        make_plan(seen, network=AskedNetwork(name, weights))
    volumes = replace(seen, spatial_dims=3)
    assert network_choice(volumes, [32] * 3, AskedNetwork("resnet34", "medicalnet"))
