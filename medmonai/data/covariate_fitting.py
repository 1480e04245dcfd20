"""Covariates of training cases: which numbers and categories they are, and their encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .cohort import Cohort
from .covariate_columns import (
    CategoricalCovariate,
    Covariate,
    NumericCovariate,
    kind_of,
    names_of,
)
from .covariate_encoder import CovariateEncoder, require_columns


def covariate_layout(
    table: Mapping[str, Sequence[str] | np.ndarray], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return name, kind and categories of some columns, as a recipe states them.

    Args:
        table: column -> (N,) texts.
        names: the columns.

    Raises:
        ValueError: a column that the table lacks, or numbers that can be read in two ways.

    Example:
        >>> covariate_layout({"age": ["61", ""], "sex": ["m", "f"]}, ["age", "sex"])
        ... # doctest: +NORMALIZE_WHITESPACE
        [{'name': 'age', 'kind': 'number'},
         {'name': 'sex', 'kind': 'category', 'categories': ['f', 'm']}]
    """
    require_columns(table, names)
    layout = []
    for name in names:
        texts = list(map(str, table[name]))
        if kind_of(texts) == "number":
            layout.append({"name": name, "kind": "number"})
        else:
            layout.append({"name": name, "kind": "category", "categories": names_of(texts)})
    return layout


def fit_covariates(cohort: Cohort, columns: Sequence[str | Mapping[str, Any]]) -> CovariateEncoder:
    """Fit the encoder of some columns of a cohort's metadata on its cases, the training cases.

    - A column where every cell that is not blank is a number becomes (x - mean) / sd, 0 where it is
      missing, and a second value that is 1 where it is missing.
    - Any other column becomes one value per category, and a last one for everything else: missing,
      or not among the training cases.

    Args:
        cohort: the training cases.
        columns: names; or dictionaries with "name", "kind" ("number" or "category") and, for a
            category, "categories". These fix the number of values, whatever the training cases
            are; a category without a training case counts as not seen.

    Raises:
        ValueError: no columns, a column that the cohort lacks, or one that is described wrongly.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> import dataclasses
        >>> cohort = dataclasses.replace(
        ...     lesion_phantom(split="train", num_cases=4),
        ...     metadata={"age": np.array(["40", "60", "", "80"])},
        ... )
        >>> fit_covariates(cohort, ["age"]).encode({"age": ["60", "NA"]}).tolist()
        [[0.0, 0.0], [0.0, 1.0]]
    """
    if not columns or isinstance(columns, str):
        raise ValueError(f"covariates={columns!r}; a list of columns is needed.")
    names = [str(column) if isinstance(column, str) else column.get("name") for column in columns]
    require_columns(cohort.metadata, [str(name) for name in names])
    texts = {name: list(map(str, cohort.metadata[name])) for name in map(str, names)}
    described = [
        covariate_layout(texts, [column])[0] if isinstance(column, str) else dict(column)
        for column in columns
    ]
    return CovariateEncoder(tuple(_fitted(column, texts) for column in described))


def _fitted(column: Mapping[str, Any], texts: Mapping[str, list[str]]) -> Covariate:
    name = column["name"]
    if column.get("kind") == "number":
        return NumericCovariate.fit(name, texts[name])
    categories = column.get("categories")
    if column.get("kind") != "category" or not isinstance(categories, (list, tuple)):
        raise ValueError(
            f"covariates: {name!r} is described by {dict(column)}; 'kind' is 'number', or "
            "'category' with 'categories'."
        )
    return CategoricalCovariate.fit(name, texts[name], categories=categories)
