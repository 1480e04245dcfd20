"""A small network that finds the lesion of the phantom, trained in seconds."""

from __future__ import annotations

import copy

import torch
from torch import nn

from medmonai.data import PhantomDesign, lesion_phantom

SIZES = {2: (28, 28), 3: (24, 24, 24)}


def lesion_design(dims):
    """A plain lesion in the centre."""
    return PhantomDesign(SIZES[dims], amplitude=45.0, noise_sd=15.0)


def trained_on_lesions(dims):
    """Return the network in evaluation mode, the same before training, and 12 new images with a
    lesion in the centre.
    """
    state = torch.get_rng_state()
    torch.manual_seed(0)
    design = lesion_design(dims)
    cohort = lesion_phantom(split="train", design=design, num_cases=300)
    x, y = as_input(cohort.images), torch.from_numpy(cohort.labels).float()
    network = small_network(dims)
    fresh = copy.deepcopy(network).eval()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(10):
        for index in torch.randperm(len(x)).split(32):
            loss = nn.functional.binary_cross_entropy_with_logits(network(x[index])[:, 0], y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    test = lesion_phantom(split="test", design=design, num_cases=24)
    torch.set_rng_state(state)
    return network.eval(), fresh, as_input(test.images[test.labels == 1])


def small_network(dims):
    """Three strided convolutions, map 7 or 6 a side, then mean and one logit; in-place activations
    as in MONAI's networks.
    """
    conv, norm, pool = (
        (nn.Conv2d, nn.BatchNorm2d, nn.AdaptiveAvgPool2d),
        (nn.Conv3d, nn.BatchNorm3d, nn.AdaptiveAvgPool3d),
    )[dims - 2]
    layers = []
    for channels, out, stride in ((1, 8, 2), (8, 16, 2), (16, 16, 1)):
        layers += [conv(channels, out, 3, stride, 1, bias=False), norm(out), nn.ReLU(inplace=True)]
    return nn.Sequential(nn.Sequential(*layers), pool(1), nn.Flatten(), nn.Linear(16, 1))


def as_input(images):
    return torch.from_numpy(images).float().sub(120).div(25)
