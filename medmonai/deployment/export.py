"""`medmonai export`: a trained model as one file with everything between decoding and decision."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from medmonai.atomic_files import replacing

from .description import DESCRIPTION_FILE, described
from .graph_levels import takes_any_color
from .model import Model, load_model
from .triton import triton_config
from .whole_model import OUTPUT_NAMES, WholeModel

SUFFIXES = (".onnx", ".pt")
# ONNX keeps a file below this in one piece.
_MOST_BYTES = 2_000_000_000


def export_model(
    model: str | Path | Model, path: str | Path, *, overwrite: bool = False
) -> list[Path]:
    """Write a trained model as one file that needs neither medmonai nor MONAI.

    The file holds the window, resizing or resampling, normalization, all members, flips,
    temperatures and the threshold, for batches and images of any size, and describes itself in its
    metadata; see docs/how_to/deploy.md. Its probabilities are those of `predict` on a CPU to 1e-5.
    MONAI's `onnx_export` and `ckpt_export` write the network alone.

    Beside it come what Triton needs: config.pbtxt and labels.txt, a line for each class.

    Args:
        model: a folder, see `load_model`, or a loaded model, of whose training the file then says
            nothing.
        path: the file; .onnx for ONNX, .pt for TorchScript.
        overwrite: replace existing files.

    Returns:
        The files that were written.

    Raises:
        FileExistsError: a file exists and `overwrite` is False.
        FileNotFoundError: no such model, or no folder for the file.
        ImportError: the packages of the extra `export` are missing.
        ValueError: another suffix, or a model that cannot be put into a file.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"--to {path}: the suffix says what is written; use .onnx (ONNX) or .pt (TorchScript)."
        )
    files = [path, path.with_name("config.pbtxt"), path.with_name("labels.txt")]
    for file in files:
        if file.exists() and not overwrite:
            raise FileExistsError(f"{file} exists; name another folder with --to, or --overwrite.")
    loaded = model if isinstance(model, Model) else load_model(model)
    folder = None if isinstance(model, Model) else Path(model)
    whole = WholeModel(loaded).eval()
    description = described(loaded, folder, whole.input_names)
    _require_size(whole, path)
    write = _write_onnx if path.suffix == ".onnx" else _write_torchscript
    with replacing(path, overwrite=overwrite) as temporary, torch.no_grad():
        write(whole, example_inputs(loaded, whole.input_names), description, temporary)
    config = triton_config(loaded, description, suffix=path.suffix)
    labels = "".join(f"{' '.join(name.split())}\n" for name in loaded.class_names)
    for file, text in zip(files[1:], (config, labels)):
        with replacing(file, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return files


def example_inputs(model: Model, names: tuple[str, ...]) -> tuple[torch.Tensor, ...]:
    """Return inputs of two cases for a model."""
    form = model.form
    size = tuple(n + 3 for n in form.spatial_size)
    volumes = len(size) == 3
    color = takes_any_color(form, from_columns=bool(model.image_columns))
    channels = (3 if color else form.image_channels,)
    shape = (2, *size, *(() if volumes and form.image_channels == 1 else channels))
    values = np.random.default_rng(0).integers(0, 256, shape)
    dtype = np.uint8 if form.intensity_range is None else np.float32
    members = () if not hasattr(model.covariates, "members") else (len(model.members),)
    made = {
        "image": values.astype(dtype),
        "spacing": np.full((2, 3), 1.1),
        "present": np.ones((2, len(form.indicators)), np.float32),
        "covariates": np.zeros(
            (2, *members, 0 if model.covariates is None else model.covariates.num_values),
            np.float32,
        ),
    }
    return tuple(torch.from_numpy(made[name]) for name in names)


def _write_onnx(
    whole: WholeModel,
    inputs: tuple[torch.Tensor, ...],
    description: Mapping[str, str],
    path: Path,
) -> None:
    try:
        import onnxscript  # noqa: F401  # torch's exporter needs it
    except ImportError as error:
        raise ImportError("ONNX needs the extra `export`: pip install medmonai[export]") from error
    axes = json.loads(description["inputs"])
    shapes = [
        {i: axis for i, axis in enumerate(axes[name]["axes"]) if isinstance(axis, str)}
        for name in whole.input_names
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the internals of torch's exporter
        program = torch.onnx.export(
            whole,
            inputs,
            dynamo=True,
            input_names=list(whole.input_names),
            output_names=list(OUTPUT_NAMES),
            dynamic_shapes=(tuple(shapes),),
            verbose=False,
        )
    assert program is not None  # with dynamo
    program.model.metadata_props.update(description)
    program.save(str(path), external_data=False)


def _write_torchscript(
    whole: WholeModel,
    inputs: tuple[torch.Tensor, ...],
    description: Mapping[str, str],
    path: Path,
) -> None:
    with warnings.catch_warnings():
        # torch deprecates TorchScript; the sizes that tracing fixes are those of the plan
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch")
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        traced = torch.jit.trace(whole, inputs, check_trace=False)
        torch.jit.save(traced, str(path), _extra_files={DESCRIPTION_FILE: json.dumps(description)})


def _require_size(whole: WholeModel, path: Path) -> None:
    size = sum(value.nbytes for value in whole.state_dict().values())
    if path.suffix == ".onnx" and size > _MOST_BYTES:
        raise ValueError(
            f"the weights have {size / 1e9:.1f} GB, and one ONNX file holds 2 GB; export "
            "TorchScript (--to model.pt), or a single member (OUT/members/0)."
        )
