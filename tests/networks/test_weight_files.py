"""Weights of a file, as they lie in the files that people have."""

from __future__ import annotations

import pytest
import torch

from medmonai.networks import backbone_of, resnet18, transfer_network
from medmonai.networks.weight_files import read_weights


@pytest.fixture(scope="module")
def trained():
    return transfer_network("resnet18", pretrained=False, in_channels=1, hidden=())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {f"module.{name}": value for name, value in state.items()}},
    ],
)
def test_weights_of_a_network_and_of_its_backbone(trained, wrap, tmp_path):
    torch.save(wrap(trained.backbone.state_dict()), tmp_path / "w.pt")
    torch.save(wrap(trained.state_dict()), tmp_path / "whole.pt")
    for name in ("w.pt", "whole.pt"):
        body = backbone_of("resnet18", in_channels=1).network
        body.load_state_dict(read_weights(tmp_path / name))
        again = transfer_network(
            "resnet18", pretrained=str(tmp_path / name), in_channels=1, hidden=()
        )
        for key, value in trained.backbone.state_dict().items():
            assert torch.equal(again.backbone.state_dict()[key], value)


def test_weights_of_a_classifier_serve_a_backbone(tmp_path):
    network = resnet18(in_channels=3, num_classes=9, stem="standard")
    torch.save(network.state_dict(), tmp_path / "model.pt")
    again = transfer_network("resnet18", pretrained=str(tmp_path / "model.pt"), in_channels=1)
    summed = network.conv1.weight.sum(dim=1, keepdim=True)
    assert torch.allclose(again.backbone.conv1.weight, summed)


def test_what_is_no_file_of_weights(tmp_path):
    (tmp_path / "w.pt").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"w\.pt is not a readable file of weights"):
        read_weights(tmp_path / "w.pt")
    torch.save({"epoch": 3}, tmp_path / "none.pt")
    with pytest.raises(ValueError, match=r"none\.pt holds no weights"):
        read_weights(tmp_path / "none.pt")
    with pytest.raises(FileNotFoundError, match=r"no file of weights .*missing.pt"):
        read_weights(tmp_path / "missing.pt")
    with pytest.raises(ValueError, match=r"pretrained='.*missing.pt' does not exist; use true"):
        transfer_network("resnet18", pretrained=str(tmp_path / "missing.pt"))
