"""Files of weights: written whole or not at all, loaded without running anything, and never where
they are damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from medmonai.atomic_files import replacing
from medmonai.networks.weight_files import require_whole_zip


def save_atomically(content: Any, path: str | Path) -> None:
    """Write a checkpoint, and its folder if missing, so that a kill at any moment leaves the old
    file or the new one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Through an open file: given a path, torch writes its name into the archive, and equal weights
    # get different hashes.
    with replacing(path, overwrite=True) as temporary, temporary.open("wb") as file:
        watched = _Watched(file)
        try:
            torch.save(content, watched)  # pyright: ignore[reportArgumentType]  # torch needs write and flush, no more
        except RuntimeError:
            # torch's archive says "unexpected pos" where a write failed, and not why.
            if watched.error is not None:
                raise watched.error from None
            raise


class _Watched:
    """A file that remembers why writing to it failed."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self.file.flush()


def load_checkpoint(path: str | Path) -> Any:
    """Load a checkpoint onto the CPU with `weights_only=True`.

    The CRC of every part of the file is compared first: torch loads damaged weights without a word.
    Files of torch before 1.6, which are no zip archives, have none.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut off, damaged, or holds more than tensors and plain values.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint at {path}; train first, or name one with --ckpt_path FILE."
        )
    try:
        require_whole_zip(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} is not a readable checkpoint of weights ({reason}); use another file."
        ) from error


def load_weights(network: nn.Module, path: str | Path) -> nn.Module:
    """Load a state dict (plain, or under "model") into a network of the same make and return the
    network.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file cannot be read, its names or shapes are those of another network, or a
            weight is not a number; the network is then left as it was.
    """
    return place_weights(network, load_checkpoint(path), path)


def place_weights(network: nn.Module, state: Any, path: str | Path) -> nn.Module:
    """Put a loaded state dict (plain, or under "model") into a network of the same make and return
    the network.

    Args:
        network: where the weights go.
        state: what `load_checkpoint` returned.
        path: the file it is from, for messages.

    Raises:
        ValueError: see `load_weights`.
    """
    state = _weights(state)
    require_finite(network, state, path)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        detail = lines[1] if len(lines) > 1 else lines[0]
        raise ValueError(
            f"{path} holds the weights of another network ({detail[:160]}); use the network_def it "
            "was trained with."
        ) from error
    return network


def recorded_classes(state: Any) -> list[str] | None:
    """Return the classes that `RunCheckpoint` noted with the weights, in the order of the labels;
    None without a note.
    """
    names = getattr(_weights(state), "class_names", None)
    return [str(name) for name in names] if isinstance(names, (list, tuple)) else None


def _weights(state: Any) -> Any:
    return state.get("model", state) if isinstance(state, Mapping) else state


def require_finite(network: nn.Module, state: Any, path: str | Path) -> None:
    """Raise ValueError with the name of the first weight that is NaN or infinite, or statistic that
    is NaN.

    Buffers may be infinite: masks of attention are.
    """
    weights = {name for name, _ in network.named_parameters()}
    for name, value in state.items() if isinstance(state, Mapping) else ():
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            bad = ~torch.isfinite(value) if name in weights else torch.isnan(value)
            if bad.any():
                raise ValueError(
                    f"{path}: {name} holds {int(bad.sum())} values of {value.numel()} that are NaN "
                    "or infinite; use a checkpoint from before the training diverged."
                )
