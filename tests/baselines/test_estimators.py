from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from medmonai.baselines import ESTIMATORS, estimator
from medmonai.task import Task

BINARY, LABELS = Task("binary", 2), Task("multilabel", 3)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    "task", [BINARY, Task("multiclass", 4), Task("ordinal", 3), LABELS, Task("multilabel", 1)]
)
def test_the_last_step_fits_the_task(name, task):
    pipeline = estimator(name, task=task, seed=7)
    assert isinstance(pipeline[-1], OneVsRestClassifier) == (task == LABELS)
    classifier = pipeline[-1].estimator if task == LABELS else pipeline[-1]
    assert classifier.random_state == 7
    assert classifier.get_params().items() >= ESTIMATORS[name].items()
    assert any(isinstance(step, StandardScaler) for step in pipeline) == (
        name == "logistic_regression"
    )


def test_logistic_regression_equals_scikit_learns_by_hand():
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 5, (80, 4)), rng.integers(0, 2, 80)
    found = (
        estimator("logistic_regression", task=BINARY, C=0.5, class_weight=[1, 3])
        .fit(x, y)
        .predict_proba(x)
    )
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    expected = (
        LogisticRegression(C=0.5, max_iter=1000, class_weight={0: 1, 1: 3})
        .fit(scaled, y)
        .predict_proba(scaled)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_parameters_replace_the_defaults():
    assert (
        estimator("random_forest", task=BINARY, n_estimators=10, jobs=2)[-1].get_params().items()
        >= {"n_estimators": 10, "n_jobs": 2}.items()
    )
    assert estimator("logistic_regression", task=BINARY)[-1].class_weight is None
    assert estimator("logistic_regression", task=BINARY, class_weight=None)[-1].class_weight is None
    assert (
        estimator("logistic_regression", task=LABELS, class_weight="balanced")[
            -1
        ].estimator.class_weight
        == "balanced"
    )


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        (
            "random_forrest",
            {},
            (
                r"'random_forrest' is unknown; did you mean 'random_forest'\? use one of "
                r"logistic_regression, "
            ),
        ),
        (
            "random_forest",
            {"n_estimator": 5},
            r"no parameter 'n_estimator'; did you mean 'n_estimators'\? use one of ",
        ),
        ("random_forest", {"random_state": 5}, "give seed instead"),
        ("random_forest", {"n_jobs": 5}, "give jobs instead"),
        ("majority", {"strategy": "uniform"}, "no parameter 'strategy'; it takes none"),
        (
            "logistic_regression",
            {"class_weight": "balance"},
            "'balance'; a binary task takes 'balanced' or null or a list of 2",
        ),
        ("logistic_regression", {"class_weight": [1, 2, 3]}, "a list of 2 positive weights"),
        ("logistic_regression", {"class_weight": [1, -2]}, "a list of 2 positive weights"),
        ("logistic_regression", {"class_weight": {"0": 1}}, "a list of 2 positive weights"),
    ],
)
def test_errors(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        estimator(name, task=BINARY, **parameters)


def test_errors_of_jobs_and_weights_of_labels():
    with pytest.raises(ValueError, match="jobs=0; at least 1"):
        estimator("random_forest", task=BINARY, jobs=0)
    with pytest.raises(ValueError, match="a multilabel task takes 'balanced' or null"):
        estimator("random_forest", task=LABELS, class_weight=[1, 1, 1])
