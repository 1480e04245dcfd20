"""Weights with which a network begins to look at covariates: logistic regression on them alone."""

from __future__ import annotations

import numpy as np

from medmonai.data import Cohort, CovariateEncoder, with_covariates

# Scikit-learn's own default; encoded covariates have a scale of about 1.
PENALTY = 1.0


def covariate_weights(cohort: Cohort, encoder: CovariateEncoder) -> list[list[float]]:
    """Fit a logistic regression to the covariates of training cases; return its weights and, last,
    its intercept: one row per output of a network.

    For `medmonai.networks.CovariateNetwork`. Multinomial for several classes, one regression per
    label of a multilabel task; L2 penalty with C = 1. A class without a case among these, and a
    label that all or none of them have, get zeros.

    Args:
        cohort: the training cases.
        encoder: of their covariates.

    Raises:
        ValueError: a column that the cohort lacks.

    Example:
        >>> import dataclasses
        >>> from medmonai.data import fit_covariates, lesion_phantom
        >>> cohort = lesion_phantom(split="train", num_cases=40)
        >>> ages = (50 + 20 * cohort.labels + np.arange(40)).astype(str)
        >>> cohort = dataclasses.replace(cohort, metadata={"age": ages})
        >>> weights = covariate_weights(cohort, fit_covariates(cohort, ["age"]))
        >>> len(weights), len(weights[0]), weights[0][0] > 0
        (1, 3, True)
    """
    values = with_covariates(cohort, encoder).covariates
    assert values is not None
    task = cohort.task
    weights = np.zeros((task.num_outputs, values.shape[1] + 1))
    if not task.exclusive:
        for row, labels in zip(weights, cohort.labels.T):
            if len(np.unique(labels)) == 2:
                row[:] = _fitted(values, labels)[1][-1]
    elif len(np.unique(cohort.labels)) > 1:
        classes, rows = _fitted(values, cohort.labels)
        if task.num_outputs == 1:
            weights[0] = rows[0]
        elif len(classes) == 2:  # scikit-learn gives one row for two classes
            weights[classes[0]] = -rows[0] / 2
            weights[classes[1]] = rows[0] / 2
        else:
            weights[classes] = rows
    return weights.tolist()


def _fitted(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes, and weights and intercept of each (of the second alone, where they are
    two).
    """
    from sklearn.linear_model import LogisticRegression

    regression = LogisticRegression(C=PENALTY, max_iter=1000).fit(values.astype(float), labels)
    return regression.classes_, np.column_stack([regression.coef_, regression.intercept_])
