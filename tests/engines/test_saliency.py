"""Grad-CAM and occlusion: they find the lesion, and leave the network as it was."""

from __future__ import annotations

import copy
import gc
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from medmonai.engines import grad_cam, occlusion_map
from medmonai.networks import densenet121, resnet10, to_channels_last

sys.path.insert(0, str(Path(__file__).parent))
from lesion_training import lesion_design, trained_on_lesions

METHODS = {
    "gradcam": grad_cam,
    "gradcam++": lambda *a, **k: grad_cam(*a, method="gradcam++", **k),
    "occlusion": occlusion_map,
}


@pytest.fixture(scope="module", params=[2, 3])
def lesion(request):
    return trained_on_lesions(request.param)


@pytest.mark.parametrize("method", METHODS)
def test_the_map_points_to_the_lesion(lesion, method):
    network, untrained, x = lesion
    maps = METHODS[method](network, x[:6], class_index=1)
    size = x.shape[2:]
    assert maps.shape == (6, 1, *size) and maps.dtype == np.float32
    assert maps.min() >= 0 and (maps.reshape(6, -1).max(axis=1) == 1).all()
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in size], indexing="ij"), axis=-1)
    middle = (np.array(size) - 1) / 2
    distance = np.linalg.norm(grid - middle, axis=-1)
    mean = maps.mean(axis=(0, 1))
    assert mean[distance <= 4].mean() > 2.5 * mean[distance >= 0.45 * size[0]].mean()
    centre = (mean[..., None] ** 2 * grid).reshape(-1, grid.shape[-1]).sum(axis=0) / (mean**2).sum()
    assert np.abs(centre - middle).max() < (1.5 if method == "occlusion" else 2.5)
    profile = lesion_design(len(size)).signal().ravel()
    assert np.corrcoef(mean.ravel(), profile)[0, 1] > (0.75 if method == "occlusion" else 0.4)
    before = METHODS[method](untrained, x[:6], class_index=1).mean(axis=(0, 1))
    assert np.corrcoef(before.ravel(), profile)[0, 1] < 0.35


@pytest.mark.parametrize("method", METHODS)
def test_the_two_classes_of_one_logit(lesion, method):
    network, _, x = lesion
    two = nn.Sequential(network, Signs())
    for c in (0, 1):
        one_logit = METHODS[method](network, x[:2], class_index=c)
        np.testing.assert_allclose(METHODS[method](two, x[:2], class_index=c), one_logit, atol=1e-5)
    both = METHODS[method](network, x[:2], class_index=[0, 1])
    np.testing.assert_array_equal(both[0], METHODS[method](network, x[:1], class_index=0)[0])
    np.testing.assert_array_equal(both[1], one_logit[1])
    assert np.abs(both[0] - one_logit[0]).max() > 0.5


class Signs(nn.Module):
    """Logits (-z, z)."""

    def forward(self, z):
        return torch.cat([-z, z], dim=1)


def test_occlusion_of_a_colour_network_with_one_logit_is_not_constant():
    torch.manual_seed(0)
    assert (
        occlusion_map(
            resnet10(in_channels=3, width=4), torch.rand(1, 3, 16, 16), class_index=1
        ).std()
        > 0.01
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "change",
    [
        "train",
        "frozen",
        "channels_last",
        "wrapped",
        "compiled",
        "double",
        "inference_mode",
        "no_grad",
        "autocast",
    ],
)
def test_the_state_of_network_and_process_does_not_matter(lesion, method, change):
    network, _, x = lesion
    network, x = copy.deepcopy(network), x[:1]
    expected = METHODS[method](network, x, class_index=1)
    context = {
        "inference_mode": torch.inference_mode,
        "no_grad": torch.no_grad,
        "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    }.get(change, torch.enable_grad)
    if change == "frozen":
        network.requires_grad_(False)
    network = {
        "train": network.train,
        "channels_last": lambda: to_channels_last(network),
        "wrapped": lambda: nn.DataParallel(torch.optim.swa_utils.AveragedModel(network)),
        "compiled": lambda: torch.compile(network, backend="eager"),
        "double": network.double,
    }.get(change, lambda: network)()
    if change == "channels_last":
        x = x.to(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    with context():
        found = METHODS[method](network, x * 1, class_index=1)
    np.testing.assert_allclose(found, expected, atol=2e-3 if method == "occlusion" else 1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_left_exactly_as_it_was(method):
    torch.manual_seed(0)
    network = nn.Sequential(resnet10(width=4), nn.Dropout(0.5)).train()
    network[0].layer1.eval()
    network(torch.rand(4, 1, 28, 28)).sum().backward()
    network[0].fc.weight.requires_grad_(False)

    def everything():
        return (
            [p.clone() for p in network.state_dict().values()],
            [p.grad for p in network.parameters()],
            [p.requires_grad for p in network.parameters()],
            [m.training for m in network.modules()],
            [
                len(m._forward_hooks) + len(m._backward_hooks) + len(m._forward_pre_hooks)
                for m in network.modules()
            ],
            [getattr(m, "inplace", None) for m in network.modules()],
            [torch.get_rng_state()],
        )

    before, grads = everything(), [p.grad.clone() for p in network.parameters()]
    x = torch.rand(2, 1, 28, 28)
    before[-1][0], images = torch.get_rng_state(), x.clone()
    METHODS[method](network, x, class_index=1)
    after = everything()
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0]))
    assert all(a is b and torch.equal(a, g) for a, b, g in zip(before[1], after[1], grads))
    assert before[2:6] == after[2:6]
    assert torch.equal(before[6][0], after[6][0]) and torch.equal(x, images) and not x.requires_grad


