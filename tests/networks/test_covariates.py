"""A network with covariates: its formula, its learning, and calls with images alone."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from medmonai.networks import (
    CovariateNetwork,
    Ensemble,
    bf16_is_safe,
    densenet121,
    ensemble_state,
    fixed_covariates,
    head_of,
    resnet10,
)


def built(make=resnet10, dims=2, outputs=3, values=4):
    small = {"width": 4} if make is resnet10 else {"growth_rate": 2}
    inner = make(spatial_dims=dims, num_classes=outputs, **small)
    fitted = torch.randn(outputs, values + 1).tolist()
    network = CovariateNetwork(inner, num_covariates=values, fitted=fitted, hidden=5)
    nn.init.normal_(network.encoded.weight)
    return network.eval()


@pytest.mark.parametrize("make", [resnet10, densenet121])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_formula(make, dims):
    network = built(make, dims)
    x, c = torch.randn(2, 1, *[16] * dims), torch.randn(2, 4)
    features = network.network(x)
    weight, bias = network.classifier.weight, network.classifier.bias
    split = features.shape[1]
    hidden = torch.tanh(c @ network.encoded.weight.T + network.encoded.bias)
    expected = features @ weight[:, :split].T + hidden @ weight[:, split:].T + bias
    expected = expected + c @ network.fitted[:, :4].T + network.fitted[:, 4]
    torch.testing.assert_close(network(x, covariates=c), expected)
    assert expected.shape == (2, 3) and head_of(network) is network.classifier


def test_a_new_network_knows_what_was_fitted_and_a_value_without_a_case_stays_without_influence():
    fitted = [[1.0, -2.0, 0.0, 0.5]]
    network = CovariateNetwork(resnet10(width=4), num_covariates=3, fitted=fitted)
    x, c = torch.randn(16, 1, 8, 8), torch.randn(16, 3)
    c[:, 2] = 0  # a value that no training case has
    network.eval()
    apart = network(x, c) - network(x, torch.zeros(16, 3))
    torch.testing.assert_close(apart, c[:, :1] - 2 * c[:, 1:2])
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    network.train()
    for _ in range(10):
        loss = nn.functional.binary_cross_entropy_with_logits(network(x, c), (c[:, :1] > 1).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    assert network.fitted.tolist() == fitted
    assert network.encoded.weight[:, :2].abs().min() > 0
    torch.testing.assert_close(network(x, c), network(x, c + torch.tensor([0.0, 0.0, 1.0])))


def test_what_was_fitted_keeps_its_precision_under_autocast():
    network = CovariateNetwork(resnet10(width=4), num_covariates=1, fitted=[[1.0, 0.0]]).eval()
    c = 3 + torch.arange(64)[:, None] / 1024  # steps that bf16 does not see
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network(torch.zeros(64, 1, 16, 16), c)
    assert logits.dtype == torch.float32 and (logits.diff(dim=0) > 0).all()


def test_covariates_are_needed_but_can_be_fixed_for_a_while():
    network = built()
    x, c = torch.randn(3, 1, 16, 16), torch.randn(4)
    with pytest.raises(ValueError, match="needs covariates beside the image"):
        network(x)
    with fixed_covariates(network, c):
        torch.testing.assert_close(network(x), network(x, c.expand(3, 4)))
        kept = copy.deepcopy(network)
        with fixed_covariates(network):
            torch.testing.assert_close(network(x), network(x, torch.zeros(3, 4)))
        torch.testing.assert_close(kept(x), network(x))
    with pytest.raises(ValueError, match="needs covariates"):
        network(x)
    assert bf16_is_safe(network, (32, 32))[1] == bf16_is_safe(resnet10(width=4), (32, 32))[
        1
    ].replace("layer layer4", "layer network.layer4")


def test_each_member_of_an_ensemble_gets_its_own_covariates():
    members = [built() for _ in range(2)]
    ensemble = Ensemble(members[0], members=2)
    ensemble.load_state_dict(ensemble_state([member.state_dict() for member in members]))
    x, c = torch.randn(3, 1, 16, 16), torch.randn(3, 2, 4)
    expected = (members[0](x, c[:, 0]) + members[1](x, c[:, 1])) / 2
    torch.testing.assert_close(ensemble.eval()(x, covariates=c), expected)
    torch.testing.assert_close(torch.jit.trace(ensemble, (x, c))(x, c), expected)


@pytest.mark.parametrize(
    ("network", "arguments", "said"),
    [
        (resnet10(width=4), {"num_covariates": 0}, "num_covariates=0; a whole number from 1"),
        (resnet10(width=4), {"num_covariates": 2, "hidden": True}, "hidden=True"),
        (
            resnet10(width=4),
            {"num_covariates": 2, "fitted": [[1.0, 2.0]]},
            r"fitted has shape \(1, 2\); .* here \(1, 3\)",
        ),
        (nn.Conv2d(1, 1, 1), {"num_covariates": 2}, "Conv2d has no linear layer"),
        (nn.Linear(4, 1), {"num_covariates": 2}, "Linear has no linear layer behind"),
    ],
)
def test_what_is_refused(network, arguments, said):
    with pytest.raises(ValueError, match=said):
        CovariateNetwork(network, **arguments)
