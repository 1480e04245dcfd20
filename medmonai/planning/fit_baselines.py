"""The classifiers that a fit trains beside each member, on the same cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medmonai.baselines import train_baseline
from medmonai.bundle import bundle_cohorts
from medmonai.predictions import write_predictions

from .covariates import COVARIATES, covariates_alone
from .fit_results import BASELINE
from .frozen_baseline import FROZEN, frozen_baseline


def train_baselines(
    bundle: Path,
    files: Mapping[str, list[Path]],
    *,
    overrides: Mapping[str, Any],
    seed: int,
    jobs: int,
) -> None:
    """Write the predictions of the baselines of a member, unless they are there.

    Args:
        bundle: of the member.
        files: BASELINE and perhaps COVARIATES, FROZEN -> their files of validation and test; in
            the run folder of the member.
        overrides: with which the bundle finds the cases of the member.
        seed: of the classifiers.
        jobs: threads.
    """
    missing = [name for name, paths in files.items() if not all(path.is_file() for path in paths)]
    if not missing:
        return
    train, *others = bundle_cohorts(bundle, overrides)
    if BASELINE in missing:
        baseline = train_baseline(
            train,
            estimator="random_forest",
            features="intensity_texture",
            seed=seed,
            jobs=jobs,
        )
        for cohort, file in zip(others, files[BASELINE]):
            write_predictions(baseline.predict(cohort), file, overwrite=True)
    if COVARIATES in missing:
        weights = files[COVARIATES][0].parent / "models" / "model.pt"
        tables = covariates_alone([train, *others], weights, seed=seed)
        for table, file in zip(tables, files[COVARIATES]):
            write_predictions(table, file, overwrite=True)
    if FROZEN in missing:
        tables = frozen_baseline(bundle, [train, *others], overrides["pretrained"], seed=seed)
        for table, file in zip(tables, files[FROZEN]):
            write_predictions(table, file, overwrite=True)
