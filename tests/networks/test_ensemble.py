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
