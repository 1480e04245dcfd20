"""A recipe's network: found by name, given channels and classes under its own names, and tried
without computing.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from pydoc import locate
from typing import Any

from .recipe import refuse_unknown

# What networks call the same thing. MONAI's own differ: DenseNet121 has out_channels, resnet18
# n_input_channels.
_CHANNELS = ("in_channels", "n_input_channels")
_CLASSES = ("num_classes", "out_channels", "classes")
_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def network_definition(
    network: Mapping[str, Any], *, size: Sequence[int], in_channels: int, num_outputs: int
) -> dict[str, Any]:
    """Return a network of a recipe with its axes, channels and classes, under the names that the
    network itself has for them.

    A network of MONAI is then built and run once on torch's "meta" device, which computes nothing:
    what does not map (B, in_channels, *spatial) to logits (B, num_outputs) is refused here rather
    than when a bundle runs.

    Args:
        network: "_target_", a dotted name or, for MONAI's networks, the short one that the model
            zoo uses ("DenseNet121"), and arguments.
        size: voxels along each axis of an image.
        in_channels: channels of an image.
        num_outputs: logits of a case.

    Raises:
        ValueError: no such network, an argument it does not have or lacks, one that contradicts the
            data, or a network that does not classify.

    Example:
        >>> network_definition(
        ...     {"_target_": "monai.networks.nets.resnet18"},
        ...     size=(32, 32),
        ...     in_channels=1,
        ...     num_outputs=1,
        ... )  # doctest: +NORMALIZE_WHITESPACE
        {'_target_': 'monai.networks.nets.resnet18', 'spatial_dims': 2, 'n_input_channels': 1,
        'num_classes': 1}
    """
    known = _own_parameters(str(network.get("_target_", "")))
    target = _found(network) if known is None else None
    of_data = {"spatial_dims": len(size), "in_channels": in_channels, "num_classes": num_outputs}
    if known is None:
        if target is None:  # a module of the user's, found beside the bundle only
            return {**network, **of_data}
        known = _parameters(target)
    if "spatial_dims" not in known:
        del of_data["spatial_dims"]
    channels = [
        name for name in _CHANNELS if name in known and not _named(target, "TorchVisionFCModel")
    ]
    classes = [name for name in _CLASSES if name in known]
    filled = {
        **{name: of_data[name] for name in ("spatial_dims",) if name in of_data},
        **dict.fromkeys(channels[:1], in_channels),
        **dict.fromkeys(classes[:1], num_outputs),
        **({"img_size": list(size)} if "img_size" in known else {}),
        **({"in_shape": [in_channels, *size]} if "in_shape" in known else {}),
    }
    _check(network, known, filled)
    definition = {**network, **filled}
    if getattr(target, "__module__", "").startswith("monai."):
        _try(target, definition, size=size, in_channels=in_channels, num_outputs=num_outputs)
    return definition


def _own_parameters(name: str) -> dict[str, inspect.Parameter] | None:
    """Return the arguments of a network of medmonai.networks from its source: importing it would
    load torch and MONAI.

    None for any other network, for a class, and for a function that passes arguments on.
    """
    module, _, function = name.rpartition(".")
    if module != "medmonai.networks":
        return None
    spec = importlib.util.find_spec(module)
    folders = (spec and spec.submodule_search_locations) or []
    for file in sorted(file for folder in folders for file in Path(folder).glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return _arguments_of(node)
    return None


def _arguments_of(function: ast.FunctionDef) -> dict[str, inspect.Parameter] | None:
    given = function.args
    kind = inspect.Parameter.KEYWORD_ONLY
    none = inspect.Parameter.empty
    if given.kwarg is not None:
        return None
    placed = [*given.posonlyargs, *given.args]
    with_default = {argument.arg for argument in placed[len(placed) - len(given.defaults) :]}
    with_default |= {
        argument.arg
        for argument, value in zip(given.kwonlyargs, given.kw_defaults)
        if value is not None
    }
    return {
        name: inspect.Parameter(name, kind, default=None if name in with_default else none)
        for name in (argument.arg for argument in [*placed, *given.kwonlyargs])
    }


def _found(network: Mapping[str, Any]) -> Any:
    from monai.bundle import ConfigComponent

    name = str(network.get("_target_", ""))
    try:
        target = locate(str(ConfigComponent(dict(network)).resolve_module_name()))
    except (ImportError, ModuleNotFoundError, TypeError):
        target = None
    known = ("monai.", "medmonai.", "torch.", "torchvision.")
    if not callable(target) and ("." not in name or name.startswith(known)):
        from monai.networks import nets

        import medmonai.networks as own

        refuse_unknown(
            [name.rpartition(".")[2]],
            [*dir(own), *(n for n in dir(nets) if not n.startswith("_"))],
            where="network _target_",
        )
        raise ValueError(
            f"network _target_ {name!r} does not exist; use one of MONAI's short names, such as "
            "DenseNet121, or a dotted name."
        )
    return target if callable(target) else None


def _named(target: Any, name: str) -> bool:
    return getattr(target, "__name__", "") == name


def _parameters(target: Any) -> dict[str, inspect.Parameter]:
    """Return the arguments of a network by name; where it passes the rest on (**kwargs), those of
    what it passes them to.
    """
    inherited: dict[str, inspect.Parameter] = {}
    if inspect.isclass(target):
        callables = [vars(cls)["__init__"] for cls in target.__mro__ if "__init__" in vars(cls)]
    else:
        module = inspect.getmodule(target)
        base = (
            getattr(module, "ResNet", None)
            if getattr(target, "__module__", "") == "monai.networks.nets.resnet"
            else None
        )
        callables = [target, *([base.__init__] if base else [])]
    for function in callables:
        parameters = inspect.signature(function).parameters.values()
        taken = {p.name: p for p in parameters if p.name != "self" and p.kind not in _ANY}
        inherited = {**taken, **inherited}
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    if not inspect.isclass(target):
        for name in ("block", "layers", "block_inplanes"):  # resnetN gives these itself
            inherited.pop(name, None)
    return inherited


def _check(
    network: Mapping[str, Any], known: Mapping[str, inspect.Parameter], filled: Mapping[str, Any]
) -> None:
    name = network["_target_"]
    given = {key: value for key, value in network.items() if not key.startswith("_")}
    refuse_unknown(given, list(known), where=f"network {name}")
    for key, value in filled.items():
        if key in given and given[key] != value:
            raise ValueError(
                f"network {name} has {key}={given[key]!r}, and the data need {value!r}; leave "
                f"{key} out."
            )
    missing = [
        key
        for key, p in known.items()
        if p.default is p.empty
        and key not in given
        and key not in filled
        and not name.rpartition(".")[2].lower().startswith(("senet", "seres"))
    ]
    if missing:
        raise ValueError(
            f"network {name} lacks {', '.join(missing)}; its arguments are {', '.join(known)}."
        )


def _try(
    target: Any,
    definition: Mapping[str, Any],
    *,
    size: Sequence[int],
    in_channels: int,
    num_outputs: int,
) -> None:
    """Refuse a network that does not give logits (1, num_outputs) for one blank image."""
    arguments = {key: value for key, value in definition.items() if not key.startswith("_")}
    if any(
        isinstance(value, str) and value.startswith(("@", "$", "%")) for value in arguments.values()
    ):
        return
    import torch

    name = definition["_target_"]
    # nothing is fetched for a trial
    if "pretrained" in arguments or "pretrained" in inspect.signature(target).parameters:
        arguments = arguments | {"pretrained": False}
    try:
        with torch.device("meta"), torch.no_grad():
            logits = target(**arguments).eval()(torch.zeros(1, in_channels, *size))
    except NotImplementedError:  # an operation that the meta device lacks: the run will show
        return
    except ImportError as error:
        raise ImportError(
            f"network {name} needs a package that is not installed "
            f"({' '.join(str(error).split())}); install it, or choose another network."
        ) from error
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        image = f"{in_channels} x {' x '.join(map(str, size))}"
        raise ValueError(f"network {name} cannot take images of {image}: {reason}") from error
    if not isinstance(logits, torch.Tensor):
        raise ValueError(
            f"network {name} returns a {type(logits).__name__}; a bundle needs one tensor of "
            f"logits (B, {num_outputs}). Choose another network, or wrap it in a module of your "
            "own."
        )
    if tuple(logits.shape) != (1, num_outputs):
        raise ValueError(
            f"network {name} returns {tuple(logits.shape)} for one image; a classifier gives (1, "
            f"{num_outputs}). Choose a classification network, such as DenseNet121."
        )
