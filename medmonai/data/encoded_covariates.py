"""Cases with their covariates encoded, from a cohort's metadata or from a table of images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medmonai.tables import read_metadata

from .cohort import Cohort
from .covariate_encoder import CovariateEncoder, MemberEncoders
from .options import Options


@dataclass(frozen=True)
class CovariateTable(Options):
    """A table of covariates of images that have no labels, and their encoder.

    Args:
        table: a table with a column `id` and the covariates.
        encoder: of the network that sees the images.
    """

    table: str | Path | None
    encoder: CovariateEncoder | MemberEncoders

    def encoded(self, ids: np.ndarray) -> np.ndarray:
        """Return the encoded covariates of images by their ids.

        Raises:
            ValueError: no table, one without a column that is needed, or without a row of an image.
        """
        names = self.encoder.names
        if self.table is None:
            raise ValueError(
                f"the network takes the covariates {', '.join(names)}; give a table with them and "
                "a column 'id' (covariates_file; --covariates_file FILE)."
            )
        return self.encoder.encode(read_metadata(self.table, ids, columns=names))


def with_covariates(cohort: Cohort, encoder: CovariateEncoder | MemberEncoders) -> Cohort:
    """Return a cohort with its covariates encoded, for a network that takes them beside the images.

    Raises:
        ValueError: a column that the cohort lacks.
    """
    return replace(cohort, covariates=encoder.encode(cohort.metadata))
