"""A bundle's configs before anything runs: where they are, what is overridden, and the result."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from pydoc import locate
from typing import Any

from monai.bundle import ConfigComponent, ConfigParser
from monai.bundle.reference_resolver import ReferenceResolver

from medmonai.config_text import as_given
from medmonai.nearest import did_you_mean
from medmonai.text_files import read_json_text

from .class_order import names_shown
from .config import why_idle
from .places import EVALUATE, TRAIN, bundle_configs
from .value_kinds import check_values

_IN_A_FILE = (
    'only a config file adds to a list or a dict: write "+train::handlers": [...] into one of your '
    "own and run "
    "MONAI with --config_file \"['train.json','mine.json']\"."
)


def bundle_config(
    bundle: str | Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    files: tuple[str, ...] = TRAIN,
) -> dict[str, Any]:
    """Return the merged config of a bundle with overrides applied, as `monai.bundle` would run it;
    nothing is evaluated.

    Args:
        bundle: the bundle's folder.
        overrides: config ids -> values, as on MONAI's command line.
        files: configs that are merged, the later ones over the earlier.

    Raises:
        FileNotFoundError: no such bundle.
    """
    parser = _parser(bundle, files)
    # a later id may lie within an earlier value
    parser.update(copy.deepcopy(as_given(overrides or {})))
    parser.resolve_macro_and_relative_ids()  # MONAI does so before it runs: `@a#b` becomes `@a::b`
    return {name: value for name, value in _content(parser).items() if name != parser.meta_key}


def _parser(bundle: str | Path, files: tuple[str, ...]) -> ConfigParser:
    configs = bundle_configs(bundle)
    parser = ConfigParser()
    try:
        parser.read_config([str(configs / file) for file in files])
    except ValueError:
        for file in files:
            read_json_text(configs / file)  # says in which file, which line and which column
        raise
    return parser


def _content(parser: ConfigParser) -> dict[str, Any]:
    assert isinstance(parser.config, dict)  # of every config file that is read
    return parser.config


def split_overrides(
    bundle: str | Path, overrides: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the overrides of the training and of the evaluation, with every text escaped for MONAI
    (`as_given`).

    Raises:
        ValueError: an id that neither config has (MONAI would silently add it, and nothing would
            read it); one that adds to a list or a dict, which MONAI supports in config files only;
            or a value of the wrong kind (`check_values`).
    """
    of_train = bundle_config(bundle)
    merged = _parser(bundle, EVALUATE)
    overrides = as_given(overrides)
    # each on top of those before it: a component may have been replaced
    for name, value in overrides.items():
        _check_id(_content(merged), name, bundle=Path(bundle).name)
        merged.update({name: copy.deepcopy(value)})
    check_values(_content(merged))
    _check_order(overrides)
    return {key: value for key, value in overrides.items() if _keys(key)[0] in of_train}, dict(
        overrides
    )


def _check_order(overrides: Mapping[str, Any]) -> None:
    """Raise ValueError if class_names and positive_class are both given and do not agree on the
    last class.
    """
    names = overrides.get("class_names")
    positive = overrides.get("positive_class")
    if not isinstance(names, (list, tuple, Mapping)) or positive is None:
        return
    shown = names_shown(names)
    if positive in shown and shown[-1] != positive:
        raise ValueError(
            f"class_names={shown} makes {shown[-1]!r} the positive class, "
            f"positive_class={positive!r} another; give one of the two, or class_names with the "
            "positive class last."
        )


def _keys(name: str) -> list[str]:
    return ReferenceResolver.split_id(name)


def _check_id(config: Mapping[str, Any], name: str, *, bundle: str) -> None:
    """Follow an id through the config. Only an argument that a component takes may be new."""
    content: Any = config
    if name.startswith("+"):
        raise ValueError(f"config id {name!r} cannot be an override; {_IN_A_FILE}")
    for depth, key in enumerate(keys := _keys(name)):
        known = _known(content)
        if key not in known:
            allowed = _arguments(content) if depth == len(keys) - 1 else set()
            if key in allowed:
                return
            known |= allowed
            inside = "".join(f"{part}#" for part in keys[:depth])
            listed = ", ".join(inside + other for other in sorted(known))
            hint = did_you_mean(
                key,
                [] if key.isdecimal() else sorted(known),
                show=f"--{inside}{{}}",
                otherwise=f"known are {listed}.",
            )
            hint = (
                hint if known else f"{'#'.join(keys[:depth])} is a single value and has no parts."
            )
            hint = f"{hint[:-1]}; {_IN_A_FILE}" if isinstance(content, list) else hint
            hint = why_idle(key) if depth == 0 and why_idle(key) else hint
            raise ValueError(f"config id {name!r} does not exist in {bundle}; {hint}")
        content = content[int(key)] if isinstance(content, list) else content[key]


def _known(content: Any) -> set[str]:
    """Return the ids right under a part of a config."""
    if isinstance(content, Mapping):
        return set(content)
    return set(map(str, range(len(content)))) if isinstance(content, list) else set()


def _arguments(content: Any) -> set[str]:
    """Return the arguments that a component (a part with a `_target_`) accepts, given or not."""
    if not isinstance(content, Mapping) or "_target_" not in content:
        return set()
    target: Any = locate(str(ConfigComponent(dict(content)).resolve_module_name()))
    return set(inspect.signature(target).parameters) | {"_disabled_", "_mode_"}
