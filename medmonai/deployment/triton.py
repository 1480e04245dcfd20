"""The configuration that NVIDIA's Triton server reads beside an exported file."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .model import Model
from .whole_model import OUTPUT_NAMES

_TYPES = {
    "uint8": "TYPE_UINT8",
    "float32": "TYPE_FP32",
    "float64": "TYPE_FP64",
    "int64": "TYPE_INT64",
}
_PLATFORMS = {".onnx": "onnxruntime_onnx", ".pt": "pytorch_libtorch"}


def triton_config(model: Model, description: Mapping[str, str], *, suffix: str) -> str:
    """Return the text of config.pbtxt, for NAME/config.pbtxt beside NAME/1/model.onnx (or .pt).

    Args:
        model: what was exported.
        description: the metadata of the file.
        suffix: of the file; TorchScript has no names, so Triton counts its inputs and outputs.
    """
    classes = len(model.class_names)
    several = [] if model.task.exclusive else [classes]
    outputs = {
        OUTPUT_NAMES[0]: ("float32", [classes]),
        OUTPUT_NAMES[1]: ("int64", several),
        OUTPUT_NAMES[2]: ("float32", []),
    }
    inputs = {
        name: (one["dtype"], [-1 if isinstance(n, str) else n for n in one["axes"][1:]])
        for name, one in json.loads(description["inputs"]).items()
    }
    lines = [
        f'platform: "{_PLATFORMS[suffix]}"',
        # Triton joins requests of equal shape; the first axis is left out below.
        f"max_batch_size: {model.batch_size}",
        f'default_model_filename: "model{suffix}"',
    ]
    for kind, values in (("input", inputs), ("output", outputs)):
        for number, (name, (dtype, dims)) in enumerate(values.items()):
            shown = name if suffix == ".onnx" else f"{kind.upper()}__{number}"
            lines += [f"{kind} {{", f'  name: "{shown}"', f"  data_type: {_TYPES[dtype]}"]
            # A number for each case: Triton asks for one dimension, and takes it away again.
            lines += [f"  dims: [{', '.join(map(str, dims or [1]))}]"]
            lines += ["  reshape { shape: [] }"] * (not dims)
            lines += ['  label_filename: "labels.txt"'] * (name == OUTPUT_NAMES[0])
            lines += ["}"]
    lines += ["dynamic_batching { }"]
    return "\n".join(lines) + "\n"
