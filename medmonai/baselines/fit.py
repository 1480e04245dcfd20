"""From a training cohort and the name of a classifier to predictions tables."""

from __future__ import annotations

import importlib.metadata
import platform
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from medmonai.data import Cohort
from medmonai.predictions import Predictions
from medmonai.task import Task

from . import estimators
from .features import check_kind, image_features

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

_PACKAGES = ("numpy", "scipy", "scikit-learn")
COVARIATES = "covariates"
_ROWS = 4096  # cases whose features are held at once while predicting


@dataclass(frozen=True, eq=False)
class TrainedBaseline:
    """A fitted classifier that makes predictions tables of cohorts, and the record of how it was
    made.

    There is nothing to save: the record and the training cohort repeat it exactly, and a pickle
    could run any code.

    Args:
        pipeline: fitted, from features to probabilities.
        features: the kind of features it takes.
        expects: what a cohort must share with the training cohort: task, class names, channels,
            size and dtype.
        record: what JSON can hold: estimator, features, parameters, seed, jobs, num_cases,
            num_features, seconds (features, fit), versions.
    """

    pipeline: Pipeline
    features: str
    expects: Mapping[str, Any]
    record: Mapping[str, Any]

    def predict(self, cohort: Cohort) -> Predictions:
        """Return the predictions of a cohort: a column for each class of its task, 0 for one that
        training never saw.

        Raises:
            ValueError: another task, other class names, channels, size or dtype than the training
                cohort.
        """
        _check_alike(self.expects, cohort)
        with _threads(self.record["jobs"]):
            scores = [
                self._scores(_rows(cohort, slice(i, i + _ROWS), self.features))
                for i in range(0, len(cohort), _ROWS)
            ]
        return Predictions(
            cohort.ids,
            cohort.labels,
            np.concatenate(scores),
            cohort.task,
            cohort.class_names,
            cohort.groups,
        )

    def _scores(self, features: np.ndarray) -> np.ndarray:
        import joblib

        task = self.expects["task"]
        # threads would add up the trees in the order in which they finish
        with joblib.parallel_config("sequential"):
            scores = self.pipeline.predict_proba(features)
        if not _is_one_column(task):
            return scores
        columns = np.zeros((len(scores), max(task.num_classes, 2)))
        columns[:, self.pipeline.classes_] = scores
        return columns[:, -task.num_classes :]


