"""An ensemble: the mean of its members' logits, from their state dicts."""

from __future__ import annotations

import pytest
import torch

from medmonai.networks import Ensemble, ensemble_state, resnet10


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_mean_of_the_logits(dims, channels):
    members = [
        resnet10(spatial_dims=dims, in_channels=channels, num_classes=3, width=4).eval()
        for _ in range(3)
    ]
    ensemble = Ensemble(members[0], members=3)
    ensemble.load_state_dict(ensemble_state([member.state_dict() for member in members]))
    x = torch.randn(2, channels, *[16] * dims)
    expected = sum(member(x) for member in members) / 3
    torch.testing.assert_close(ensemble.eval()(x), expected)
    torch.testing.assert_close(torch.jit.trace(ensemble, x)(x), expected)


def test_members_are_copies():
    ensemble = Ensemble(resnet10(width=4), members=2)
    with torch.no_grad():
        next(ensemble.members[0].parameters()).zero_()
    assert next(ensemble.members[1].parameters()).any()


@pytest.mark.parametrize("members", [0, True, 1.5])
def test_the_number_of_members(members):
    with pytest.raises(ValueError, match="a whole number from 1"):
        Ensemble(resnet10(width=4), members=members)


def test_temperatures_and_biases_bring_the_members_to_one_scale():
    ensemble = Ensemble(
        torch.nn.Identity(), members=2, temperatures=[2.0, 0.5], biases=[[1.0], [-3.0]]
    )
    x = torch.tensor([[4.0], [8.0]])
    # (4 / 2 + 1 + 4 / 0.5 - 3) / 2 = 4, (8 / 2 + 1 + 8 / 0.5 - 3) / 2 = 9
    torch.testing.assert_close(ensemble(x), torch.tensor([[4.0], [9.0]]))
    assert not ensemble.state_dict()  # they belong to the config
    labels = Ensemble(
        torch.nn.Identity(), members=2, temperatures=[1.0, 1.0], biases=[[0.0, 2.0], [4.0, 0.0]]
    )
    torch.testing.assert_close(labels(torch.zeros(1, 2)), torch.tensor([[2.0, 1.0]]))


@pytest.mark.parametrize(
    "wrong", [{"temperatures": [1.0]}, {"temperatures": [1.0, 0.0]}, {"biases": [[0.0]]}]
)
def test_one_positive_temperature_and_one_bias_for_each_member(wrong):
    with pytest.raises(ValueError, match="2 positive numbers and 2 biases are needed"):
        Ensemble(torch.nn.Identity(), members=2, **wrong)
