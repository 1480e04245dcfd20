"""ResNet and DenseNet for small images and volumes, their heads, and what memory layout and precision they allow."""

from .densenet import DenseNet, densenet121, densenet169, densenet201
from .heads import head_of, reset_head
from .memory import bf16_is_safe, memory_format_for, to_channels_last
from .resnet import resnet10, resnet18, resnet34, resnet50

__all__ = [
    "DenseNet",
    "bf16_is_safe",
    "densenet121",
    "densenet169",
    "densenet201",
    "head_of",
    "memory_format_for",
    "reset_head",
    "resnet10",
    "resnet18",
    "resnet34",
    "resnet50",
    "to_channels_last",
]
