"""Features computed once: the same logits, the same training of the head, bit by bit."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from torch.optim.swa_utils import AveragedModel

from medmonai.data import Balance, PhantomDesign, ResidentLoader, lesion_phantom
from medmonai.engines import HeadInferer, PrecisionInferer, frozen_features
from medmonai.handlers import AUCMetric, LoaderEpoch
from medmonai.losses import TaskLoss
from medmonai.networks import TransferNetwork, resnet10, to_channels_last, transfer_network
from medmonai.transforms import BatchCompose, NormalizeIntensity

SIZES = {2: (32, 32), 3: (16, 16, 16)}
TRANSFORM = BatchCompose([NormalizeIntensity(subtrahend=120.0, divisor=50.0)])


def cohort(dims, n=24, split="train"):
    return lesion_phantom(split=split, design=PhantomDesign(SIZES[dims]), num_cases=n)


def network(dims=2, name="resnet18", **arguments):
    torch.manual_seed(0)
    return transfer_network(
        name,
        **{
            "pretrained": False,
            "in_channels": 1,
            "spatial_dims": dims,
            "hidden": (8,),
            "dropout": 0.0,
            **arguments,
        },
    )


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", ["resnet18", "densenet121", "vgg16", "efficientnet_b0"])
def test_the_logits_are_exactly_those_of_the_images(dims, name):
    cases = lesion_phantom(
        split="train", design=PhantomDesign((32,) * dims), num_cases=10 if dims == 2 else 4
    )
    net = network(dims, name)
    features = frozen_features(cases, net, transform=TRANSFORM, batch_size=4)
    assert features.images.shape[2:] == (1, 1) and features.images.dtype == np.float32
    assert features.ids.tolist() == cases.ids.tolist() and np.array_equal(
        features.labels, cases.labels
    )
    net.eval()
    with torch.no_grad():
        loaders = (
            ResidentLoader(cases, batch_size=4, transform=TRANSFORM),
            ResidentLoader(features, batch_size=4),
        )
        on_images = [PrecisionInferer()(batch["image"], net) for batch in loaders[0]]
        on_features = [HeadInferer()(batch["image"], net) for batch in loaders[1]]
    assert torch.equal(torch.cat(on_images), torch.cat(on_features))


def train(net, cases, inferer, transform):
    loader = ResidentLoader(cases, batch_size=8, balance=Balance(), seed=3, transform=transform)
    SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=3,
        train_data_loader=loader,
        network=net,
        inferer=inferer,
        optimizer=torch.optim.Adam(net.parameters(), lr=0.01),
        loss_function=TaskLoss(cases.task),
        train_handlers=[LoaderEpoch(loader)],
        decollate=False,
        optim_set_to_none=True,
    ).run()


@pytest.mark.parametrize("dims", [2, 3])
def test_a_training_on_features_ends_as_one_on_images(dims):
    cases, whole, head_only = cohort(dims), network(dims), network(dims)
    train(whole, cases, PrecisionInferer(), TRANSFORM)
    train(
        head_only,
        frozen_features(cases, head_only, transform=TRANSFORM, batch_size=8),
        HeadInferer(),
        None,
    )
    # A case shares its batch with others in each epoch; convolutions may differ in the last bits
    # for that.
    for a, b in zip(whole.state_dict().values(), head_only.state_dict().values()):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_an_evaluator_runs_an_averaged_network_on_features():
    cases, net = cohort(2, split="val"), network()
    average = AveragedModel(net)
    values = []
    for data, inferer, transform in (
        (cases, PrecisionInferer(), TRANSFORM),
        (frozen_features(cases, net, transform=TRANSFORM), HeadInferer(), None),
    ):
        metric = AUCMetric(data)
        engine = SupervisedEvaluator(
            device=torch.device("cpu"),
            val_data_loader=ResidentLoader(data, batch_size=64, transform=transform),
            network=average,
            inferer=inferer,
            key_val_metric={"auc": metric},
            decollate=False,
        )
        engine.run()
        values.append(engine.state.metrics["auc"])
    assert values[0] == values[1]


def test_neither_batches_nor_layout_matter_much():
    cases, net = cohort(2), network()
    alone = frozen_features(cases, net, transform=TRANSFORM, batch_size=1).images
    for batch_size in (5, 64):
        np.testing.assert_allclose(
            frozen_features(cases, net, transform=TRANSFORM, batch_size=batch_size).images,
            alone,
            rtol=1e-4,
            atol=1e-5,
        )
    moved = frozen_features(cases, to_channels_last(net), transform=TRANSFORM).images
    np.testing.assert_allclose(moved, alone, rtol=1e-4, atol=1e-4)


def test_low_precision_is_kept_in_float32():
    cases, net = cohort(2, n=4), network()
    low = frozen_features(cases, net, transform=TRANSFORM, precision="bf16").images
    assert low.dtype == np.float32
    np.testing.assert_allclose(
        low, frozen_features(cases, net, transform=TRANSFORM).images, rtol=0.1, atol=0.1
    )


@pytest.mark.parametrize("training", [True, False])
def test_the_network_is_left_as_it_was(training):
    net = network().train(training)
    before = copy.deepcopy(net.state_dict())
    frozen_features(cohort(2, n=4), net)
    assert net.head.training is training
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values()))


def test_a_backbone_that_learns_is_refused():
    with pytest.raises(ValueError, match="the backbone is not frozen, so its features change"):
        frozen_features(cohort(2, n=4), network(freeze="none"))
    net = network()
    net.unfreeze("layer4")
    with pytest.raises(ValueError, match=r"the backbone is unfrozen in 'layer4'"):
        frozen_features(cohort(2, n=4), net)
    with pytest.raises(
        TypeError, match=r"network is a ResNet; a medmonai.networks.TransferNetwork is needed"
    ):
        frozen_features(cohort(2, n=4), resnet10(width=4))


def test_a_backbone_that_is_unfrozen_beside_its_features_is_refused():
    net = network()
    features = torch.zeros(2, 512, 1, 1)
    assert (
        HeadInferer()(features, net).shape
        == HeadInferer()(features, AveragedModel(net)).shape
        == (2, 1)
    )
    net.unfreeze("layer4")
    for wrapped in (net, torch.nn.DataParallel(net)):
        with pytest.raises(
            ValueError,
            match="the backbone cannot learn, but its 'layer4' is unfrozen; use cache_features",
        ):
            HeadInferer()(features, wrapped)


def test_own_backbones_that_give_one_feature():
    net = TransferNetwork(
        torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()),
        torch.nn.Linear(1, 1),
    )
    cases = cohort(2, n=4)
    np.testing.assert_allclose(
        frozen_features(cases, net).images[:, 0, 0, 0], cases.images.mean((1, 2, 3)), rtol=1e-5
    )
