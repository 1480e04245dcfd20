"""The parameter-randomisation check: which maps pass, which do not, and that passing proves
little.
"""

from __future__ import annotations

import copy
import functools
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from medmonai.engines import grad_cam, occlusion_map, randomization_check
from medmonai.engines.randomization import rank_correlations
from medmonai.networks import densenet121, resnet10, to_channels_last

sys.path.insert(0, str(Path(__file__).parent))
from lesion_training import trained_on_lesions


@pytest.fixture(scope="module", params=[2, 3])
def lesion(request):
    return trained_on_lesions(request.param)


def intensity(network, images, *, class_index):
    """A "map" that shows the image and ignores the network."""
    return np.asarray(images)[:, :1] / 10


@pytest.mark.parametrize(
    ("method", "highest"),
    [
        (grad_cam, 0.4),
        (functools.partial(occlusion_map, overlap=0.0), 0.4),
        # its weights are never negative: closer to mere activation
        (functools.partial(grad_cam, method="gradcam++"), 0.6),
    ],
)
def test_maps_of_a_trained_network_are_told_from_those_of_a_random_one(lesion, method, highest):
    network, _, x = lesion
    check = randomization_check(network, x, class_index=1, method=method, repeats=3)
    assert check.rank_correlation < highest and check.verdict in (
        "depend on the weights",
        "depend on the weights in part",
    )
    assert len(check.per_repeat) == 3 and check.n == len(x)
    assert check.rank_correlation == pytest.approx(np.mean(check.per_repeat), abs=0.05)
    assert check.verdict in check.line and f"n = {len(x)}" in check.line


def test_maps_that_ignore_the_network_fail(lesion):
    network, _, x = lesion
    check = randomization_check(network, x, class_index=1, method=intensity)
    assert check.rank_correlation == pytest.approx(1) and check.between_random == pytest.approx(1)
    assert check.verdict == "hardly depend on the weights"


def test_what_it_cannot_say_is_true(lesion):
    # The caveat: an untrained network passes as well.
    _, fresh, x = lesion
    check = randomization_check(fresh, x, class_index=1)
    assert check.rank_correlation < 0.7
    for words in (
        "cannot say that a map is right",
        "untrained or wrongly trained network",
        "matters medically",
    ):
        assert words in check.caveat


def test_cascade_ends_where_the_full_check_is(lesion):
    network, _, x = lesion
    full = randomization_check(network, x, class_index=1, repeats=2)
    cascade = randomization_check(network, x, class_index=1, repeats=2, mode="cascading")
    assert [name for name, _ in cascade.cascade] == ["3", "0"] and [
        name for name, _ in full.cascade
    ] == ["all"]
    assert cascade.cascade[-1][1] == cascade.rank_correlation == full.rank_correlation


@pytest.mark.parametrize(
    ("network", "blocks"),
    [
        (resnet10(width=2), ["fc", "layer4", "layer3", "layer2", "layer1", "bn1", "conv1"]),
        (
            nn.Sequential(resnet10(width=2)),
            ["0.fc", "0.layer4", "0.layer3", "0.layer2", "0.layer1", "0.bn1", "0.conv1"],
        ),
        (densenet121(growth_rate=2), ["class_layers", "features"]),
    ],
)
def test_blocks_of_the_cascade(network, blocks):
    check = randomization_check(
        network, torch.rand(3, 1, 16, 16), class_index=1, repeats=1, mode="cascading"
    )
    assert [name for name, _ in check.cascade] == blocks
    assert np.isnan(check.between_random) and check.as_dict()["between_random"] is None


def test_network_and_random_state_are_left_as_they_were_and_the_seed_decides():
    torch.manual_seed(0)
    network = to_channels_last(resnet10(width=4)).train()
    state, random, x = (
        copy.deepcopy(network.state_dict()),
        torch.get_rng_state(),
        torch.rand(4, 1, 16, 16),
    )
    random = torch.get_rng_state()
    first, again, other = (
        randomization_check(network, x, class_index=1, repeats=2, seed=s) for s in (0, 0, 5)
    )
    assert first == again and first.per_repeat != other.per_repeat
    assert torch.equal(torch.get_rng_state(), random) and network.training
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(m._forward_hooks for m in network.modules())
    assert json.loads(json.dumps(first.as_dict(), allow_nan=False))["verdict"] == first.verdict


def test_rank_correlation_is_spearmans():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (2, 5, 1, 4, 6))  # ties
    np.testing.assert_allclose(
        rank_correlations(a, b),
        [spearmanr(i.ravel(), j.ravel())[0] for i, j in zip(a, b)],
        atol=1e-12,
    )
    constant = np.zeros_like(a)
    assert (rank_correlations(a, constant) == 0).all() and np.isnan(
        rank_correlations(constant, constant)
    ).all()


def test_constant_maps_are_undefined():
    with pytest.warns(UserWarning, match="every saliency map is constant"):
        check = randomization_check(
            resnet10(width=2),
            torch.rand(2, 1, 8, 8),
            class_index=1,
            method=lambda n, images, class_index: np.zeros((2, 1, 8, 8)),
        )
    assert (
        check.verdict == "undefined"
        and check.n == 0
        and check.as_dict()["rank_correlation"] is None
    )


def test_no_other_warnings(lesion):
    network, _, x = lesion
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        randomization_check(
            network,
            x[:2],
            class_index=0,
            repeats=1,
            method=functools.partial(occlusion_map, overlap=0.0),
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mode": "half"}, "mode='half' is unknown; use one of full, cascading"),
        ({"repeats": 0}, "repeats=0 with 2 images; at least 1 repeat and 2 images"),
        ({"images": torch.rand(1, 1, 16, 16)}, "with 1 images"),
        ({"class_index": 3}, "class_index=3"),
    ],
)
def test_errors(change, message):
    arguments = {"images": torch.rand(2, 1, 16, 16), "class_index": 1, **change}
    with pytest.raises(ValueError, match=message):
        randomization_check(resnet10(width=2), arguments.pop("images"), **arguments)
