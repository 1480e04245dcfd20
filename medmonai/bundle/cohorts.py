"""The data of a bundle without its training: the cohorts that its config defines, or the files they
are made from.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

from medmonai.config_text import escaped
from medmonai.data import Cohort
from medmonai.data.datalist import Listing

from .overrides import bundle_config
from .places import EVALUATE, find_bundle

DATASETS = ("train#dataset", "validate#dataset", "test#dataset")
# The id of the files and their splits, in bundles whose cases are image files.
PLAN = "planned_listing"


def bundle_cohorts(bundle: str | Path, overrides: Mapping[str, Any] | None = None) -> list[Cohort]:
    """Return the training, validation and test cases of a bundle with these overrides, as its
    workflow would load them.

    Raises:
        FileNotFoundError: no such bundle, or its data set is missing.
    """
    with own_modules(bundle):
        parser = _parser(bundle, overrides or {})
        return [parser.get_parsed_content(name) for name in DATASETS]


def bundle_listing(
    bundle: str | Path, overrides: Mapping[str, Any] | None = None
) -> Listing | None:
    """Return the files of a bundle and their splits, not decoded; None if its data set does not
    consist of image files.

    Raises:
        FileNotFoundError: see `bundle_cohorts`.
    """
    with own_modules(bundle):
        parser = _parser(bundle, overrides or {})
        return parser.get_parsed_content(PLAN) if PLAN in parser else None


def _parser(bundle: str | Path, overrides: Mapping[str, Any]) -> ConfigParser:
    return ConfigParser(
        bundle_config(bundle, overrides, files=EVALUATE)
        | {"bundle_root": escaped(str(find_bundle(bundle)))}
    )


@contextmanager
def own_modules(bundle: str | Path) -> Iterator[None]:
    """Let a bundle import the modules in its folder, and forget them after: those of another bundle
    may have their names.
    """
    folder = find_bundle(bundle).resolve()
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = [entry for entry in sys.path if entry != str(folder)]
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if file and Path(file).is_relative_to(folder):
                del sys.modules[name]
