import pytest
import torch
from torch import nn

from medmonai.engines import FlipAveragingInferer, PrecisionInferer, choose_precision
from medmonai.networks import resnet18


class Corner(nn.Module):
    """Sees only the first voxel."""

    def forward(self, x):
        return x.flatten(1)[:, :1]


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_flip_averaging_is_the_mean_over_all_corners(shape):
    x = torch.rand(5, 1, *shape)
    axes = tuple(range(len(shape)))
    grids = torch.cartesian_prod(*[torch.tensor([0, s - 1]) for s in shape])
    corners = torch.stack([x[(slice(None), 0, *map(int, g))] for g in grids]).mean(0)
    assert torch.allclose(FlipAveragingInferer(axes)(x, Corner())[:, 0], corners)
    assert torch.equal(FlipAveragingInferer(())(x, Corner())[:, 0], x.flatten(1)[:, 0])


def test_a_symmetric_network_is_unchanged_by_flip_averaging():
    x = torch.rand(3, 1, 6, 6)
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert torch.allclose(FlipAveragingInferer((0, 1))(x, network), network(x))


def test_bf16_runs_the_network_and_returns_float32():
    network, x = nn.Linear(64, 4), torch.rand(8, 64)
    full, low = PrecisionInferer("fp32")(x, network), PrecisionInferer("bf16")(x, network)
    assert low.dtype == torch.float32
    assert not torch.equal(full, low) and torch.allclose(full, low, atol=0.02)


def test_auto_refuses_bf16_on_small_maps_and_says_so(caplog):
    tiny = resnet18(spatial_dims=3, width=4, stem="small_stride2")
    with caplog.at_level("INFO", logger="medmonai.engines"):
        assert (
            choose_precision("auto", network=tiny, spatial_size=(28, 28, 28), device="cpu")
            == "fp32"
        )
    assert "precision fp32" in caplog.text
    with pytest.raises(ValueError, match="not safe on a CPU here"):
        choose_precision("bf16", network=tiny, spatial_size=(28, 28, 28), device="cpu")
    assert (
        choose_precision("bf16", network=resnet18(width=4), spatial_size=(28, 28), device="cpu")
        == "bf16"
    )


def test_unknown_precisions():
    with pytest.raises(ValueError, match="'half' is unknown; use one of auto, fp32"):
        choose_precision("half", network=resnet18(width=4), spatial_size=(28, 28), device="cpu")
    with pytest.raises(ValueError, match="needs CUDA"):
        choose_precision("fp16", network=resnet18(width=4), spatial_size=(28, 28), device="cpu")
    with pytest.raises(ValueError, match="choose_precision"):
        PrecisionInferer("auto")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_case_alone_is_told_to_come_with_others(precision):
    network, one = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), torch.rand(1, 3)
    with pytest.raises(
        ValueError,
        match="batch norm cannot train on a batch of one case; use a batch_size of 2 or more",
    ):
        PrecisionInferer(precision)(one, network)
    assert PrecisionInferer(precision)(one, network.eval()).shape == (1, 2)
