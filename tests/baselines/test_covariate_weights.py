"""Logistic regression on covariates as the beginning of a network: scikit-learn's own scores."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from medmonai.baselines import covariate_weights, train_baseline
from medmonai.data import Cohort, Provenance, fit_covariates, with_covariates
from medmonai.task import Task


def cohort(task, labels):
    n = len(labels)
    rng = np.random.default_rng(0)
    first = labels if np.ndim(labels) == 1 else labels[:, 0]
    return Cohort(
        np.zeros((n, 1, 4, 4), np.uint8),
        labels=labels,
        ids=np.arange(n).astype(str),
        task=task,
        class_names=tuple("abc"[: task.num_classes]),
        provenance=Provenance("x"),
        split="train",
        metadata={
            "age": np.round(50 + 8 * first + 9 * rng.standard_normal(n), 1).astype(str),
            "sex": np.array(["f", "m", ""])[rng.integers(0, 3, n)],
        },
    )


@pytest.mark.parametrize(
    ("task", "classes"),
    [
        (Task("binary", 2), [0, 1]),
        (Task("multiclass", 3), [0, 1, 2]),
        (Task("ordinal", 3), [0, 1, 2]),
        (Task("multiclass", 3), [0, 2]),  # a class without a case
    ],
)
def test_the_scores_are_those_of_scikit_learn(task, classes):
    labels = np.resize(classes, 90)
    cases = cohort(task, labels)
    encoder = fit_covariates(cases, ["age", "sex"])
    weights = np.array(covariate_weights(cases, encoder))
    values = encoder.encode(cases.metadata)
    logits = values @ weights[:, :-1].T + weights[:, -1]
    regression = LogisticRegression(max_iter=1000).fit(values.astype(float), labels)
    expected = regression.predict_proba(values)
    scores = task.probabilities(torch.from_numpy(logits)).numpy()
    shares = scores[:, classes] / scores[:, classes].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, expected, atol=1e-5)


def test_each_label_of_several_has_its_own_and_one_without_cases_has_none():
    labels = np.stack([np.arange(60) % 2, np.arange(60) % 3 // 2, np.zeros(60)], axis=1).astype(int)
    cases = cohort(Task("multilabel", 3), labels)
    encoder = fit_covariates(cases, ["age"])
    weights = np.array(covariate_weights(cases, encoder))
    values = encoder.encode(cases.metadata).astype(float)
    for row, column in zip(weights[:2], labels.T):
        regression = LogisticRegression(max_iter=1000).fit(values, column)
        np.testing.assert_allclose(row[:-1], regression.coef_[0], rtol=1e-6)
    assert not weights[2].any()


def test_a_baseline_on_covariates_alone():
    cases = cohort(Task("binary", 2), np.arange(90) % 2)
    with pytest.raises(ValueError, match="features='covariates': x train has none"):
        train_baseline(cases, estimator="logistic_regression", features="covariates")
    cases = with_covariates(cases, fit_covariates(cases, ["age", "sex"]))
    trained = train_baseline(
        cases, estimator="logistic_regression", features="covariates", parameters={"C": 1.0}
    )
    table = trained.predict(cases)
    other = trained.predict(dataclasses.replace(cases, images=cases.images + 9))
    np.testing.assert_array_equal(table.y_score, other.y_score)
    assert trained.record["num_features"] == 5
    assert np.mean(table.y_score[cases.labels == 1, 1]) > 0.55
