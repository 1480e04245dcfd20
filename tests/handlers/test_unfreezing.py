"""Gradual unfreezing: each part from its epoch on, and a resumed run ends with the same bits."""

from __future__ import annotations

import copy

import pytest
import torch
from ignite.engine import Engine
from monai.engines import SupervisedTrainer

from medmonai.data import Balance, ResidentLoader, lesion_phantom
from medmonai.handlers import GradualUnfreezing, LoaderEpoch, WeightAverage
from medmonai.losses import TaskLoss
from medmonai.networks import transfer_network

EPOCHS = {"2": "layer4", "3": ["layer3", "layer2"]}


def network(dims=2, **arguments):
    torch.manual_seed(0)
    return transfer_network(
        "resnet10",
        pretrained=False,
        in_channels=1,
        spatial_dims=dims,
        hidden=(8,),
        dropout=0.0,
        **arguments,
    )


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=0.1)


def trainer(net, optimizer, *, epochs, handlers=()):
    cohort = lesion_phantom(split="train", num_cases=24)
    loader = ResidentLoader(cohort, batch_size=8, balance=Balance(), seed=1)
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=net,
        optimizer=optimizer,
        loss_function=TaskLoss(cohort.task),
        train_handlers=[LoaderEpoch(loader), GradualUnfreezing(net, EPOCHS), *handlers],
        decollate=False,
        optim_set_to_none=True,
    )


def stages_that_moved(net, before):
    names = {
        name for name, value in net.state_dict().items() if not torch.equal(value, before[name])
    }
    return {name.split(".")[1] for name in names if name.startswith("backbone.")}


@pytest.mark.parametrize(
    ("epochs", "moved"), [(1, set()), (2, {"layer4"}), (3, {"layer4", "layer3", "layer2"})]
)
def test_each_part_learns_from_its_epoch_on(epochs, moved):
    net = network()
    before = copy.deepcopy(net.state_dict())
    trainer(net, sgd(net), epochs=epochs).run()
    assert stages_that_moved(net, before) == moved


def test_a_resumed_run_ends_with_the_same_bits():
    whole = network()
    trainer(whole, sgd(whole), epochs=4).run()

    first = network()
    optimizer = sgd(first)
    trainer(first, optimizer, epochs=2).run()
    saved = copy.deepcopy((first.state_dict(), optimizer.state_dict()))

    second = network()
    optimizer = sgd(second)
    second.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    engine = trainer(second, optimizer, epochs=4)
    engine.state.epoch, engine.state.iteration = 2, 2 * 3
    engine.run()
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), second.state_dict().values())
    )


def test_the_running_average_follows():
    net = network()
    average = torch.optim.swa_utils.AveragedModel(net, use_buffers=True)
    before = copy.deepcopy(average.module.state_dict())
    trainer(net, sgd(net), epochs=2, handlers=[WeightAverage(average, net)]).run()
    assert stages_that_moved(average.module, before) == {"layer4"}


@pytest.mark.parametrize(
    ("epochs", "message"),
    [
        ({"0": "layer4"}, "'0' is not an epoch; use whole numbers from 1"),
        ({"first": "layer4"}, "'first' is not an epoch"),
        ({2: "layer5"}, "the backbone has no module 'layer5'; use names such as conv1"),
        ({"2": None}, "None is not the name of a module; use one such as 'layer4'"),
        ({"2": ["layer4", 3]}, "is not the name of a module"),
        ([2, "layer4"], "a mapping of epochs to names is needed"),
    ],
)
def test_impossible_plans(epochs, message):
    with pytest.raises((ValueError, TypeError), match=message):
        GradualUnfreezing(network(), epochs)


def test_plans_that_would_do_nothing():
    with pytest.raises(
        ValueError, match="no backbone of this network is frozen, so there is nothing to unfreeze"
    ):
        GradualUnfreezing(network(freeze="none"), EPOCHS)
    with pytest.raises(
        ValueError,
        match="the features are cached, so the backbone cannot learn; use cache_features=false",
    ):
        GradualUnfreezing(network(), EPOCHS, cached_features=True)


def test_no_plan_leaves_everything_as_it_is(monkeypatch):
    monkeypatch.setattr("medmonai.handlers.unfreezing.together", lambda: True)
    for net in (network(), network(freeze="none"), torch.nn.Linear(1, 1)):
        engine = Engine(lambda engine, batch: None)
        GradualUnfreezing(net, {}, cached_features=True).attach(engine)
        assert engine.run([0]).epoch == 1 and not getattr(net, "unfrozen", ())


def test_several_ranks_are_refused(monkeypatch):
    monkeypatch.setattr("medmonai.handlers.unfreezing.together", lambda: True)
    net = network()
    with pytest.raises(ValueError, match="runs in one process"):
        trainer(net, sgd(net), epochs=1)
