"""The classifiers of scikit-learn that a network has to beat, with choices that suit images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from medmonai.nearest import did_you_mean
from medmonai.task import Task

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

# What differs from scikit-learn's own defaults. C = .01 had the best validation AUC of 1e-4 ... 1
# on pixels of PneumoniaMNIST and VesselMNIST3D. Early stopping would set single cases aside, not
# groups, and only above 10,000 cases.
ESTIMATORS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "logistic_regression": MappingProxyType({"C": 0.01, "max_iter": 1000}),
        "random_forest": MappingProxyType({"n_estimators": 200}),
        "gradient_boosting": MappingProxyType({"early_stopping": False}),
        "majority": MappingProxyType({}),
    }
)
_SET_HERE = {"n_jobs", "random_state", "verbose", "warm_start"}
_ARGUMENT_FOR = {"random_state": "give seed instead; ", "n_jobs": "give jobs instead; "}


def estimator(
    name: str, *, task: Task, seed: int = 0, jobs: int = 1, **parameters: Any
) -> Pipeline:
    """Return an unfitted scikit-learn pipeline for a task; multilabel tasks get one classifier a
    label.

    - "logistic_regression": features scaled to mean 0 and variance 1 of the training cases, L2
      penalty, C = .01 (choose it on validation), multinomial for many classes;
    - "random_forest": 200 trees (Breiman, Machine Learning 45, 2001);
    - "gradient_boosting": `HistGradientBoostingClassifier`, 100 trees per class, no early stopping;
    - "majority": the share of each class among the training cases as the score of every case: AUC
      .5.

    Ordinal tasks are taken as multiclass ones. The seed matters for "random_forest"; the others
    give the same for every seed, "gradient_boosting" unless ``max_features``, ``early_stopping`` or
    more than 200,000 cases bring chance into it.

    Args:
        name: one of `ESTIMATORS`.
        task: what is predicted.
        seed: of the classifier's random numbers.
        jobs: threads that grow trees ("random_forest").
        parameters: of the scikit-learn class, as it names them; ``class_weight`` is None,
            "balanced" or, but for multilabel tasks, one weight a class.

    Raises:
        ValueError: an unknown name or parameter (the nearest is named), wrong class weights, jobs
            below 1. Values that scikit-learn does not allow raise its ValueError when the pipeline
            is fitted.

    Example:
        >>> estimator("random_forest", task=Task("binary", 2), n_estimators=10)[-1].n_estimators
        10
    """
    if name not in ESTIMATORS:
        raise ValueError(
            f"estimator={name!r} is unknown; {_nearest(name, ESTIMATORS)}use one of "
            f"{', '.join(ESTIMATORS)}."
        )
    if jobs < 1:
        raise ValueError(f"jobs={jobs}; at least 1 is needed.")
    classifier = _classifier(name)
    allowed = sorted(set(classifier.get_params()) - _SET_HERE) if name != "majority" else []
    for parameter in set(parameters).difference(allowed):
        known = f"use one of {', '.join(allowed)}" if allowed else "it takes none"
        hint = _ARGUMENT_FOR.get(parameter) or _nearest(parameter, allowed)
        raise ValueError(f"{name} takes no parameter {parameter!r}; {hint}{known}.")
    given = dict(parameters)
    if given.get("class_weight") is not None:
        given["class_weight"] = _class_weight(given["class_weight"], task)
    own = {"random_state": seed} | ({"n_jobs": jobs} if name == "random_forest" else {})
    return _pipeline(
        classifier.set_params(**{**ESTIMATORS[name], **given, **own}),
        task,
        scaled=name == "logistic_regression",
    )


def _classifier(name: str) -> BaseEstimator:
    # Imported here: scikit-learn's ensembles take more than a second, which a command line should
    # not pay for.
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    return {
        "logistic_regression": LogisticRegression,
        "random_forest": RandomForestClassifier,
        "gradient_boosting": HistGradientBoostingClassifier,
        "majority": DummyClassifier,
    }[name]()


def _pipeline(classifier: BaseEstimator, task: Task, *, scaled: bool) -> Pipeline:
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if task.kind == "multilabel" and task.num_classes > 1:
        classifier = OneVsRestClassifier(classifier)
    return make_pipeline(*[StandardScaler()] * scaled, classifier)


def _class_weight(weights: Any, task: Task) -> str | dict[int, float]:
    if weights == "balanced":
        return weights
    allowed = "'balanced' or null" + (
        f" or a list of {task.num_classes} positive weights" if task.exclusive else ""
    )
    numbers = list(weights) if isinstance(weights, (list, tuple)) and task.exclusive else []
    if len(numbers) != task.num_classes or not all(
        isinstance(w, (int, float)) and 0 < w < float("inf") for w in numbers
    ):
        raise ValueError(f"class_weight={weights!r}; a {task.kind} task takes {allowed}.")
    return dict(enumerate(map(float, numbers)))


def _nearest(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, known, cutoff=0.4)
    return hint and f"{hint} "
