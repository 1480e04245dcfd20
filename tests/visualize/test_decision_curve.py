"""Decision curves: the net benefit drawn is the one computed; models, panels, absent classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medmonai.metrics import decision_curve, net_benefit
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import decision_curve_figure, save_figure


def table(kind="binary", classes=2, n=300, seed=0, groups=None):
    rng, task = np.random.default_rng(seed), Task(kind, classes)
    scores = rng.dirichlet(np.ones(classes), n) if task.exclusive else rng.random((n, classes))
    y_true = (
        np.array([rng.choice(classes, p=p) for p in scores])
        if task.exclusive
        else (rng.random(scores.shape) < scores) * 1
    )
    return Predictions(
        np.arange(n),
        y_true,
        scores,
        task,
        [f"a class of a long name {c}" for c in range(classes)],
        groups,
    )


def test_the_curves_are_those_computed(tmp_path, all_inside):
    p = table(groups=np.arange(300) // 2)
    thresholds = [0.1, 0.2, 0.5]
    axes = (figure := decision_curve_figure(p, thresholds=thresholds)).axes[0]
    model, treat_all = net_benefit(p.y_true, p.positive_scores, thresholds)
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), np.stack([thresholds, model], axis=1))
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), treat_all)
    band = axes.collections[0].get_paths()[0].vertices
    low = decision_curve(p.y_true, p.positive_scores, thresholds, groups=p.groups).low
    np.testing.assert_allclose(band[1:4, 1], low)
    all_inside(figure)
    save_figure(figure, tmp_path / "d")


def test_models_share_the_axes():
    figure = decision_curve_figure({"first": table(), "second": table(seed=1)}, band=False)
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["first", "second", "act on everyone", "act on nobody"]
    assert len(figure.axes[0].collections) == 0


@pytest.mark.parametrize(
    ("kind", "classes"), [("multiclass", 9), ("ordinal", 11), ("multilabel", 14)]
)
def test_a_panel_a_class(kind, classes, all_inside):
    p = table(kind, classes)
    figure = decision_curve_figure(p)
    assert len(figure.axes) == classes
    truth = p.y_true == 3 if p.task.exclusive else p.y_true[:, 3]
    model = net_benefit(truth.astype(int), p.y_score[:, 3], figure.axes[3].lines[0].get_xdata())[0]
    np.testing.assert_array_equal(figure.axes[3].lines[0].get_ydata(), model)
    all_inside(figure)


def test_an_absent_class_has_no_curve():
    p = table("multiclass", 3)
    figure = decision_curve_figure(replace(p, y_true=p.y_true % 2))
    assert [text.get_text() for text in figure.axes[2].texts] == ["no cases"]


def test_bad_arguments():
    p = table()
    with pytest.raises(ValueError, match="thresholds range"):
        decision_curve_figure(p, thresholds=[0.5, 1.0])
    with pytest.raises(ValueError, match="needs probabilities"):
        decision_curve_figure(replace(p, y_score=p.y_score * 3))
    with pytest.raises(ValueError, match="no y_true"):
        decision_curve_figure(replace(p, y_true=None))