def train_baseline(
    train: Cohort,
    *,
    estimator: str,
    features: str = "pixels",
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> TrainedBaseline:
    """Fit a scikit-learn classifier to the images of a cohort, or to its covariates.

    The same arguments give the same predictions, whatever the number of jobs.

    Args:
        train: the training cases.
        estimator: one of `ESTIMATORS`.
        features: one of `FEATURES`, see `image_features`; or "covariates", see
            `medmonai.data.with_covariates`.
        parameters: of the classifier, see `medmonai.baselines.estimator`.
        seed: of the classifier's random numbers.
        jobs: threads for "random_forest" and "gradient_boosting"; "logistic_regression" needs one.

    Raises:
        ValueError: an unknown estimator, parameter or kind of features; a training cohort with
            nothing to tell apart, or without covariates where they are the features.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> train, test = (
        ...     lesion_phantom(split=split, spatial_size=(16, 16), num_cases=80)
        ...     for split in ("train", "test")
        ... )
        >>> baseline = train_baseline(train, estimator="logistic_regression")
        >>> baseline.predict(test).y_score.shape, baseline.record["num_features"]
        ((80, 2), 256)
    """
    parameters = dict(parameters or {})
    pipeline = estimators.estimator(estimator, task=train.task, seed=seed, jobs=jobs, **parameters)
    if features != COVARIATES:
        check_kind(features)
    if estimator != "majority":
        _check_classes(train)
    start = time.perf_counter()
    rows = _rows(train, slice(None), features)
    middle = time.perf_counter()
    labels = (
        train.labels[:, 0]
        if train.task.kind == "multilabel" and _is_one_column(train.task)
        else train.labels
    )
    with _threads(jobs), warnings.catch_warnings():
        # One-versus-rest says what _check_classes has said, with numbers instead of names.
        warnings.filterwarnings(
            "ignore", message="Label .* present in all training examples", category=UserWarning
        )
        pipeline.fit(rows, labels)
    seconds = {"features": round(middle - start, 3), "fit": round(time.perf_counter() - middle, 3)}
    record = {
        "estimator": estimator,
        "features": features,
        "seed": seed,
        "jobs": jobs,
        "parameters": {**estimators.ESTIMATORS[estimator], **parameters},
        "num_cases": len(rows),
        "num_features": rows.shape[1],
        "seconds": seconds,
        "versions": _versions(),
    }
    return TrainedBaseline(pipeline, features, _interface(train), record)


def fit_baseline(
    train: Cohort,
    others: Mapping[str, Cohort],
    *,
    estimator: str,
    features: str = "pixels",
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
    jobs: int = 1,
) -> dict[str, Predictions]:
    """Fit a classifier to one cohort and return its predictions of the others, under the same keys.

    `train_baseline` and `TrainedBaseline.predict` in one; all cohorts are compared before the work
    begins.

    Raises:
        ValueError: as `train_baseline`; a cohort with another task, other class names, channels,
            size or dtype than `train`.
    """
    for cohort in others.values():
        _check_alike(_interface(train), cohort)
    trained = train_baseline(
        train, estimator=estimator, features=features, parameters=parameters, seed=seed, jobs=jobs
    )
    return {name: trained.predict(cohort) for name, cohort in others.items()}


def _rows(cohort: Cohort, part: slice, features: str) -> np.ndarray:
    """Return the features of some cases, (n, F)."""
    if features != COVARIATES:
        return image_features(cohort.images[part], features)
    if cohort.covariates is None:
        raise ValueError(
            f"features='covariates': {cohort.provenance.name} {cohort.split} has none; encode them "
            "with medmonai.data.with_covariates."
        )
    return cohort.covariates[part]


def _is_one_column(task: Task) -> bool:
    """Whether scikit-learn sees one column of labels: all but several labels."""
    return task.exclusive or task.num_classes == 1


def _check_classes(train: Cohort) -> None:
    """Warn of classes that cannot be learned; raise ValueError if nothing can."""
    counts = train.class_counts()
    name = train.provenance.name
    full = len(train)
    seen = [n for n in counts.values() if 0 < n < full]
    if not seen:
        raise ValueError(
            f"{name} {train.split}: nothing to tell apart (counts: {counts} of {full} cases); a "
            "classifier needs cases of two classes, or of a label both ways."
        )
    never = [repr(c) for c, n in counts.items() if n == 0]
    always = [repr(c) for c, n in counts.items() if n == full]
    for classes, what, score in ((never, "no case", 0), (always, "every case", 1)):
        if classes:
            warnings.warn(
                f"{name} {train.split}: {what} has {', '.join(classes)}: scored "
                f"{score} everywhere.",
                UserWarning,
                stacklevel=3,
            )


def _interface(cohort: Cohort) -> dict[str, Any]:
    # The dtype belongs to it: only uint8 gray values are divided by 255.
    return {
        "task": cohort.task,
        "class_names": cohort.class_names,
        "in_channels": cohort.in_channels,
        "spatial_size": cohort.spatial_size,
        "dtype": cohort.images.dtype.name,
    }


def _check_alike(expects: Mapping[str, Any], cohort: Cohort) -> None:
    interface = _interface(cohort)
    for name, expected in expects.items():
        if interface[name] != expected:
            raise ValueError(
                f"{cohort.provenance.name} {cohort.split} has {name} {interface[name]}; the "
                "baseline "
                f"is trained on {expected}. Give cohorts of one data set and size."
            )


@contextmanager
def _threads(jobs: int) -> Iterator[None]:
    """Limit OpenMP (gradient boosting) to the jobs; BLAS to 1, because its sums depend on the
    number of threads.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits({"openmp": jobs, "blas": 1}):
        yield


def _versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in _PACKAGES
    }
