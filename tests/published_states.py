"""State dicts with the names and shapes of the published files, written from the architectures in
the papers' tables.

torchvision cannot be imported beside a CPU-only torch, so its lists of names are built here by
hand, not by our networks.
"""

from __future__ import annotations

import torch

from medmonai.networks.pretrained import IMAGENET

NAMES = list(IMAGENET)
STAGES = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3), "resnet50": (3, 4, 6, 3)}
DENSE_BLOCKS = (6, 12, 24, 16)
VGG16 = {
    0: (3, 64),
    2: (64, 64),
    5: (64, 128),
    7: (128, 128),
    10: (128, 256),
    12: (256, 256),
    14: (256, 256),
    17: (256, 512),
    19: (512, 512),
    21: (512, 512),
    24: (512, 512),
    26: (512, 512),
    28: (512, 512),
}
# Repeats, kernel, expansion, channels in and out of EfficientNet-B0's seven stages.
MBCONV = (
    (1, 3, 1, 32, 16),
    (2, 3, 6, 16, 24),
    (2, 5, 6, 24, 40),
    (3, 3, 6, 40, 80),
    (3, 5, 6, 80, 112),
    (4, 5, 6, 112, 192),
    (1, 3, 6, 192, 320),
)
# Weights and biases only, of the whole network for 1000 classes, as its documentation states them.
PARAMETERS = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
    "vgg16": 138_357_544,
    "efficientnet_b0": 5_288_548,
}


def _norm(name, channels, *, counter=True):
    entries = {
        f"{name}.{what}": (channels,) for what in ("weight", "bias", "running_mean", "running_var")
    }
    return {**entries, **({f"{name}.num_batches_tracked": ()} if counter else {})}


def _linear(name, before, after):
    return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}


def resnet_shapes(name):
    """torchvision's ResNet: conv1, bn1, layerS.B.convK/bnK, layerS.0.downsample.0/1, fc."""
    bottleneck = name == "resnet50"
    expansion = 4 if bottleneck else 1
    shapes = {"conv1.weight": (64, 3, 7, 7), **_norm("bn1", 64)}
    before = 64
    for stage, blocks in enumerate(STAGES[name]):
        planes = 64 * 2**stage
        for block in range(blocks):
            at = f"layer{stage + 1}.{block}"
            kernels = (
                ((planes, before, 1), (planes, planes, 3), (4 * planes, planes, 1))
                if bottleneck
                else ((planes, before, 3), (planes, planes, 3))
            )
            for number, (after, inside, side) in enumerate(kernels, start=1):
                shapes[f"{at}.conv{number}.weight"] = (after, inside, side, side)
                shapes.update(_norm(f"{at}.bn{number}", after))
            if block == 0 and before != planes * expansion:
                shapes[f"{at}.downsample.0.weight"] = (planes * expansion, before, 1, 1)
                shapes.update(_norm(f"{at}.downsample.1", planes * expansion))
            before = planes * expansion
    return {**shapes, **_linear("fc", before, 1000)}


def densenet121_shapes():
    """torchvision's DenseNet file, older than its code: "norm.1" and "conv.1", no counters."""
    shapes = {"features.conv0.weight": (64, 3, 7, 7), **_norm("features.norm0", 64, counter=False)}
    width = 64
    for block, layers in enumerate(DENSE_BLOCKS, start=1):
        for layer in range(1, layers + 1):
            at = f"features.denseblock{block}.denselayer{layer}"
            shapes.update(_norm(f"{at}.norm.1", width, counter=False))
            shapes[f"{at}.conv.1.weight"] = (128, width, 1, 1)
            shapes.update(_norm(f"{at}.norm.2", 128, counter=False))
            shapes[f"{at}.conv.2.weight"] = (32, 128, 3, 3)
            width += 32
        if block < len(DENSE_BLOCKS):
            shapes.update(_norm(f"features.transition{block}.norm", width, counter=False))
            shapes[f"features.transition{block}.conv.weight"] = (width // 2, width, 1, 1)
            width //= 2
    return {
        **shapes,
        **_norm("features.norm5", width, counter=False),
        **_linear("classifier", width, 1000),
    }


def vgg16_shapes():
    """torchvision's VGG-16 without batch norm: features.N, classifier.0/3/6."""
    shapes = {}
    for number, (before, after) in VGG16.items():
        shapes[f"features.{number}.weight"], shapes[f"features.{number}.bias"] = (
            (after, before, 3, 3),
            (after,),
        )
    return {
        **shapes,
        **_linear("classifier.0", 25088, 4096),
        **_linear("classifier.3", 4096, 4096),
        **_linear("classifier.6", 4096, 1000),
    }


def efficientnet_b0_shapes():
    """EfficientNet-PyTorch: _conv_stem, _blocks.N._expand_conv ... numbered through, _conv_head,
    _fc.
    """
    shapes = {"_conv_stem.weight": (32, 3, 3, 3), **_norm("_bn0", 32)}
    number = 0
    for repeats, side, expansion, first, after in MBCONV:
        for repeat in range(repeats):
            before = first if repeat == 0 else after
            at, wide = f"_blocks.{number}", before * expansion
            if expansion > 1:
                shapes[f"{at}._expand_conv.weight"] = (wide, before, 1, 1)
                shapes.update(_norm(f"{at}._bn0", wide))
            shapes[f"{at}._depthwise_conv.weight"] = (wide, 1, side, side)
            shapes.update(_norm(f"{at}._bn1", wide))
            squeezed = before // 4
            shapes[f"{at}._se_reduce.weight"], shapes[f"{at}._se_reduce.bias"] = (
                (squeezed, wide, 1, 1),
                (squeezed,),
            )
            shapes[f"{at}._se_expand.weight"], shapes[f"{at}._se_expand.bias"] = (
                (wide, squeezed, 1, 1),
                (wide,),
            )
            shapes[f"{at}._project_conv.weight"] = (after, wide, 1, 1)
            shapes.update(_norm(f"{at}._bn2", after))
            number += 1
    return {
        **shapes,
        "_conv_head.weight": (1280, 320, 1, 1),
        **_norm("_bn1", 1280),
        **_linear("_fc", 1280, 1000),
    }


def published_shapes(name):
    """Name -> shape of the published file."""
    if name in STAGES:
        return resnet_shapes(name)
    return {
        "densenet121": densenet121_shapes,
        "vgg16": vgg16_shapes,
        "efficientnet_b0": efficientnet_b0_shapes,
    }[name]()


def published_state(name, *, without=("classifier.0.", "classifier.3.")):
    """Name -> random tensor of the published file; VGG's large linear layers are left out, nothing
    reads them.
    """
    generator = torch.Generator().manual_seed(0)
    state = {}
    for key, shape in published_shapes(name).items():
        if key.startswith(without):
            continue
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(7)
            continue
        value = torch.randn(shape, generator=generator)
        fan_in = value[0].numel() if value.ndim > 1 else 1
        # Positive variances, and weights that keep the size of what flows through.
        state[key] = (
            0.5 + value.abs() if key.endswith("running_var") else value * (2 / fan_in) ** 0.5 * 0.7
        )
    return state
