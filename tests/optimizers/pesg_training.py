"""A small network that PESG trains, in 2D and 3D, and everything that its step may change."""

from __future__ import annotations

import torch
from torch import nn

from medmonai.losses import AUCMarginLoss
from medmonai.optimizers import PESG


def small_network(dims=2, seed=0, outputs=1):
    torch.manual_seed(seed)
    conv, norm, pool = (
        (nn.Conv2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d)
        if dims == 2
        else (nn.Conv3d, nn.BatchNorm3d, nn.AdaptiveAvgPool3d)
    )
    return nn.Sequential(
        conv(1, 6, 3, padding=1),
        norm(6),
        nn.ReLU(),
        conv(6, 8, 3, stride=2),
        nn.ReLU(),
        pool(1),
        nn.Flatten(),
        nn.Linear(8, outputs),
    )


def batches(count, dims=2, size=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(count):
        labels = (torch.arange(size) % 3 == 0).float()
        yield (
            torch.randn(size, 1, *[8] * dims, generator=generator)
            + labels.reshape(-1, 1, *[1] * dims),
            labels,
        )


def train(network, loss_fn, optimizer, data):
    values = []
    for images, labels in data:
        optimizer.zero_grad()
        loss = loss_fn(network(images), labels)
        loss.backward()
        optimizer.step()
        values.append(loss.detach())
    return torch.stack(values)


def build(dims=2, seed=0, outputs=1, **options):
    network, loss_fn = small_network(dims, seed, outputs), AUCMarginLoss(outputs)
    return network, loss_fn, PESG(network.parameters(), loss_fn=loss_fn, **options)


def everything(network, loss_fn, optimizer):
    tensors = [
        *network.state_dict().values(),
        loss_fn.a,
        loss_fn.b,
        loss_fn.alpha,
        *(optimizer.model_ref or []),
        *(optimizer.model_acc or []),
    ]
    tensors += [
        optimizer.state[p]["momentum_buffer"]
        for p in optimizer.params
        if "momentum_buffer" in optimizer.state[p]
    ]
    return [tensor.detach().clone() for tensor in tensors]


def same(first, second):
    return len(first) == len(second) and all(
        torch.equal(one, two) for one, two in zip(first, second)
    )


class OnProbabilities(nn.Module):
    """Give LibAUC's and MONAI's losses what they take."""

    def __init__(self, loss):
        super().__init__()
        self.loss = loss

    def forward(self, logits, labels):
        return self.loss(torch.sigmoid(logits), labels.reshape(-1, 1)).sum()
