from .backbones import backbone_of
from .class_logits import ClassLogits
from .covariates import CovariateNetwork, fixed_covariates
from .densenet import DenseNet, densenet121, densenet169, densenet201
from .efficientnet import efficientnet_b0
from .ensemble import Ensemble, ensemble_state
from .heads import head_of, mlp_head, reset_head
from .memory import bf16_is_safe, memory_format_for, to_channels_last
from .plain_cnn import CNN, cnn
from .pretrained import load_pretrained
from .resnet import resnet10, resnet18, resnet34, resnet50
from .transfer import TransferNetwork, transfer_network
from .vgg import VGG, vgg16
from .vision_transformer import VisionTransformer, vit
from .weight_shapes import adapt_channels, inflate

__all__ = [
    "CNN",
    "VGG",
    "ClassLogits",
    "CovariateNetwork",
    "DenseNet",
    "Ensemble",
    "TransferNetwork",
    "VisionTransformer",
    "adapt_channels",
    "backbone_of",
    "bf16_is_safe",
    "cnn",
    "densenet121",
    "densenet169",
    "densenet201",
    "efficientnet_b0",
    "ensemble_state",
    "fixed_covariates",
    "head_of",
    "inflate",
    "load_pretrained",
    "memory_format_for",
    "mlp_head",
    "reset_head",
    "resnet10",
    "resnet18",
    "resnet34",
    "resnet50",
    "to_channels_last",
    "transfer_network",
    "vgg16",
    "vit",
]
