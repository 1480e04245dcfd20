"""Small trainers and evaluators, as the tests of handlers attach to them."""

from __future__ import annotations

import numpy as np
import torch
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from torch import nn

from medmonai.data import Balance, Cohort, Provenance, ResidentLoader
from medmonai.handlers import AUCMetric, LoaderEpoch
from medmonai.losses import TaskLoss
from medmonai.task import Task

TASK = Task("binary", 2)


def cohort(n=40, labels=None, shape=(8, 8)):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2 if labels is None else labels
    images = rng.integers(0, 100, (n, 1, *shape), dtype=np.uint8)
    images += (labels * 100).astype(np.uint8).reshape(-1, *[1] * (len(shape) + 1))
    return Cohort(
        images,
        labels=labels,
        ids=np.array([f"case-{i}" for i in range(n)]),
        task=TASK,
        class_names=("a", "b"),
        provenance=Provenance("test"),
        split="val",
    )


def evaluator(cases, network, handlers=(), batch_size=16):
    metric = AUCMetric(cases)
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=ResidentLoader(cases, batch_size=batch_size),
        network=network,
        key_val_metric={"auc": metric},
        val_handlers=list(handlers),
        decollate=False,
    )
    return engine, metric


def trainer(network, handlers, *, epochs=2, loss=None, optimizer=None, cases=None):
    loader = ResidentLoader(cases or cohort(), batch_size=10, balance=Balance())
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=optimizer or torch.optim.SGD(network.parameters(), lr=1e-5),
        loss_function=loss or TaskLoss(TASK),
        train_handlers=[LoaderEpoch(loader), *handlers],
        decollate=False,
        optim_set_to_none=True,
    )


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)
        nn.init.ones_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return self.linear(x.flatten(1).mean(1, keepdim=True) / 100)
