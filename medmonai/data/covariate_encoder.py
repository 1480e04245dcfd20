"""From covariates (age, sex, site) to numbers for a network, fitted on training cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.run_files import parts_of, read_record

from .covariate_columns import (
    Covariate,
    covariate_of,
)

FILE_NAME = "covariates.json"


@dataclass(frozen=True)
class CovariateEncoder:
    """Covariates of cases as numbers: scaled measurements, and one value per category.

    `fit_covariates` fits one on training cases. It is stored as JSON beside the weights of the
    network that was trained with it (`models/covariates.json`). Scikit-learn's `ColumnTransformer`
    does the same, but it can only be stored as a pickle, which may run any code.

    Args:
        columns: the covariates, in the order of their values.

    Example:
        >>> from medmonai.data.covariate_columns import CategoricalCovariate, NumericCovariate
        >>> encoder = CovariateEncoder(
        ...     (
        ...         NumericCovariate("age", mean=60.0, sd=10.0, low=40.0, high=80.0, missing=0),
        ...         CategoricalCovariate("sex", categories=("f", "m"), counts=(5, 4), missing=0),
        ...     )
        ... )
        >>> encoder.encode({"age": ["70", ""], "sex": ["F", "x"]}).tolist()
        [[1.0, 0.0, 1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0]]
    """

    columns: tuple[Covariate, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a table that are needed."""
        return tuple(column.name for column in self.columns)

    @property
    def num_values(self) -> int:
        """Encoded values of a case."""
        return sum(column.num_values for column in self.columns)

    def encode(self, table: Mapping[str, Sequence[str] | np.ndarray]) -> np.ndarray:
        """Return float32 (N, num_values).

        Args:
            table: column -> (N,) texts; "" where a value is missing.

        Raises:
            ValueError: a column is missing.
        """
        require_columns(table, self.names)
        parts = [column.encode(list(table[column.name])) for column in self.columns]
        return np.concatenate(parts, axis=1)

    def remarks(self, case: Mapping[str, str]) -> list[str]:
        """Return how the covariates of a case are unlike those of the training, a phrase each."""
        said = (column.remark(case[column.name]) for column in self.columns)
        return [phrase for phrase in said if phrase]

    def layout(self) -> list[dict[str, Any]]:
        """Return names, kinds and categories: what does not depend on the training cases."""
        return [column.layout() for column in self.columns]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-compatible values."""
        return {"columns": [column.as_dict() for column in self.columns]}

    def write(self, path: Path) -> None:
        """Write everything as JSON; nothing where the file holds it already.

        Raises:
            ValueError: the file holds another encoder, as after a change of the covariates of the
                training cases.
        """
        if path.is_file() and read_covariates(path) != self:
            raise ValueError(
                f"{path} was fitted to other covariates of the training cases than there are now; "
                "put the table back, or choose another --output_dir."
            )
        write_json(self.as_dict(), path)


@dataclass(frozen=True)
class MemberEncoders:
    """The encoders of the members of an ensemble: each was fitted on the training cases of its own
    member.

    Args:
        members: with the same names, kinds and categories.

    Raises:
        ValueError: members that differ in them.
    """

    members: tuple[CovariateEncoder, ...]

    def __post_init__(self) -> None:
        if any(member.layout() != self.members[0].layout() for member in self.members):
            raise ValueError(
                "the members of an ensemble encode other covariates or categories; fit them with "
                "the same ones."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of a table that are needed."""
        return self.members[0].names

    @property
    def num_values(self) -> int:
        """Encoded values of a case for one member."""
        return self.members[0].num_values

    def encode(self, table: Mapping[str, Sequence[str] | np.ndarray]) -> np.ndarray:
        """Return float32 (N, members, num_values); see `CovariateEncoder.encode`."""
        return np.stack([member.encode(table) for member in self.members], axis=1)

    def remarks(self, case: Mapping[str, str]) -> list[str]:
        """Return how the covariates of a case are unlike those of the training of a member."""
        # Each member has its own range: one phrase per covariate is enough.
        columns = zip(*(member.columns for member in self.members))
        said = (
            next(filter(None, (column.remark(case[column.name]) for column in of_members)), "")
            for of_members in columns
        )
        return [phrase for phrase in said if phrase]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-compatible values."""
        return {"members": [member.as_dict() for member in self.members]}

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        write_json(self.as_dict(), path)


def read_covariates(path: str | Path) -> CovariateEncoder | MemberEncoders:
    """Read an encoder that was stored with the weights of a network or of an ensemble.

    Args:
        path: the JSON file, or the file of the weights beside which it lies as `covariates.json`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file.
    """
    path = Path(path)
    path = path if path.suffix == ".json" else path.with_name(FILE_NAME)
    if not path.is_file():
        raise FileNotFoundError(
            f"no {path}: this network takes covariates, and the file says how they become numbers; "
            "it is written beside the weights in training."
        )
    stored = read_record(path)
    with parts_of(path):
        return covariates_from(stored)


def covariates_from(stored: Mapping[str, Any]) -> CovariateEncoder | MemberEncoders:
    """Return the encoder that `as_dict` of one or the other wrote.

    Raises:
        KeyError, TypeError, ValueError: something else.
    """
    if "members" in stored:
        return MemberEncoders(tuple(map(_encoder, stored["members"])))
    return _encoder(stored)


def _encoder(stored: Mapping[str, Any]) -> CovariateEncoder:
    return CovariateEncoder(tuple(map(covariate_of, stored["columns"])))


def require_columns(table: Mapping[str, Any], names: Sequence[str]) -> None:
    """Raise ValueError if a table of covariates lacks a column."""
    missing = [name for name in names if name not in table]
    if missing:
        known = ", ".join(map(repr, table)) or "none"
        raise ValueError(
            f"covariates: no column {', '.join(map(repr, missing))} is known of these cases; known "
            f"are {known}. A table of images reads them with covariates=[...] (--covariates)."
        )
