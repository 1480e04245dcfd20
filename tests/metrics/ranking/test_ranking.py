"""AUC: hand values, scikit-learn's to 1e-12, invariances, absent classes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from medmonai.metrics import auc_score, auc_scores, macro_auc_score, roc_points
from medmonai.task import Task

BINARY, THREE = Task("binary", 2), Task("multiclass", 3)
FUNCTIONS = [auc_score, roc_points]


@st.composite
def labelled_scores(draw):
    """Both classes present, scores with many ties."""
    y_true = draw(
        st.lists(st.integers(0, 1), min_size=2, max_size=60).filter(lambda y: 0 < sum(y) < len(y))
    )
    value = draw(
        st.sampled_from(
            [st.integers(0, 4).map(float), st.floats(-1e300, 1e300), st.floats(0, 1, width=16)]
        )
    )
    return np.array(y_true), np.array(
        draw(st.lists(value, min_size=len(y_true), max_size=len(y_true)))
    )


@pytest.mark.parametrize(
    ("y_true", "y_score", "auc"),
    [
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ([0, 1], [0.2, 0.2], 0.5),
        ([0, 1], [0.2, 0.3], 1.0),
        ([1, 0], [0.2, 0.3], 0.0),
        ([0, 0, 1, 1, 1], [1, 2, 2, 3, 0], 3.5 / 6),
        ([0, 1, 1], [0.5, np.inf, -np.inf], 0.5),
    ],
)
def test_auc_by_hand(y_true, y_score, auc):
    assert auc_score(y_true, y_score) == auc


@settings(max_examples=200, deadline=None)
@given(labelled_scores())
def test_auc_is_scikit_learns(data):
    y_true, y_score = data
    assert auc_score(y_true, y_score) == pytest.approx(roc_auc_score(y_true, y_score), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(labelled_scores())
def test_auc_invariances(data):
    y_true, y_score = data
    value = auc_score(y_true, y_score)
    order = np.random.default_rng(0).permutation(len(y_true))
    assert auc_score(y_true[order], y_score[order]) == value
    # any increasing map
    assert auc_score(y_true, np.unique(y_score, return_inverse=True)[1]) == value
    assert auc_score(1 - y_true, y_score) == pytest.approx(1 - value, abs=1e-15)
    assert auc_score(y_true, -y_score) == pytest.approx(1 - value, abs=1e-15)


@settings(max_examples=100, deadline=None)
@given(labelled_scores())
def test_roc_points_are_scikit_learns_and_enclose_the_auc(data):
    fpr, tpr = roc_points(*data)
    expected = roc_curve(*data, drop_intermediate=False)
    np.testing.assert_allclose(fpr, expected[0], atol=1e-15)
    np.testing.assert_allclose(tpr, expected[1], atol=1e-15)
    assert np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2) == pytest.approx(
        auc_score(*data), abs=1e-12
    )


def test_float32_labels_do_not_cost_precision():
    rng = np.random.default_rng(0)
    y_true = (rng.random(1_000_000) < 0.3).astype(np.float32)
    y_score = rng.normal(size=1_000_000) + y_true
    assert auc_score(y_true, y_score) == pytest.approx(roc_auc_score(y_true, y_score), abs=1e-12)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32, np.int64])
def test_label_dtypes(dtype):
    assert (
        auc_score(np.array([0, 0, 1, 1], dtype), np.array([0.1, 0.4, 0.35, 0.8], np.float16))
        == 0.75
    )


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("y_true", "y_score", "match"),
    [
        ([0, 2], [0.1, 0.2], "y_true range from 0 to 2"),
        ([0, 1], [0.1, np.nan], "y_score has 1 NaN"),
        ([0, 1], [0.1], r"y_score has shape \(1,\); 2 labels need \(2,\)"),
        ([0, 1], [[0.9, 0.1], [0.2, 0.8]], r"one column such as y_score\[:, 1\]"),
    ],
)
def test_bad_input(function, y_true, y_score, match):
    with pytest.raises(ValueError, match=match):
        function(y_true, y_score)


@pytest.mark.parametrize(
    ("y_true", "match"), [([1, 1], "only class 1 is present"), ([], "there is no case")]
)
def test_one_class_is_nan_with_a_warning(y_true, match):
    with pytest.warns(UserWarning, match=match):
        assert np.isnan(auc_score(y_true, np.zeros(len(y_true))))


def multiclass(n=200, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, classes, n)
    return y_true, rng.dirichlet(np.ones(classes), n) + np.eye(classes)[y_true] * 0.2


def test_class_aucs_are_scikit_learns():
    y_true, y_score = multiclass()
    expected = [roc_auc_score(y_true == c, y_score[:, c]) for c in range(3)]
    np.testing.assert_allclose(auc_scores(y_true, y_score, THREE), expected, atol=1e-12)
    np.testing.assert_allclose(
        auc_scores(y_true, y_score, Task("ordinal", 3)), expected, atol=1e-12
    )
    assert macro_auc_score(y_true, y_score, THREE) == pytest.approx(np.mean(expected), abs=1e-12)
    labels = (np.random.default_rng(1).random((200, 3)) < [0.1, 0.5, 0.9]).astype(int)
    assert macro_auc_score(labels, y_score, Task("multilabel", 3)) == pytest.approx(
        roc_auc_score(labels, y_score, average="macro"), abs=1e-12
    )


def test_macro_of_a_binary_task_is_the_positive_class():
    y_true, y_score = [0, 0, 1, 1], np.array([[0, 0.1], [9, 0.4], [3, 0.35], [1, 0.8]])
    assert macro_auc_score(y_true, y_score, BINARY) == 0.75
    assert auc_scores(y_true, y_score, BINARY).tolist() == [0.5, 0.75]


@pytest.mark.parametrize("task", [THREE, Task("ordinal", 3), Task("multilabel", 3)])
def test_absent_class_is_named_and_left_out(task):
    y_true, y_score = np.array([0, 1, 0, 1]), np.eye(3)[[0, 1, 1, 1]]
    labels = np.eye(3, dtype=int)[y_true] if task.kind == "multilabel" else y_true
    with pytest.warns(UserWarning, match="class 'stroma' has 0 of 4 cases"):
        values = auc_scores(labels, y_score, task, class_names=("fat", "mucus", "stroma"))
    np.testing.assert_array_equal(values, [0.75, 0.75, np.nan])
    with pytest.warns(UserWarning, match="class 2 has 0 of 4"):
        assert macro_auc_score(labels, y_score, task) == 0.75


def test_no_class_defined_is_nan():
    with pytest.warns(UserWarning, match="class 0 has 3 of 3 cases, class 1 has 0 of 3"):
        assert np.isnan(macro_auc_score([0, 0, 0], np.zeros((3, 3)), THREE))


def test_no_warning_where_all_is_defined():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        macro_auc_score(*multiclass(), THREE)


@pytest.mark.parametrize("function", [auc_scores, macro_auc_score])
def test_shapes_that_do_not_fit_the_task(function):
    with pytest.raises(
        ValueError, match=r"y_score has shape \(2, 2\); 2 labels of a multiclass task need \(2, 3\)"
    ):
        function([0, 1], np.zeros((2, 2)), THREE)
    with pytest.raises(ValueError, match="y_score has 1 NaN"):
        function([0, 1], [[0, 0, 1], [0, np.nan, 0]], THREE)
