"""Grad-CAM and occlusion agree with MONAI where nothing is in its way, and with values worked out
by hand.
"""

from __future__ import annotations

import copy

import monai.visualize
import numpy as np
import pytest
import torch
from torch import nn

from medmonai.engines import grad_cam, occlusion_map


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", ["GradCAM", "GradCAMpp"])
def test_agrees_with_monai_where_nothing_is_in_its_way(dims, name):
    torch.manual_seed(0)
    conv, pool = (
        (nn.Conv2d, nn.AdaptiveAvgPool2d) if dims == 2 else (nn.Conv3d, nn.AdaptiveAvgPool3d)
    )
    network = nn.Sequential(
        conv(2, 4, 3, padding=1),
        nn.ReLU(),
        conv(4, 6, 3, padding=1),
        nn.ReLU(),
        pool(1),
        nn.Flatten(),
        nn.Linear(6, 3),
    ).eval()
    x = torch.randn(3, 2, *[9, 8, 7][:dims])
    for c in range(3):
        theirs = getattr(monai.visualize, name)(
            copy.deepcopy(network), "3", postprocessing=lambda m: m
        )
        expected = torch.cat([theirs(x[i : i + 1], class_idx=c) for i in range(3)]).detach()
        expected = (
            expected / expected.amax(dim=list(range(1, dims + 2)), keepdim=True).clamp(min=1e-30)
        ).numpy()
        ours = grad_cam(
            network,
            x,
            class_index=c,
            target_layer="3",
            method="gradcam" if name == "GradCAM" else "gradcam++",
        )
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_grad_cam_by_hand():
    # Channels x and -x, head 2 and 1: the map is ReLU(2 x - x) = ReLU(x) up to scale; for class 0
    # ReLU(-x).
    network = nn.Sequential(
        nn.Conv2d(1, 2, 1, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2, 1, bias=False),
    )
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        network[3].weight.copy_(torch.tensor([[2.0, 1.0]]))
    x = torch.tensor([[1.0, -3.0], [4.0, 2.0]]).reshape(1, 1, 2, 2)
    np.testing.assert_allclose(
        grad_cam(network, x, class_index=1)[0, 0], [[0.25, 0], [1, 0.5]], atol=1e-6
    )
    np.testing.assert_allclose(
        grad_cam(network, x, class_index=0)[0, 0], [[0, 1], [0, 0]], atol=1e-6
    )
    # no evidence: zeros, not a stretched nothing
    assert not grad_cam(network, -x.abs(), class_index=1).any()


@pytest.mark.parametrize("spatial", [(8, 8), (8, 8, 8)])
def test_occlusion_by_hand(spatial):
    # The logit is a weighted sum; boxes of half a side without overlap: each costs the sum of what
    # it covers.
    network = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(spatial)), 1, bias=False))
    weight = torch.rand(spatial) - 0.4
    network[1].weight.data = weight.reshape(1, -1)
    x = torch.rand(1, 1, *spatial)
    cost = x[0, 0] * weight
    for axis in range(len(spatial)):
        cost = cost.unflatten(axis, (2, 4)).sum(axis + 1).repeat_interleave(4, dim=axis)
    for c, sign in ((1, 1), (0, -1)):
        expected = (sign * cost).clamp(min=0)
        expected = (expected / expected.max().clamp(min=1e-9)).numpy()
        found = occlusion_map(network, x, class_index=c, mask_size=4, overlap=0.0, fill=0)
        np.testing.assert_allclose(found[0, 0], expected, atol=1e-4)