@pytest.mark.parametrize("method", METHODS)
def test_deterministic_and_independent_of_the_batch(lesion, method):
    network, _, x = lesion
    first = METHODS[method](network, x[:3], class_index=1)
    np.testing.assert_array_equal(
        first, METHODS[method](network, x[:3].numpy(), class_index=np.array([1, 1, 1]))
    )
    np.testing.assert_array_equal(first[2:], METHODS[method](network, x[2:3], class_index=1))


@pytest.mark.parametrize(
    "layer", ["layer4", "layer4.0.bn2", "layer4.0", "layer3", "bn1", "act", "conv1"]
)
@pytest.mark.parametrize("method", ["gradcam", "gradcam++"])
def test_in_place_operations_behind_the_layer(layer, method):
    torch.manual_seed(0)
    network = resnet10(width=4, num_classes=3)
    maps = grad_cam(
        network, torch.rand(2, 1, 28, 28), class_index=2, target_layer=layer, method=method
    )
    assert maps.shape == (2, 1, 28, 28) and np.isfinite(maps).all()


@pytest.mark.parametrize("method", ["gradcam", "gradcam++"])
@pytest.mark.parametrize("dims", [2, 3])
def test_no_copy_of_the_network_stays(dims, method):
    class Watched(nn.Flatten):
        pass

    def living():
        gc.collect()
        return sum(type(one) is Watched for one in gc.get_objects())

    layers = [nn.Sequential, nn.Conv2d, nn.AdaptiveAvgPool2d]
    if dims == 3:
        layers = [nn.Sequential, nn.Conv3d, nn.AdaptiveAvgPool3d]
    sequential, convolution, pool = layers
    network = sequential(convolution(1, 3, 3), nn.ReLU(), pool(1), Watched(), nn.Linear(3, 1))
    before = living()
    for _ in range(3):
        grad_cam(network, torch.rand(2, 1, *[9] * dims), class_index=1, method=method)
    assert living() == before


def test_dense_networks_and_large_logits():
    torch.manual_seed(0)
    network = densenet121(growth_rate=4)
    network.class_layers.out.weight.data *= 1e4  # exp(logit) overflows
    for layer in (None, "features", "features.norm5", "class_layers.relu"):
        maps = grad_cam(
            network,
            torch.rand(1, 1, 28, 28),
            class_index=[1],
            target_layer=layer,
            method="gradcam++",
        )
        assert np.isfinite(maps).all()


@pytest.mark.parametrize(
    ("function", "change", "error", "message"),
    [
        (
            grad_cam,
            {"class_index": 2},
            ValueError,
            "from 0 to 1 are needed for a network with 1 logit,",
        ),
        (grad_cam, {"class_index": -1}, ValueError, "class_index=-1"),
        (
            grad_cam,
            {"class_index": [0, 1, 1]},
            ValueError,
            "one for all or one for each of the 2 images",
        ),
        (occlusion_map, {"class_index": 0.5}, ValueError, "class_index=0.5; whole numbers"),
        (
            grad_cam,
            {"method": "cam"},
            ValueError,
            "method='cam' is unknown; use one of gradcam, gradcam",
        ),
        (
            grad_cam,
            {"target_layer": "layer9"},
            ValueError,
            "target_layer='layer9' is not a layer that gives a map here",
        ),
        (grad_cam, {"target_layer": "fc"}, ValueError, "target_layer='fc' is not"),
        (
            grad_cam,
            {"images": torch.rand(2, 16, 16)},
            ValueError,
            r"images have shape \(2, 16, 16\)",
        ),
        (grad_cam, {"images": torch.rand(0, 1, 16, 16)}, ValueError, "images have shape"),
        (
            occlusion_map,
            {"images": torch.full((1, 1, 16, 16), torch.nan)},
            ValueError,
            "NaN or infinite voxels",
        ),
        (
            grad_cam,
            {"network": nn.Conv2d(1, 1, 3)},
            ValueError,
            r"logits \(B, outputs\) are needed",
        ),
        (
            occlusion_map,
            {"mask_size": 17},
            ValueError,
            "mask_size=17; whole numbers from 1 to the image's",
        ),
        (occlusion_map, {"mask_size": (4,)}, ValueError, "mask_size"),
        (occlusion_map, {"overlap": 1.0}, ValueError, "overlap=1.0; at least 0 and less than 1"),
        (
            occlusion_map,
            {"fill": "black"},
            ValueError,
            "fill='black' is unknown; use one of mean_img",
        ),
    ],
)
def test_errors(function, change, error, message):
    arguments = {
        "network": resnet10(width=2),
        "images": torch.rand(2, 1, 16, 16),
        "class_index": 1,
        **change,
    }
    with pytest.raises(error, match=message):
        function(arguments.pop("network"), arguments.pop("images"), **arguments)


def test_an_output_that_is_no_tensor():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(TypeError, match="the network returns tuple; a tensor of logits"):
        occlusion_map(Pair(), torch.rand(1, 1, 8, 8), class_index=1)
