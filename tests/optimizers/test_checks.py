"""What PESG refuses at construction: nothing is printed, ignored or changed."""

from __future__ import annotations

from types import SimpleNamespace

import libauc.losses
import monai.losses
import pytest
import torch
from torch import nn

from medmonai.losses import AUCMarginLoss
from medmonai.optimizers import PESG

NETWORK = nn.Linear(3, 1)


def build(params=None, loss_fn=None, **options):
    return PESG(
        NETWORK.parameters() if params is None else params,
        loss_fn=loss_fn or AUCMarginLoss(),
        **options,
    )


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        (NETWORK, TypeError, r"params is a Linear; give its parameters\(\)"),
        (NETWORK.weight, TypeError, "params is one tensor"),
        ([], ValueError, "params is empty"),
        ([{"params": list(NETWORK.parameters())}], TypeError, r"parameter groups \(dicts\)"),
        (list(NETWORK.named_parameters()), TypeError, "params holds a tuple.*without names"),
        (
            NETWORK.to(torch.float32).weight.detach().bfloat16().split(1),
            TypeError,
            "torch.bfloat16.*autocast",
        ),
        ([nn.Parameter(torch.zeros(2, dtype=torch.float16))], TypeError, "torch.float16"),
        ([nn.Parameter(torch.zeros(2, dtype=torch.complex64))], TypeError, "torch.complex64"),
        ([NETWORK.weight, NETWORK.weight], ValueError, "a parameter twice"),
        ([nn.Parameter(torch.zeros(4, 4)[:, ::2])], TypeError, "view with gaps"),
        (
            [NETWORK.weight, nn.Parameter(torch.zeros(2, device="meta"))],
            ValueError,
            "params lie on cpu, meta",
        ),
    ],
)
def test_params(params, error, message):
    with pytest.raises(error, match=message):
        build(params)


class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.loss = AUCMarginLoss()


@pytest.mark.parametrize(
    ("loss_fn", "error", "message"),
    [
        (nn.BCEWithLogitsLoss(), TypeError, "loss_fn=BCEWithLogitsLoss has no a, b, alpha, margin"),
        (Wrapper(), TypeError, "loss_fn=Wrapper has no a, b, alpha, margin"),
        (SimpleNamespace(), TypeError, "has no a, b, alpha, margin"),
        (
            libauc.losses.AUCMLoss(version="v2", device=torch.device("cpu")),
            ValueError,
            "misplaced bracket",
        ),
        (
            libauc.losses.MultiLabelAUCMLoss(num_labels=3, device=torch.device("cpu")),
            TypeError,
            "not an nn.Parameter",
        ),
        (AUCMarginLoss().bfloat16(), ValueError, "loss_fn.a is torch.bfloat16"),
        (
            AUCMarginLoss().to("meta"),
            ValueError,
            r"loss_fn.a is on meta, the parameters are on cpu; call loss_fn.to\('cpu'\)",
        ),
    ],
)
def test_losses(loss_fn, error, message, capsys):
    with pytest.raises(error, match=message):
        build(loss_fn=loss_fn)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["a", "b", "alpha"])
@pytest.mark.parametrize("loss_class", [monai.losses.AUCMLoss, AUCMarginLoss])
def test_the_losss_own_variables_are_not_parameters(name, loss_class):
    loss_fn = loss_class()
    with pytest.raises(
        ValueError, match=f"params holds loss_fn.{name}; give the network's parameters only"
    ):
        build([*NETWORK.parameters(), getattr(loss_fn, name)], loss_fn=loss_fn)


@pytest.mark.parametrize(
    "options",
    [
        {"margin": 1.0},
        {"mode": "adam"},
        {"verbose": True},
        {"learning_rate": 0.1},
        {"betas": (0.9, 0.99)},
    ],
)
def test_unknown_arguments(options):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{next(iter(options))}'"):
        build(**options)


def test_the_loss_is_needed():
    with pytest.raises(TypeError, match="loss_fn"):
        PESG(NETWORK.parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, "lr=-0.1 is not possible"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"lr": float("inf")}, "lr=inf"),
        ({"lr": "0.1"}, "lr='0.1'"),
        ({"lr": torch.tensor(-1.0)}, "lr=tensor"),
        ({"epoch_decay": -1e-3}, "epoch_decay=-0.001"),
        ({"weight_decay": None}, "weight_decay=None"),
        ({"momentum": 1.1}, "momentum=1.1 is not possible; use a number from 0 to 1"),
        ({"clip_value": 0}, "clip_value=0 is not possible; use a number above 0"),
        ({"clip_value": True}, "clip_value=True"),
        ({"reference": "random"}, "reference='random' does not exist; use 'initial' or 'libauc'"),
        ({"device": "meta"}, "device=meta but the parameters are on cpu"),
    ],
)
def test_numbers_and_names(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_the_device_may_be_named():
    assert build(device="cpu").device == torch.device("cpu")


def test_a_second_group_is_refused():
    optimizer = build()
    with pytest.raises(RuntimeError, match="one parameter group"):
        optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    assert len(optimizer.param_groups) == 1


def test_the_learning_rate_cannot_be_set_where_it_has_no_effect():
    with pytest.raises(AttributeError, match="lr"):
        build().lr = 0.5


def test_a_sparse_gradient_is_refused():
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = build(table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(TypeError, match=r"parameter 0 has a torch\.sparse_coo gradient"):
        optimizer.step()
