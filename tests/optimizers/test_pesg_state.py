"""PESG's state: saved, loaded, copied, refused."""

from __future__ import annotations

import copy
import io
import pickle

import libauc.optimizers
import monai.losses
import pytest
import torch
from optimizers.pesg_training import (
    OnProbabilities,
    batches,
    build,
    everything,
    same,
    small_network,
    train,
)


def saved(*parts):
    buffer = io.BytesIO()
    torch.save([part.state_dict() for part in parts], buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_resumed_run_is_the_same_bit_for_bit(outputs):
    def data(seed):
        for images, labels in batches(5, seed=seed):
            yield (
                images,
                (labels if outputs == 1 else labels.long() + torch.arange(len(labels)) % 2),
            )

    whole, half = build(outputs=outputs), build(outputs=outputs)
    for triple in (whole, half):
        train(*triple, data(1))
        triple[2].update_regularizer(decay_factor=2)
        train(*triple, data(2))
    states = saved(*half)
    resumed = build(seed=9, outputs=outputs)
    for part, state in zip(resumed, states):
        part.load_state_dict(state)
    for triple in (whole, resumed):
        train(*triple, data(3))
        triple[2].update_regularizer(decay_factor=2)
        train(*triple, data(4))
    assert same(everything(*whole), everything(*resumed))
    assert (
        (whole[2].T, whole[2].steps, whole[2].lr)
        == (resumed[2].T, resumed[2].steps, resumed[2].lr)
        == (5, 20, 0.025)
    )


def test_the_same_dict_loads_twice_and_is_a_copy():
    triple = build()
    train(*triple, batches(3))
    state = triple[2].state_dict()
    untouched = copy.deepcopy(state)
    weights, loss_state = (
        copy.deepcopy(triple[0].state_dict()),
        copy.deepcopy(triple[1].state_dict()),
    )
    results = []
    for _ in range(2):
        other = build(seed=5)
        other[0].load_state_dict(weights)
        other[1].load_state_dict(loss_state)
        other[2].load_state_dict(state)
        train(*other, batches(3, seed=2))
        other[2].update_regularizer()
        results.append(everything(*other))
    assert same(*results)
    train(*triple, batches(1))
    torch.testing.assert_close(state, untouched, rtol=0, atol=0)


def test_libaucs_state_can_be_loaded():
    network, loss_fn = small_network(), monai.losses.AUCMLoss()
    theirs = libauc.optimizers.PESG(
        network.parameters(), loss_fn=loss_fn, lr=0.03, verbose=False, device=torch.device("cpu")
    )
    train(network, OnProbabilities(loss_fn), theirs, batches(3))
    twin, twin_loss, ours = build()
    twin.load_state_dict(network.state_dict())
    twin_loss.load_state_dict(loss_fn.state_dict())
    ours.load_state_dict(theirs.state_dict())
    assert (ours.lr, ours.T, ours.steps) == (0.03, 3, 3)
    assert set(ours.param_groups[0]) == {
        "params",
        "lr",
        "momentum",
        "weight_decay",
        "epoch_decay",
        "clip_value",
    }
    train(network, OnProbabilities(loss_fn), theirs, batches(3, seed=7))
    train(twin, twin_loss, ours, batches(3, seed=7))
    for one, two in zip(network.parameters(), twin.parameters()):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            lambda: torch.optim.SGD(small_network().parameters()).state_dict(),
            "has no model_ref, model_acc, T, steps",
        ),
        (build(dims=3)[2].state_dict, "'model_ref'. does not fit"),
        (build(epoch_decay=0.0)[2].state_dict, "'model_ref'. does not fit"),
    ],
)
def test_another_state_is_refused_and_changes_nothing(other, message):
    triple = build()
    train(*triple, batches(2))
    before = everything(*triple)
    with pytest.raises(ValueError, match=message):
        triple[2].load_state_dict(other())
    assert same(before, everything(*triple))
    assert triple[2].T == 2


# A copy, or what a spawned process gets of network, loss and optimiser together.
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda triple: pickle.loads(pickle.dumps(triple))]
)
def test_copies_train_on_alike(duplicate):
    triple = build()
    train(*triple, batches(3))
    other = duplicate(triple)
    assert other[2].params[0] is next(other[0].parameters())
    assert other[2].alpha is other[1].alpha
    for each in (triple, other):
        train(*each, batches(3, seed=2))
        each[2].update_regularizer(decay_factor=10)
    assert same(everything(*triple), everything(*other))


def test_repr_and_groups_hold_no_tensors():
    triple = build()
    train(*triple, batches(1))
    assert repr(triple[2]) == (
        "PESG(lr=0.1, momentum=0.9, weight_decay=1e-05, epoch_decay=0.002, clip_value=1, "
        "parameters=523, T=1, steps=1)"
    )
    group = {key: value for key, value in triple[2].param_groups[0].items() if key != "params"}
    assert all(isinstance(value, float) for value in group.values())
