"""A training on a GPU: every precision learns, the loop never waits, and a run repeats itself."""

import pytest
import torch
from engines.lesion_training import lesion_design, small_network
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from on_cuda import needs_cuda

from medmonai.data import Balance, ResidentLoader, lesion_phantom
from medmonai.engines import PrecisionInferer, choose_precision, prepare_process
from medmonai.handlers import LoaderEpoch, LossOutput, NonFiniteGuard, WeightAverage
from medmonai.handlers.loss_output import EpochLoss
from medmonai.losses import TaskLoss
from medmonai.networks import to_channels_last
from medmonai.transforms import BatchCompose, RandAffine, RandFlip, RandGaussianNoise

pytestmark = needs_cuda
both_dims = pytest.mark.parametrize("dims", [2, 3])


def augmentation():
    return BatchCompose(
        [
            RandFlip(prob=0.5, spatial_axis=0),
            RandAffine(prob=0.5, rotate_range=0.2, padding_mode="border"),
            RandGaussianNoise(prob=0.5, std=2.0),
        ]
    )


def trainer(dims, precision, epochs):
    prepare_process(0, device="cuda")
    cases = lesion_phantom(split="train", design=lesion_design(dims), num_cases=400)
    network = to_channels_last(small_network(dims).cuda())
    loader = ResidentLoader(
        cases, batch_size=32, balance=Balance(), transform=augmentation(), device="cuda"
    )
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=ema, use_buffers=True)
    losses = EpochLoss()
    engine = SupervisedTrainer(
        device=torch.device("cuda"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=torch.optim.AdamW(network.parameters(), 3e-3),
        loss_function=TaskLoss(cases.task).cuda(),
        inferer=PrecisionInferer(precision),
        train_handlers=[
            LoaderEpoch(loader),
            NonFiniteGuard(),
            losses,
            WeightAverage(average, network),
            LossOutput(),
        ],
        amp=precision == "fp16",
        decollate=False,
        optim_set_to_none=True,
    )
    return engine, losses


@both_dims
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_every_precision_learns(dims, precision):
    engine, losses = trainer(dims, precision, 6)
    means = []
    engine.add_event_handler(Events.EPOCH_COMPLETED, lambda _: means.append(losses.mean()))
    engine.run()
    assert means[-1] < 0.75 * means[0]


@both_dims
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_loop_never_waits_for_the_device(dims, precision):
    engine, _ = trainer(dims, precision, 2)
    length = engine.state.epoch_length
    mode = torch.cuda.set_sync_debug_mode
    engine.add_event_handler(Events.ITERATION_STARTED(once=length + 2), lambda _: mode("error"))
    engine.add_event_handler(Events.ITERATION_STARTED(once=2 * length), lambda _: mode("default"))
    try:
        engine.run()
    finally:
        mode("default")
    assert engine.state.iteration == 2 * length


@both_dims
def test_a_run_repeats_itself(dims):
    weights = []
    for _ in range(2):
        engine, _ = trainer(dims, "bf16", 2)
        engine.run()
        weights.append([p.detach().cpu() for p in engine.network.parameters()])
    for a, b in zip(*weights):
        torch.testing.assert_close(a, b, atol=0, rtol=0)


def test_auto_takes_half_precision():
    network = small_network(2)
    chosen = choose_precision("auto", network=network, spatial_size=(28, 28), device="cuda")
    assert chosen in ("bf16", "fp16")


def test_a_loss_that_is_not_finite_ends_the_run():
    engine, _ = trainer(2, "fp32", 1)
    with torch.no_grad():
        next(engine.network.parameters()).fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="not finite"):
        engine.run()
