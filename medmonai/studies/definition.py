"""The study file: bundles, arms, seeds, and what else a study may say, checked against its
published JSON Schema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from itertools import product
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from medmonai.bundle import bundle_configs
from medmonai.nearest import did_you_mean
from medmonai.shipped import shipped_studies
from medmonai.text_files import read_json_text

SCHEMA = "study.schema.json"
_KINDS = {
    "object": "an object {name: value}",
    "array": "a list [...]",
    "string": "a text",
    "integer": "a whole number",
}
# Parts of a study file whose names are config ids, with how deep they lie.
_OF_IDS = {("overrides", 1), ("arms", 2), ("bundle_overrides", 2), ("grid", 1)}


@dataclass(frozen=True)
class Study:
    """What a study file says.

    Args:
        bundles: folders of bundles.
        arms: name -> overrides of config ids, or {"estimator": {...}} for a scikit-learn baseline.
        seeds: of every arm.
        baseline: the variant that the others are compared with; None for no comparison.
        grid: config id -> values to try with every arm of overrides.
        folds: parts of a cross-validation over train and validation cases; None for the bundles'
            own splits.
        overrides: config ids for every cell.
        bundle_overrides: bundle name -> config ids for its cells.
        title: heads the summary.
        question: what the study is to answer.
    """

    bundles: tuple[str, ...]
    arms: Mapping[str, Mapping[str, Any]]
    seeds: tuple[int, ...]
    baseline: str | None = None
    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    folds: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    bundle_overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    title: str = "Study"
    question: str = ""

    def only(self, bundles: Sequence[str]) -> Study:
        """Return the study of these bundles alone, named by the last part of their folders.

        Raises:
            ValueError: a bundle that the study does not have.
        """
        names = [Path(bundle).name for bundle in self.bundles]
        for name in bundles:
            if name not in names:
                raise ValueError(f"bundle {name!r} is not in the study; it has {', '.join(names)}.")
        return replace(
            self, bundles=tuple(bundle for bundle in self.bundles if Path(bundle).name in bundles)
        )

    def points(self, arm: str) -> list[dict[str, Any]]:
        """Return the grid points of an arm; one, {}, without a grid and for a scikit-learn
        baseline.
        """
        if "estimator" in self.arms[arm]:
            return [{}]
        return [dict(zip(self.grid, values)) for values in product(*self.grid.values())]

    @property
    def variants(self) -> list[str]:
        """Names of all arms, with their grid points."""
        return [variant_name(arm, point) for arm in self.arms for point in self.points(arm)]


def variant_name(arm: str, point: Mapping[str, Any]) -> str:
    """Name an arm with its grid point, such as "none, learning_rate=0.1"."""
    values = (
        f"{name}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in point.items()
    )
    return ", ".join([arm, *values])


def schema() -> dict[str, Any]:
    """Return the JSON Schema of study files."""
    return json.loads((files("medmonai.studies") / SCHEMA).read_text(encoding="utf-8"))


def find_study(path: str | Path) -> Path:
    """Return the study file that is meant: a file that exists, else a study of that name that comes
    with the package.
    """
    path = Path(path)
    return path if path.exists() or len(path.parts) > 1 else shipped_studies().get(path.stem, path)


def read_study(path: str | Path) -> Study:
    """Read a study file; its bundles are relative to the file's folder.

    Raises:
        FileNotFoundError: no such file, or a bundle that does not exist (the nearest is named).
        ValueError: not JSON, not what the schema says, a baseline or a bundle name that the study
            does not have.
    """
    path = Path(path)
    if not path.is_file():
        beside = [str(path.parent / file.name) for file in path.parent.glob("*.json")]
        known = [*beside, *(shipped_studies() if len(path.parts) == 1 else ())]
        hint = did_you_mean(path, known, show="{}", cutoff=0.3)
        raise FileNotFoundError(f"no study file at {path}{f'; {hint}' if hint else '.'}")
    try:
        content = read_json_text(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a study file: {error}") from None
    wrong = best_match(Draft202012Validator(schema()).iter_errors(content))
    if wrong is not None:
        where = "#".join(map(str, wrong.absolute_path)) or "the study"
        said = _kind(wrong) or f"{wrong.message}{_near(wrong, content)}"
        raise ValueError(f"{path}: {where}: {said}; see medmonai/studies/{SCHEMA}.")
    bundles = tuple(str((path.parent / bundle).resolve()) for bundle in content["bundles"])
    for bundle in bundles:
        bundle_configs(bundle)
    grid = {name: tuple(values) for name, values in content.get("grid", {}).items()}
    fields = {
        name: value
        for name, value in content.items()
        if name not in ("$schema", "bundles", "seeds", "grid")
    }
    study = Study(
        bundles=bundles, seeds=tuple(content["seeds"]), grid=grid, **{"title": path.stem, **fields}
    )
    _check_names(study, path)
    return study


def _kind(wrong: Any) -> str:
    """Say which kind of value is needed, in the words of JSON; "" for another fault."""
    if wrong.validator != "type":
        return ""
    where = [str(part) for part in wrong.absolute_path]
    of_ids = wrong.validator_value == "object" and bool(where) and (where[0], len(where)) in _OF_IDS
    needed = (
        "an object {id: value}"
        if of_ids
        else _KINDS.get(wrong.validator_value, str(wrong.validator_value))
    )
    return f"{json.dumps(wrong.instance, ensure_ascii=False)[:60]} is given; {needed} is needed"


def _near(wrong: Any, content: Mapping[str, Any]) -> str:
    """Name the known key that an unknown one is nearest to."""
    if wrong.validator != "additionalProperties" or not isinstance(wrong.instance, Mapping):
        return ""
    known = list(wrong.schema.get("properties", {}))
    unknown = next((name for name in wrong.instance if name not in known), "")
    return f" ({did_you_mean(unknown, known, otherwise=f'known are {_listed(known)}')})"


def _check_names(study: Study, path: Path) -> None:
    names = {
        "baseline": ([] if study.baseline is None else [study.baseline], study.variants),
        "bundle_overrides": (
            list(study.bundle_overrides),
            [Path(bundle).name for bundle in study.bundles],
        ),
    }
    for what, (given, known) in names.items():
        for name in given:
            if name not in known:
                hint = did_you_mean(
                    name, known, cutoff=0.3, otherwise=f"known are {_listed(known)}."
                )
                raise ValueError(
                    f"{path}: {what} names {name!r}, which the study does not have; {hint}"
                )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
