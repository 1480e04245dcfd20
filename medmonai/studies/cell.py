"""One cell of a study: a bundle with overrides and a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .definition import variant_name


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Args:
        bundle: the bundle's folder.
        arm: name of the arm.
        seed: the seed.
        point: grid values; {} without a grid.
        fold: number of the cross-validation part, from 0; None without.
        overrides: config ids -> values of this run, without output_dir.
        estimator: the scikit-learn baseline to fit instead of training the bundle; None for a
            network.
        key: hash of what the result follows from; names the folder.
        data: hashes of the training, validation and test cases that it was planned with.
    """

    bundle: str
    arm: str
    seed: int
    point: Mapping[str, Any] = field(default_factory=dict)
    fold: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    estimator: Mapping[str, Any] | None = None
    key: str = ""
    data: Sequence[str] = ()

    @property
    def bundle_name(self) -> str:
        """Last part of the bundle's folder."""
        return Path(self.bundle).name

    @property
    def variant(self) -> str:
        """The arm with its grid point: what is compared."""
        return variant_name(self.arm, self.point)

    @property
    def name(self) -> str:
        """What a person calls the cell."""
        fold = "" if self.fold is None else f", fold {self.fold}"
        return f"{self.bundle_name}: {self.variant}, seed {self.seed}{fold}"

    @property
    def folder_name(self) -> str:
        """The cell's folder below the study's `cells`."""
        return f"{self.bundle_name}-{self.key}"
