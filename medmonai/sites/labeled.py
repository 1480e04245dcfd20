"""Labeled cases of another site, with the classes of a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data import Listing
from medmonai.data.class_names import class_keys, folded
from medmonai.data.describe import open_source
from medmonai.data.files import read_case
from medmonai.deployment import GivenCase, Model
from medmonai.tables import OTHER_TABLES, TABLE_SUFFIXES


@dataclass(frozen=True, eq=False)
class LabeledCases:
    """Cases of a site before they are decoded.

    Args:
        cases: names the images.
        labels: (N,) or (N, L), in the order of the model's classes.
        groups: (N,) patient of each case; None if not known.
        source: where they come from.
        notes: one sentence for each thing that a reader of a result should know.
    """

    cases: tuple[GivenCase, ...]
    labels: np.ndarray
    groups: np.ndarray | None
    source: Path
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)


def list_labeled(source: str | Path, model: Model, options: Mapping[str, Any]) -> LabeledCases:
    """List the labeled images of a site.

    Classes are matched with the model's by name; case and spaces do not count, and numbers are
    compared by value. A source need not have all of them.

    Args:
        source: a table (CSV, .xlsx), a folder of class folders, or an npz file.
        model: says what the classes, channels and covariates are.
        options: as for `medmonai.data.describe.open_source`.

    Raises:
        FileNotFoundError: no such source.
        ValueError: other classes than the model's, another kind of task, or a table without the
            columns that the model takes.
    """
    path = Path(source).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; give a table (CSV, .xlsx), a folder of class folders or an "
            "npz file."
        )
    given = _options(path, model, options)
    try:
        listing = open_source(str(path), given)
    except ValueError as error:
        # The message is to name the classes, and not an option that was not given.
        if "positive_class" not in str(error) or given.pop("positive_class", None) is None:
            raise
        listing = open_source(str(path), given)
    assert isinstance(listing, Listing)  # of everything that is a path
    columns = {} if model.covariates is None else model.covariates.names
    cases = tuple(
        GivenCase(
            str(name),
            read=partial(read_case, file),
            covariates={column: str(listing.metadata[column][row]) for column in columns},
        )
        for row, (name, file) in enumerate(zip(listing.ids, listing.files))
    )
    return LabeledCases(cases, _labels(listing, model), listing.groups, path, listing.notes)


def _classes_of(model: Model) -> str:
    names = ", ".join(model.class_names)
    return (
        f"The model's classes are {names}; write these names in the source, or say what its values "
        """mean: --class_names '{"VALUE": "CLASS", ...}'."""
    )


def _options(path: Path, model: Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with what the model already says about its columns."""
    given = {name.replace("-", "_"): value for name, value in options.items()}
    is_table = path.suffix.lower() in (*TABLE_SUFFIXES, *OTHER_TABLES)
    covariates = () if model.covariates is None else model.covariates.names
    needed = (*model.image_columns, *covariates)
    _require_positive(given.pop("positive_class", None), model)
    if model.task.kind == "binary" and "class_names" not in given:
        given["positive_class"] = model.class_names[1]
    if not is_table:
        if needed:
            raise ValueError(
                f"{path} is not a table, and the model takes {', '.join(needed)}; give a table "
                "with these columns."
            )
        return given
    if "split_column" in given:
        raise ValueError(
            f"--split_column {given['split_column']}: all rows of {path.name} are used; remove the "
            "option, and the rows that are not meant."
        )
    if model.image_columns:
        given.setdefault("image_column", list(model.image_columns))
    if model.task.kind == "multilabel":
        given.setdefault("label_column", list(model.class_names))
    if covariates:
        stated = given.get("metadata_columns", [])
        stated = stated.split(",") if isinstance(stated, str) else list(stated)
        given["metadata_columns"] = [*stated, *covariates]
    volumes = len(model.form.spatial_size) == 3
    return {"dicom_folders": "series" if volumes else "files", "split_column": "", **given}


def _require_positive(stated: Any, model: Model) -> None:
    """Refuse a positive class that is not the model's: the networks and the threshold are about
    it.
    """
    if stated is None:
        return
    if model.task.kind != "binary":
        raise ValueError(
            f"--positive_class {stated}: the model has no positive class; remove the option."
        )
    positive = model.class_names[1]
    if folded(str(stated)) != folded(positive):
        raise ValueError(
            f"--positive_class {stated}: the positive class is the model's, {positive}; remove the "
            "option."
        )


def _labels(listing: Listing, model: Model) -> np.ndarray:
    """Return the labels in the order of the model's classes."""
    keys = class_keys([*model.class_names, *listing.class_names])  # 1 and 1.0 are one class
    places = {keys[name]: place for place, name in enumerate(model.class_names)}
    order = [places.get(keys[name], -1) for name in listing.class_names]
    exclusive = model.task.exclusive
    if listing.task.exclusive != exclusive:
        wanted = "one class for each case" if exclusive else "several labels for each case"
        raise ValueError(
            f"{listing.provenance.name}: the model decides {wanted}; name the columns of its "
            f"labels with label_column (--label_column): {', '.join(model.class_names)}."
        )
    if -1 in order or (not exclusive and len(order) < len(places)):
        raise ValueError(
            f"{listing.provenance.name} has the classes {', '.join(listing.class_names)}. "
            f"{_classes_of(model)}"
        )
    if exclusive:
        return np.asarray(order, np.int64)[listing.labels]
    labels = np.zeros_like(listing.labels)
    labels[:, order] = listing.labels
    return labels
