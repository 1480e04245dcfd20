"""Networks of MONAI in a recipe: by the zoo's names, with their own arguments, refused at init
where they do not classify.
"""

from __future__ import annotations

import json
from pydoc import locate

import pytest
import torch
from bundle_runs import run, write_medmnist
from monai.bundle import ConfigComponent

from medmonai.bundle import render_bundle, write_bundle
from medmonai.bundle.network_arguments import network_definition

TINY = {
    "DenseNet121": {"init_features": 8, "growth_rate": 4, "block_config": [1, 1]},
    "DenseNet": {"block_config": [1, 1]},
    "monai.networks.nets.DenseNet169": {
        "init_features": 8,
        "growth_rate": 4,
        "block_config": [1, 1],
    },
    "resnet18": {"block_inplanes": None},
    "monai.networks.nets.resnet10": {},
    "SEResNet50": {"layers": [1, 1, 1, 1]},
    "SENet154": {"layers": [1, 1, 1, 1]},
    "SEResNext50": {"layers": [1, 1, 1, 1]},
    "EfficientNetBN": {"model_name": "efficientnet-b0", "pretrained": False},
    "Classifier": {"channels": [4, 4], "strides": [2, 2]},
    "medmonai.networks.resnet18": {"width": 4},
    "medmonai.networks.cnn": {"channels": [4]},
}


def built(name, spatial_dims, in_channels, outputs):
    size = (32,) * spatial_dims
    arguments = {key: value for key, value in TINY[name].items() if value is not None}
    definition = network_definition(
        {"_target_": name, **arguments}, size=size, in_channels=in_channels, num_outputs=outputs
    )
    return ConfigComponent(json.loads(json.dumps(definition))).instantiate(), size


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", TINY)
def test_every_classification_network_is_given_channels_and_classes(name, spatial_dims):
    network, size = built(name, spatial_dims, 3, 4)
    with torch.no_grad():
        assert network.eval()(torch.zeros(2, 3, *size)).shape == (2, 4)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        ({"_target_": "DenseNet12"}, r"did you mean [Dd]ense[Nn]et12\d\?"),
        ({"_target_": "monai.networks.nets.resnet19"}, r"did you mean resnet1\d\?"),
        (
            {"_target_": "DenseNet121", "grow_rate": 4},
            r"holds 'grow_rate', .*did you mean growth_rate\?",
        ),
        (
            {"_target_": "EfficientNetBN", "pretrained": False},
            r"network EfficientNetBN lacks model_name",
        ),
        (
            {"_target_": "DenseNet121", "out_channels": 7},
            r"has out_channels=7, and the data need 1; leave out_channels out",
        ),
        (
            {"_target_": "UNet", "channels": [4, 8], "strides": [2]},
            r"returns \(1, 1, 32, 32\) for one image; a classifier gives \(1, 1\)",
        ),
        ({"_target_": "HighResNet"}, r"returns \(1, 1, 32, 32\)"),
        (
            {
                "_target_": "ViT",
                "patch_size": [16, 16],
                "classification": True,
                "hidden_size": 48,
                "mlp_dim": 48,
                "num_layers": 1,
                "num_heads": 4,
            },
            (
                r"returns a tuple; a bundle needs one tensor of logits|network ViT needs a package "
                r"that .*einops"
            ),
        ),
    ],
)
def test_what_cannot_be_a_classifier_is_refused_with_a_reason(network, match):
    with pytest.raises((ValueError, ImportError), match=match):
        network_definition(network, size=(32, 32), in_channels=1, num_outputs=1)


def test_nothing_is_fetched_at_init(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("the trial fetched weights")

    monkeypatch.setattr("torch.hub.load_state_dict_from_url", refuse)
    monkeypatch.setattr("monai.networks.nets.efficientnet.model_zoo.load_url", refuse)
    found = network_definition(
        {"_target_": "EfficientNetBN", "model_name": "efficientnet-b0"},
        size=(32, 32),
        in_channels=3,
        num_outputs=1,
    )
    assert "pretrained" not in found  # the network's own default, at run


def test_too_small_an_image_is_said_at_init():
    with pytest.raises(ValueError, match="network DenseNet121 cannot take images of 1 x 16 x 16: "):
        network_definition({"_target_": "DenseNet121"}, size=(16, 16), in_channels=1, num_outputs=1)


def test_a_network_beside_the_bundle_is_taken_as_it_is():
    assert locate("my_module.Net") is None
    assert network_definition(
        {"_target_": "my_module.Net", "a": 1}, size=(8, 8), in_channels=1, num_outputs=1
    ) == {
        "_target_": "my_module.Net",
        "a": 1,
        "spatial_dims": 2,
        "in_channels": 1,
        "num_classes": 1,
    }


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (
            {
                "_target_": "DenseNet121",
                "init_features": 8,
                "growth_rate": 4,
                "block_config": [1, 1],
            },
            "pneumoniamnist",
        ),
        ({"_target_": "SEResNet50", "layers": [1, 1, 1, 1]}, "vesselmnist3d"),
    ],
)
def test_a_recipe_with_a_network_of_monai_trains_and_is_evaluated(network, name, tmp_path):
    recipe = {
        "title": "A network",
        "dataset": {"medmnist": name, "size": 28},
        "network": network,
        "epochs": 2,
        "batch_size": 16,
    }
    folder = write_bundle("net_classification", recipe, tmp_path)
    sources = write_medmnist(tmp_path, name, (28,) * (3 if name.endswith("3d") else 2))
    given = {
        "dataset_dir": str(sources),
        "verify_checksum": False,
        "output_dir": str(tmp_path / "out"),
    }
    files = [str(folder / "configs" / file) for file in ("train.json", "evaluate.json")]
    run("net_classification", files[0], **given)
    run("net_classification", *files, **given)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["spatial_size"] == [28] * (3 if name.endswith("3d") else 2)
    assert (record["in_channels"], record["image_dtype"], record["cases"]["train"]) == (
        1,
        "uint8",
        48,
    )
    assert (tmp_path / "out" / "saliency.json").is_file() and record[
        "title"
    ] == "A network classification"
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<title>A network classification: out</title>" in page
    assert "<h1>A network classification</h1>" in page


def test_the_size_of_a_medmnist_bundle_is_its_image_size():
    network = {"_target_": "medmonai.networks.cnn"}
    recipe = {
        "title": "A",
        "dataset": {"medmnist": "vesselmnist3d", "size": 28},
        "network": network,
    }
    train = json.loads(render_bundle("a_classification", recipe)["configs/train.json"])
    assert (
        "spatial_size" not in train
        and train["image_size"] == 28
        and "image_size" in train["displayable_configs"]
    )
