"""The running average of the weights: torch's values, in fewer operations."""

import pytest
import torch
from handler_runs import Mean, trainer
from ignite.engine import Events
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medmonai.handlers import WeightAverage
from medmonai.networks import resnet10

both_dims = pytest.mark.parametrize("dims", [2, 3])


def test_the_average_follows_the_weights_and_can_begin_anew():
    network = Mean()
    decay = 0.5
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    )
    handler, seen = WeightAverage(average, network), []

    class Watch:
        def attach(self, engine):
            engine.add_event_handler(
                Events.ITERATION_COMPLETED, lambda _: seen.append(network.linear.weight.item())
            )

    trainer(
        network,
        [handler, Watch()],
        epochs=1,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
    ).run()
    expected = seen[0]
    for weight in seen[1:]:
        expected = decay * expected + (1 - decay) * weight
    assert average.module.linear.weight.item() == pytest.approx(expected, abs=1e-6)
    handler.restart()
    average.update_parameters(network)
    assert torch.equal(average.module.linear.weight, network.linear.weight)


def stepped(network, steps=4):
    """Yield after each of some steps that change weights, statistics and counts."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    dims = 3 if any(isinstance(m, nn.Conv3d) for m in network.modules()) else 2
    for seed in range(steps):
        x = torch.randn(4, 1, *[12] * dims, generator=torch.Generator().manual_seed(seed))
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()
        yield


@both_dims
@pytest.mark.parametrize("use_buffers", [True, False])
@pytest.mark.parametrize("decay", [0.9, None])
def test_the_values_are_those_of_torch(dims, use_buffers, decay):
    torch.manual_seed(0)
    network = resnet10(spatial_dims=dims, width=2)
    kind = {"multi_avg_fn": get_ema_multi_avg_fn(decay)} if decay else {}
    ours, theirs = (AveragedModel(network, use_buffers=use_buffers, **kind) for _ in range(2))
    handler = WeightAverage(ours, network)
    for _ in stepped(network):
        handler.update()
        theirs.update_parameters(network)
    assert int(ours.n_averaged) == int(theirs.n_averaged) == 4
    for key, value in theirs.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(ours.state_dict()[key], value, atol=1e-7, rtol=1e-6)
        elif use_buffers and key.endswith("num_batches_tracked"):
            assert int(ours.state_dict()[key]) == 4  # torch's mean of counts is no count


def test_a_layer_that_was_replaced_is_followed():
    network = Mean()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True)
    handler = WeightAverage(average, network)
    engine = trainer(Mean(), [])
    handler.attach(engine)
    handler.update()
    network.linear = nn.Linear(network.linear.in_features, network.linear.out_features)
    handler.restart()
    engine.fire_event(Events.EPOCH_STARTED)
    handler.update()
    for a, b in zip(average.module.parameters(), network.parameters()):
        assert torch.equal(a, b)


def test_an_average_of_single_tensors_is_refused():
    network = Mean()
    average = AveragedModel(network, avg_fn=lambda mine, theirs, count: theirs)
    with pytest.raises(ValueError, match="multi_avg_fn"):
        WeightAverage(average, network)
