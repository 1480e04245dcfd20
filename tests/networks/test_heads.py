"""The head: found in every network and under wrappers, started afresh in place."""

from __future__ import annotations

import math

import pytest
import torch
from torch import distributed, nn

from medmonai.networks import densenet121, head_of, mlp_head, reset_head, resnet10


@pytest.mark.parametrize(
    "network", [resnet10(width=4, num_classes=3), densenet121(growth_rate=2, num_classes=3)]
)
def test_the_head_gives_the_logits(network):
    head = head_of(network)
    seen = []
    head.register_forward_hook(lambda module, inputs, output: seen.append(output))
    logits = network.eval()(torch.zeros(1, 1, 16, 16))
    assert head.out_features == 3
    assert seen[0] is logits


def test_no_linear_layer_is_an_error():
    with pytest.raises(ValueError, match=r"Conv2d has no nn\.Linear"):
        head_of(nn.Conv2d(1, 1, 1))


def test_reset_changes_the_head_only_and_in_place():
    network = resnet10(width=4)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    parameter = network.fc.weight
    nn.init.constant_(network.fc.bias, 7.0)
    assert reset_head(network, seed=1) is network.fc
    assert network.fc.weight is parameter
    changed = [
        name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    ]
    assert changed == ["fc.weight"]
    assert torch.equal(network.fc.bias, torch.zeros(1))


def test_reset_draws_what_torch_draws():
    network = nn.Linear(400, 100)
    generator = torch.Generator().manual_seed(5)
    reset_head(network, generator=generator)
    torch.manual_seed(5)
    assert torch.equal(network.weight, nn.Linear(400, 100).weight)
    bound = 1 / math.sqrt(400)
    assert network.weight.abs().max() <= bound
    assert float(network.weight.detach().std()) == pytest.approx(bound / math.sqrt(3), rel=0.02)


def test_a_seed_leaves_the_global_generator_alone():
    first = reset_head(nn.Linear(4, 2), seed=3).weight.clone()
    network = nn.Linear(4, 2)
    state = torch.random.get_rng_state()
    reset_head(network, seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(network.weight, first)
    reset_head(network)
    assert not torch.equal(torch.random.get_rng_state(), state)


def test_two_sources_are_an_error():
    with pytest.raises(ValueError, match="generator and seed are both given"):
        reset_head(nn.Linear(2, 1), generator=torch.Generator(), seed=1)


def test_it_works_under_distributed_data_parallel(tmp_path):
    distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'group'}", rank=0, world_size=1
    )
    try:
        network = resnet10(width=4)
        wrapped = nn.parallel.DistributedDataParallel(network)
        assert head_of(wrapped) is network.fc
        reset_head(wrapped, seed=2)
        del wrapped  # before its group: see tests/optimizers/test_distributed.py
    finally:
        distributed.destroy_process_group()
    reference = reset_head(resnet10(width=4), seed=2)
    assert torch.equal(network.fc.weight, reference.weight)


def test_half_precision_head_gets_the_same_values():
    network = nn.Linear(8, 1).to(torch.bfloat16)
    reset_head(network, seed=0)
    assert torch.equal(
        network.weight, reset_head(nn.Linear(8, 1), seed=0).weight.to(torch.bfloat16)
    )


def test_the_studies_heads():
    def layers(head):
        return [
            (
                type(m).__name__,
                getattr(m, "p", None)
                if isinstance(m, nn.Dropout)
                else getattr(m, "out_features", None),
            )
            for m in head
        ]

    assert layers(mlp_head(512, 2, hidden=(128,), dropout=(0.5, 0.3))) == [
        ("Dropout", 0.5),
        ("Linear", 128),
        ("ReLU", None),
        ("Dropout", 0.3),
        ("Linear", 2),
    ]
    assert layers(mlp_head(8, 1, hidden=[], dropout=0)) == [("Dropout", 0), ("Linear", 1)]
    assert mlp_head(8, 3, hidden=(4, 5))[7].in_features == 5


def test_names_do_not_depend_on_the_dropout():
    assert list(mlp_head(4, 1, dropout=0.0).state_dict()) == list(
        mlp_head(4, 1, dropout=0.7).state_dict()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 1.0}, "dropout=1.0 is not possible"),
        (
            {"dropout": [0.5]},
            (
                r"dropout=\[0.5\] is not possible with hidden=\(512,\); use one number in \[0, "
                r"1\), or 2"
            ),
        ),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"hidden": (0,)}, "hidden=0"),
        ({"hidden": 512}, r"hidden=512; a list of layers is needed, such as \[512\]"),
        ({"num_classes": 0}, "num_classes=0"),
    ],
)
def test_impossible_heads(arguments, message):
    with pytest.raises(ValueError, match=message):
        mlp_head(**{"in_features": 4, "num_classes": 1, **arguments})
