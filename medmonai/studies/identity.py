"""What a cell's result follows from, as text that can be hashed: the configs, the data, the
code.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

import medmonai
from medmonai.bundle import EVALUATE, TRAIN, bundle_cohorts, bundle_config, without_places
from medmonai.bundle.cohorts import DATASETS
from medmonai.data.duplicates import cohort_digest
from medmonai.engines import versions

# Rooms that describe or draw a result and do not decide the predictions.
_AFTER_PREDICTIONS = {
    "studies",
    "planning",
    "deployment",
    "report",
    "visualize",
    "command_line",
    "commands.py",
    "run_results.py",
    "notebook.py",
    "__main__.py",
}
_PACKAGES = ("torch", "monai", "pytorch-ignite", "libauc", "numpy", "scipy", "scikit-learn")


def digest(content: Any) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of a JSON value, whatever the order of its
    keys.
    """
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def code_version() -> str:
    """Return versions and a hash of the code that decides predictions: medmonai's own, torch,
    MONAI, LibAUC, ...
    """
    root = Path(medmonai.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        inside = path.relative_to(root)
        if inside.parts[0] not in _AFTER_PREDICTIONS:
            digest.update(f"{inside.as_posix()}\n".encode() + path.read_bytes())
    known = versions()
    own = f"medmonai {medmonai.__version__} {digest.hexdigest()[:12]}"
    return " ".join([own, *(f"{name} {known[name]}" for name in _PACKAGES)])


class DataHashes:
    """Hashes of the data that bundles read, each data set read once however many cells use it.

    Reading it here is also what expands it on disk, once, for all cells to map
    (`MEDMONAI_MEMORY_LIMIT=0`).
    """

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def of(self, bundle: str, overrides: Mapping[str, Any]) -> list[str]:
        """Return the `cohort_digest` of the training, validation and test cases of a bundle with
        these overrides.
        """
        config = bundle_config(bundle, overrides, files=EVALUATE)
        key = bundle + json.dumps(_closure(config, DATASETS), sort_keys=True)
        if key not in self._known:
            self._known[key] = [
                cohort_digest(cohort) for cohort in bundle_cohorts(bundle, overrides)
            ]
        return self._known[key]


def cell_definition(
    bundle: str, overrides: Mapping[str, Any], *, data: Sequence[str]
) -> dict[str, Any]:
    """Return what defines a run of a bundle: both merged configs without places, its own modules,
    the data, the code.
    """
    train, evaluate = (
        without_places(bundle_config(bundle, overrides, files=files)) for files in (TRAIN, EVALUATE)
    )
    modules = sorted(Path(bundle).rglob("*.py"))
    own = {
        str(path.relative_to(bundle)): digest(path.read_text(encoding="utf-8")) for path in modules
    }
    return {
        "train": train,
        "evaluate": evaluate,
        "modules": own,
        "data": list(data),
        "code": code_version(),
    }


def _closure(config: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the parts of a config that these ids are made of, following references."""
    parser = ConfigParser(dict(config))
    files = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop()
        if name in files or name not in parser:
            continue
        files[name] = parser[name]
        wanted += re.findall(r"@([A-Za-z_][\w#:]*)", json.dumps(parser[name]))
    return files
