"""Networks of timm. Each test is a process of its own: torchvision may be imported there."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from medmonai.networks import backbone_of

# Where torchvision's compiled part does not fit torch, its operators are declared; timm calls none.
BEGIN = """
import contextlib, torch
library = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    with contextlib.suppress(RuntimeError):
        library.define(name + "(Tensor dets, Tensor scores, float threshold) -> Tensor")
from medmonai.networks import backbone_of, load_pretrained, transfer_network
"""
SAME = """
import timm
from safetensors.torch import save_file
stock = timm.create_model("resnet18", pretrained=False, num_classes=7).eval()
torch.save(stock.state_dict(), folder + "/weights.pth")
save_file({n: v.contiguous() for n, v in stock.state_dict().items()}, folder + "/w.safetensors")
x = torch.randn(2, 3, 64, 64)
for file in ("/weights.pth", "/w.safetensors"):
    ours = transfer_network("timm/resnet18", pretrained=folder + file, hidden=(), num_classes=5)
    with torch.no_grad():
        expected = stock.forward_head(stock.forward_features(x), pre_logits=True)
        assert torch.allclose(ours.eval().features(x), expected, atol=1e-5)
        assert ours(x).shape == (2, 5)
one = transfer_network("timm/resnet18", pretrained=folder + "/weights.pth", in_channels=1).eval()
grey = x[:, :1]
with torch.no_grad():
    assert torch.allclose(one.features(grey), ours.features(grey.repeat(1, 3, 1, 1)), atol=1e-4)
"""
SHAPES = """
for name, features in (("convnext_atto", 320), ("vit_tiny_patch16_224", 192)):
    found = backbone_of("timm/" + name, in_channels=2)
    assert found.num_features == features
    size = 224 if "vit" in name else 64
    assert found.network.eval()(torch.zeros(1, 2, size, size)).shape == (1, features)
try:
    backbone_of("timm/convnext_atom")
except ValueError as error:
    assert "is not a network of timm; did you mean 'convnext_atto'" in str(error), error
else:
    raise AssertionError
"""


def test_networks_for_volumes_do_not_exist():
    with pytest.raises(ValueError, match=r"timm/resnet18.*spatial_dims=3; choose a net"):
        backbone_of("timm/resnet18", spatial_dims=3)


@pytest.mark.skipif(
    importlib.util.find_spec("timm") is None, reason="timm is not installed (medmonai[timm])"
)
@pytest.mark.parametrize("program", [SAME, SHAPES], ids=["weights", "shapes"])
def test_names_and_weights(program, tmp_path):
    code = f"{BEGIN}\nfolder = {str(tmp_path)!r}\n{program}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
