"""ROC figure: the curves drawn are the curves computed, and the legend holds the interval."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from medmonai.metrics import auc_interval, roc_points
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import roc_figure, save_figure


def binary(seed=0, n=80, y_true=None, **changes):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 2, n) if y_true is None else y_true
    p = 1 / (1 + np.exp(-rng.normal(size=n) - y_true))
    fields = {"ids": np.arange(n), "y_true": y_true, "y_score": np.stack([1 - p, p], 1), "task": Task("binary", 2),
              "class_names": ("normal", "sick"), **changes}
    return Predictions(**fields)


def multi(kind, classes, n=120):
    rng, task = np.random.default_rng(0), Task(kind, classes)
    y_true = rng.integers(0, classes, n) if task.exclusive else rng.integers(0, 2, (n, classes))
    return Predictions(np.arange(n), y_true, rng.dirichlet(np.ones(classes), n), task,
                       [f"class {c}" for c in range(classes)])


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_binary_curve_and_legend():
    p = binary()
    figure = roc_figure(p)
    drawn = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_array_equal(drawn, np.stack(roc_points(p.y_true, p.positive_scores), axis=1))
    i = auc_interval(p.y_true, p.positive_scores)
    assert legend(figure) == [f"sick: {i.estimate:.3f} ({i.low:.3f} to {i.high:.3f})"]
    assert figure.get_size_inches()[0] == 3.5


def test_groups_widen_the_interval_in_the_legend():
    y_true = np.repeat([0, 1], 40)
    once = binary(y_true=y_true)
    twice = Predictions(np.arange(160), np.repeat(y_true, 2), np.repeat(once.y_score, 2, axis=0), once.task,
                        once.class_names, np.repeat(np.arange(80), 2))
    ungrouped = Predictions(twice.ids, twice.y_true, twice.y_score, once.task, once.class_names)
    assert legend(roc_figure(twice)) != legend(roc_figure(ungrouped))


def test_references():
    model = binary()
    figure = roc_figure(model, references={"ideal observer": binary(1, y_true=model.y_true)})
    assert [text.split(":")[0] for text in legend(figure)] == ["model", "ideal observer"]
    with pytest.raises(ValueError, match="'ideal observer' is multiclass; references are drawn for binary"):
        roc_figure(model, references={"ideal observer": multi("multiclass", 3)})


@pytest.mark.parametrize(("kind", "classes"), [("multiclass", 3), ("ordinal", 5), ("multilabel", 14)])
def test_one_curve_a_class(kind, classes, tmp_path):
    p = multi(kind, classes)
    figure = roc_figure(p)
    assert len(legend(figure)) == classes
    truth = p.y_true == 2 if p.task.exclusive else p.y_true[:, 2]
    np.testing.assert_array_equal(figure.axes[0].lines[2].get_xydata(),
                                  np.stack(roc_points(truth, p.y_score[:, 2]), axis=1))
    save_figure(figure, tmp_path / "roc")
    box = figure.axes[0].get_legend().get_window_extent()
    assert 0 <= box.y0 and box.x0 >= 0 and box.x1 <= figure.bbox.x1  # nothing is cut off


def test_absent_class_is_undefined_in_the_legend_without_a_warning():
    p = multi("multiclass", 3)
    without = Predictions(p.ids, p.y_true % 2, p.y_score, p.task, ("a", "b", "a name that is longer than 28 characters"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert legend(roc_figure(without))[2] == "a name that is longer than …: undefined"


def test_unlabelled_tables_are_refused():
    with pytest.raises(ValueError, match="'model' has no y_true"):
        roc_figure(Predictions(["a"], None, [[0, 1]], Task("binary", 2), ("n", "p")))
