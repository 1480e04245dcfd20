"""What a running config knows about itself: its folder, its merged content, ids that nothing
reads.
"""

from __future__ import annotations

import copy
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medmonai.nearest import nearest

# Ids that MONAI or its tools read although no other id refers to them.
_READ_BY_MONAI = {
    "_meta_",
    "imports",
    "initialize",
    "run",
    "finalize",
    "bundle_root",
    "device",
    "dataset_dir",
    "output_dir",
    "network_def",
    "train",
    "validate",
    "test",
    "inferer",
    "dataset",
    "evaluator",
    "handlers",
    "preprocessing",
    "postprocessing",
    "key_metric",
    "val_interval",
    "dataloader",
    "run_name",
    "experiment_name",
    "tracking_uri",
    "save_execute_config",
    "is_not_rank0",
    "displayable_configs",
}


# Why a bundle lacks an id that others have: it would do nothing there, or every other value would
# be refused.
_IDLE = {
    **dict.fromkeys(
        ("orientation", "spacing"), "it acts on volumes only, and the images of this bundle are 2D"
    ),
    **dict.fromkeys(
        ("aspect", "jpeg_scaling"),
        "it acts on 2D images only, and those of this bundle are volumes",
    ),
    "spatial_size": (
        "the size is that of the images in the file; a MedMNIST bundle takes it from image_size"
    ),
    "dataset_name": (
        "no other set of MedMNIST has the classes of this bundle; make a bundle for it with "
        "`medmonai init`"
    ),
    "enlarged_size": (
        "this bundle does not enlarge its images; spatial_size or image_size decides what the "
        "network sees"
    ),
}
_WORDS = {"true": "True", "false": "False", "null": "None"}


def _callers(kind: type) -> Iterator[Any]:
    """Yield the objects of a class whose methods called us, nearest first.

    A config expression has no name for the config that it is part of. A bundle that runs from
    another directory has no other way to find its own folder or content (docs/decisions/0003).
    MONAI's parser and workflow are always on the stack then.
    """
    frame = inspect.currentframe()
    try:
        while frame is not None:
            candidate = frame.f_locals.get("self")
            if isinstance(candidate, kind):
                yield candidate
            frame = frame.f_back
    finally:
        del frame


def bundle_root() -> str:
    """Return the folder of the bundle whose config is being evaluated; "." where nobody who
    evaluates it knows the folder.

    For `"bundle_root": "$medmonai.bundle.bundle_root()"`. MONAI's customary `"."` is the current
    directory, which is the bundle only if the command runs inside it. MONAI's workflows know the
    folder, and so do the operators of MONAI Deploy, as `bundle_path`.
    """
    from monai.bundle import ConfigParser, ConfigWorkflow

    for workflow in _callers(ConfigWorkflow):
        folder = Path(workflow.config_root_path).resolve()
        return str(folder.parent if folder.name == "configs" else folder)
    for caller in _callers(object):
        if isinstance(caller, ConfigParser):  # looks for any name among its ids
            continue
        stated = getattr(caller, "bundle_path", None)
        if isinstance(stated, (str, Path)) and (Path(stated) / "configs").is_dir():
            return str(Path(stated).resolve())
    return "."


def merged_config() -> dict[str, Any]:
    """Return a copy of the merged config that is being evaluated, as plain JSON values, without
    `_meta_`.

    Raises:
        RuntimeError: called from elsewhere than a config expression.
    """
    from monai.bundle import ConfigParser

    for parser in _callers(ConfigParser):
        content = copy.deepcopy(parser.config)
        content.pop("_meta_", None)
        return content
    raise RuntimeError(
        "merged_config() has no config to return: call it from an expression of a bundle's config."
    )


def evaluated(name: str) -> Any:
    """Return what an id of the config that is being evaluated stands for.

    Raises:
        RuntimeError: called from elsewhere than a config expression.
    """
    from monai.bundle import ConfigParser

    for parser in _callers(ConfigParser):
        return parser.get_parsed_content(name)
    raise RuntimeError(
        "evaluated() has no config to ask: call it from an expression of a bundle's config."
    )


def bundle_title() -> str:
    """Return the name that the metadata of the running bundle states; "" where a config runs
    without them.
    """
    from monai.bundle import ConfigParser

    for parser in _callers(ConfigParser):
        return str((parser.config.get(parser.meta_key) or {}).get("name", ""))
    return ""


def _strings(content: Any) -> Iterator[str]:
    if isinstance(content, dict):
        for value in content.values():
            yield from _strings(value)
    elif isinstance(content, (list, tuple)):
        for value in content:
            yield from _strings(value)
    elif isinstance(content, str):
        yield content


def unread_ids(config: dict[str, Any]) -> dict[str, str]:
    """Return the top-level ids that nothing reads, each with the nearest id that is read ("" if
    none is near).

    MONAI silently accepts a mistyped override (`--learning_rat 1`) and trains with the old value.
    Such an id has no `@` or `%` that refers to it, and neither MONAI nor its tools read it by name.
    """
    # a list for front ends
    shown = {name: value for name, value in config.items() if name != "displayable_configs"}
    read = {match for text in _strings(shown) for match in re.findall(r"[@%]([A-Za-z_]\w*)", text)}
    known = sorted((set(config) & read) | (_READ_BY_MONAI & set(config)))
    unread = [name for name in config if name not in read and name not in _READ_BY_MONAI]
    return {name: nearest(name, known) or "" for name in unread}


def check_config_ids(config: dict[str, Any]) -> None:
    """Raise ValueError for the first id that nothing reads, with the nearest valid one, and for
    misspelt truth values.

    An id that the bundle's own training reads may stay where another data set or network stands in
    the place of its reader, and in an evaluation.
    """
    check_words(config)
    shipped = _shipped() if "displayable_configs" in config else {}
    for name, near in unread_ids(config).items():
        if name in shipped and name not in unread_ids(shipped):
            continue
        hint = why_idle(name) or (
            f"did you mean --{near}?" if near else "see the bundle's README for its ids."
        )
        raise ValueError(f"config id {name!r} is not read by anything in this bundle; {hint}")


def why_idle(name: str) -> str:
    """Return why a bundle lacks an id that other bundles have, as the end of a sentence; "" for any
    other name.
    """
    return f"{_IDLE[name]}." if name in _IDLE else ""


def _shipped() -> dict[str, Any]:
    """Return train.json of the bundle that is running; nothing where a config runs without its
    bundle.
    """
    path = Path(bundle_root()) / "configs" / "train.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def check_words(config: Any, name: str = "") -> None:
    """Raise ValueError where a text is "true", "false" or "null": MONAI's command line knows True,
    False and None.

    As a text "false" counts as true, so `--allow_leakage false` would allow leakage.
    """
    items = (
        config.items()
        if isinstance(config, dict)
        else enumerate(config)
        if isinstance(config, list)
        else ()
    )
    for key, value in items:
        place = f"{name}#{key}" if name else str(key)
        if isinstance(config, dict) and isinstance(value, str) and value.lower() in _WORDS:
            raise ValueError(
                f"{place} is the text {value!r}; python -m monai.bundle takes "
                f"{_WORDS[value.lower()]} (--{place} {_WORDS[value.lower()]})."
            )
        check_words(value, place)
