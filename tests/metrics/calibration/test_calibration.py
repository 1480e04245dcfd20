"""ECE, Brier score, NLL and reliability bins against scikit-learn and torchmetrics, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lightning_utilities.core.imports import RequirementCache
from scipy.stats import binomtest
from sklearn import metrics as sk

from medmonai.metrics import (
    brier_score_loss,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_bins,
)
from medmonai.task import Task

BINARY, FIVE, THREE_LABELS = Task("binary", 2), Task("multiclass", 5), Task("multilabel", 3)


def drawn(task, seed=0, n=400):
    rng = np.random.default_rng(seed)
    if task.kind == "multilabel":
        return rng.integers(0, 2, (n, task.num_classes)), rng.random((n, task.num_classes))
    y_score = rng.dirichlet(np.full(task.num_classes, 0.5), n)
    return rng.integers(0, task.num_classes, n), y_score / y_score.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def oracle():
    """torchmetrics' functions, imported without its metrics of images and text: not every torch can
    load torchvision.
    """
    installed = RequirementCache.__bool__
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            RequirementCache,
            "__bool__",
            lambda self: "torch>" in self.requirement and installed(self),
        )
        from torchmetrics.functional import classification
    return classification


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [5, 15])
def test_equal_widths_are_torchmetrics(oracle, seed, bins):
    y_true, y_score = drawn(BINARY, seed)
    options = {"bins": bins, "binning": "equal_width"}
    theirs = oracle.binary_calibration_error(
        torch.tensor(y_score[:, 1]), torch.tensor(y_true), n_bins=bins
    )
    assert expected_calibration_error(y_true, y_score, BINARY, **options) == pytest.approx(
        float(theirs), abs=1e-7
    )
    y_true, y_score = drawn(FIVE, seed)
    theirs = oracle.multiclass_calibration_error(
        torch.tensor(y_score), torch.tensor(y_true), 5, n_bins=bins
    )
    assert expected_calibration_error(y_true, y_score, FIVE, **options) == pytest.approx(
        float(theirs), abs=1e-7
    )


def test_equal_mass_by_definition():
    y_true, y_score = drawn(BINARY)
    order = np.argsort(y_score[:, 1])
    chunks = np.array_split(order, 8)  # 400 cases in 8 bins of 50
    wanted = np.mean([abs(y_true[c].mean() - y_score[c, 1].mean()) for c in chunks])
    assert expected_calibration_error(y_true, y_score, BINARY, bins=8) == pytest.approx(
        wanted, abs=1e-14
    )


def test_classwise_and_multilabel_are_means_of_columns():
    def two(p):
        return np.stack([1 - p, p], axis=1)

    y_true, y_score = drawn(FIVE)
    wanted = np.mean(
        [expected_calibration_error(y_true == c, two(y_score[:, c]), BINARY) for c in range(5)]
    )
    assert expected_calibration_error(y_true, y_score, FIVE, average="classwise") == pytest.approx(
        wanted, abs=1e-14
    )
    y_true, y_score = drawn(THREE_LABELS)
    wanted = np.mean(
        [expected_calibration_error(y_true[:, c], two(y_score[:, c]), BINARY) for c in range(3)]
    )
    assert expected_calibration_error(y_true, y_score, THREE_LABELS) == pytest.approx(
        wanted, abs=1e-14
    )


@pytest.mark.parametrize("binning", ["equal_mass", "equal_width"])
def test_the_order_of_cases_does_not_matter(binning):
    rng = np.random.default_rng(0)
    p, y_true = rng.integers(0, 6, 300) / 5, rng.integers(0, 2, 300)  # many ties
    y_score, order = np.stack([1 - p, p], axis=1), rng.permutation(300)
    a = expected_calibration_error(y_true, y_score, BINARY, binning=binning)
    assert a == pytest.approx(
        expected_calibration_error(y_true[order], y_score[order], BINARY, binning=binning),
        abs=1e-14,
    )


def test_perfectly_calibrated_and_perfectly_wrong():
    p = np.repeat([0.25, 0.75], 40)
    y_true = np.r_[np.arange(40) < 10, np.arange(40) < 30].astype(int)
    assert expected_calibration_error(
        y_true, np.stack([1 - p, p], axis=1), BINARY
    ) == pytest.approx(0, abs=1e-15)
    certain = np.eye(2)[1 - y_true]
    assert expected_calibration_error(
        y_true, certain, BINARY, binning="equal_width"
    ) == pytest.approx(1)


def test_proper_scores_are_scikit_learns():
    y_true, y_score = drawn(BINARY)
    assert brier_score_loss(y_true, y_score, BINARY) == pytest.approx(
        sk.brier_score_loss(y_true, y_score[:, 1]), abs=1e-12
    )
    assert negative_log_likelihood(y_true, y_score, BINARY) == pytest.approx(
        sk.log_loss(y_true, y_score[:, 1]), abs=1e-12
    )
    for task in (FIVE, Task("ordinal", 5)):
        y_true, y_score = drawn(task)
        theirs = sk.brier_score_loss(y_true, y_score, labels=range(5))
        assert brier_score_loss(y_true, y_score, task) == pytest.approx(theirs, abs=1e-12)
        assert negative_log_likelihood(y_true, y_score, task) == pytest.approx(
            sk.log_loss(y_true, y_score), abs=1e-12
        )
    y_true, y_score = drawn(THREE_LABELS)
    pairs = list(zip(y_true.T, y_score.T))
    for ours, theirs in (
        (brier_score_loss, sk.brier_score_loss),
        (negative_log_likelihood, sk.log_loss),
    ):
        assert ours(y_true, y_score, THREE_LABELS) == pytest.approx(
            np.mean([theirs(*pair) for pair in pairs]), abs=1e-12
        )


def test_a_certain_mistake_is_finite():
    y_score = np.eye(2)[[0, 1, 1]]
    theirs = sk.log_loss([1, 1, 0], y_score[:, 1])
    assert negative_log_likelihood([1, 1, 0], y_score, BINARY) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("binning", ["equal_mass", "equal_width"])
def test_reliability_bins(binning):
    rng = np.random.default_rng(0)
    p = rng.random(1000) ** 3
    y_true = (rng.random(1000) < p).astype(int)
    found = reliability_bins(y_true, p, bins=10, binning=binning)
    assert found.count.sum() == 1000
    assert (np.diff(found.mean_predicted) > 0).all()
    assert ((found.low <= found.observed) & (found.observed <= found.high)).all()
    if binning == "equal_mass":
        assert found.count.tolist() == [100] * 10
    gap = np.sum(found.count / 1000 * np.abs(found.observed - found.mean_predicted))
    score = np.stack([1 - p, p], axis=1)
    assert gap == pytest.approx(
        expected_calibration_error(y_true, score, BINARY, bins=10, binning=binning), abs=1e-14
    )
    k = round(found.observed[3] * found.count[3])
    ends = binomtest(k, int(found.count[3])).proportion_ci(method="wilson")
    assert (found.low[3], found.high[3]) == pytest.approx((ends.low, ends.high), abs=1e-12)


def test_few_different_values_make_few_bins():
    found = reliability_bins([0, 1, 1, 1], [0.5, 0.5, 0.5, 1.0], bins=10)
    assert found.count.tolist() == [3, 1]
    assert found.observed.tolist() == [2 / 3, 1]
    assert reliability_bins([1], [0.0], bins=10).count.tolist() == [1]


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: expected_calibration_error([0, 1], [[3, -3], [1, 2]], BINARY),
            "scores range from -3 to 3; calibration needs",
        ),
        (lambda: brier_score_loss([0, 1], [[3, -3], [1, 2]], BINARY), "scores range from -3 to 3"),
        (lambda: reliability_bins([0, 1], [0.1, 1.1]), "scores range from 0.1 to 1.1"),
        (lambda: reliability_bins([], []), "y_true is empty"),
        (lambda: reliability_bins([0, 1], [0.1, 0.9], bins=0), "bins=0"),
        (lambda: reliability_bins([0, 1], [0.1, 0.9], binning="quantile"), "binning='quantile'"),
        (
            lambda: expected_calibration_error([0, 1], np.eye(2), BINARY, average="macro"),
            "average='macro'",
        ),
    ],
)
def test_bad_arguments(call, match):
    with pytest.raises(ValueError, match=match):
        call()


CALIBRATION = (expected_calibration_error, brier_score_loss, negative_log_likelihood)


@pytest.mark.parametrize(
    "row", [[0.9, 0.8, 0.7], [0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.5, 0.3, 0.202]]
)
@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
@pytest.mark.parametrize("metric", CALIBRATION)
def test_rows_that_do_not_add_up_to_1_have_no_calibration(metric, kind, row):
    y_true, scores = np.arange(60) % 3, np.tile([0.5, 0.3, 0.2], (60, 1))
    assert np.isfinite(metric(y_true, scores, Task(kind, 3)))
    scores[7] = row  # one row is enough
    with pytest.warns(
        UserWarning, match=r"add up to .* instead of 1.*write the softmax of the logits"
    ):
        assert np.isnan(metric(y_true, scores, Task(kind, 3)))


@pytest.mark.parametrize("metric", CALIBRATION)
def test_two_columns_that_contradict_each_other_have_none(metric):
    with pytest.warns(UserWarning, match="add up to 0.7 to 1.2 instead of 1"):
        assert np.isnan(metric([0, 1], [[0.3, 0.4], [0.6, 0.6]], BINARY))


@pytest.mark.parametrize("metric", CALIBRATION)
def test_labels_need_not_add_up_to_1(metric):
    assert np.isfinite(metric([[0, 1], [1, 1]], [[0.9, 0.9], [0.1, 0.2]], Task("multilabel", 2)))


@pytest.mark.parametrize("classes", [2, 3, 7, 20])
def test_probabilities_of_three_decimals_are_probabilities(classes):
    p = np.random.default_rng(0).dirichlet(np.ones(classes), 500).round(3)
    task = Task("binary" if classes == 2 else "multiclass", classes)
    assert np.isfinite(brier_score_loss(np.arange(500) % classes, p, task))
    with pytest.warns(UserWarning, match="instead of 1"):
        brier_score_loss(np.arange(500) % classes, 0.97 * p, task)
