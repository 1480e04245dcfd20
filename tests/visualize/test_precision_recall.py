"""Precision-recall figure: steps, average precision and its interval, prevalence, panels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score

from medmonai.metrics import OperatingPoint, summarize_ranking
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import precision_recall_figure, save_figure


def binary(seed=0, n=150, groups=None):
    rng = np.random.default_rng(seed)
    y_true = (rng.random(n) < 0.3).astype(int)
    p = 1 / (1 + np.exp(1 - rng.normal(size=n) - 1.5 * y_true))
    return Predictions(
        np.arange(n), y_true, np.stack([1 - p, p], 1), Task("binary", 2), ("normal", "sick"), groups
    )


def many(kind, classes, n=200, absent=None):
    rng, task = np.random.default_rng(0), Task(kind, classes)
    y_true = rng.integers(0, classes, n) if task.exclusive else rng.integers(0, 2, (n, classes))
    if absent is not None:
        y_true[y_true == absent] = 0
    names = [f"a rather long name of class {c}" for c in range(classes)]
    return Predictions(np.arange(n), y_true, rng.dirichlet(np.ones(classes), n), task, names)


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_steps_hold_the_average_precision(all_inside):
    p = binary()
    figure = precision_recall_figure(p)
    recall, precision = figure.axes[0].lines[0].get_xydata().T
    assert (recall[0], recall[-1], precision[-1]) == (0, 1, pytest.approx(p.y_true.mean()))
    area = float(np.sum(np.diff(recall) * precision[1:]))  # steps: no triangle between two points
    value = average_precision_score(p.y_true, p.positive_scores)
    assert area == pytest.approx(value, abs=1e-12)
    name, _, numbers = legend(figure)[0].partition(": ")
    estimate, low, _, high = numbers.replace("(", "").replace(")", "").split()
    assert (name, estimate) == ("sick", f"{value:.3f}")
    assert float(low) < value < float(high)
    # the prevalence
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), p.y_true.mean())
    all_inside(figure)


@pytest.mark.parametrize("groups", [None, np.arange(150) // 2])
def test_numbers_are_those_of_the_summary(groups):
    p = binary(groups=groups)
    own = summarize_ranking(p, confidence=0.9)["overall"]["average_precision"]
    figure = precision_recall_figure(p, confidence=0.9)
    assert legend(figure) == [
        f"sick: {own['estimate']:.3f} ({own['low']:.3f} to {own['high']:.3f})"
    ]
    assert figure.legends[0].get_title().get_text() == "average precision (90 % interval)"


def test_interval_agrees_with_a_bootstrap():
    p, rng = binary(n=400), np.random.default_rng(5)
    drawn = [
        average_precision_score(p.y_true[i], p.positive_scores[i])
        for i in rng.integers(0, 400, (1000, 400))
    ]
    numbers = legend(precision_recall_figure(p))[0].partition("(")[2].rstrip(")").split(" to ")
    np.testing.assert_allclose(
        [float(n) for n in numbers], np.quantile(drawn, [0.025, 0.975]), atol=0.012
    )


def test_a_perfect_ranking_has_no_interval():
    p = binary()
    perfect = Predictions(
        p.ids, p.y_true, np.stack([1 - p.y_true, p.y_true], 1), p.task, p.class_names
    )
    assert legend(precision_recall_figure(perfect)) == ["sick: 1.000"]


def test_groups_band_and_operating_point(all_inside):
    p = binary(groups=np.arange(150) // 2)
    figure = precision_recall_figure(
        p, band=True, operating_points=OperatingPoint((0.6,), "f1", "validation", 9)
    )
    assert legend(figure)[1:] == [
        "threshold 0.6 (highest F1 on validation)",
        "pointwise 95 % band, 1,000 bootstraps of groups",
    ]
    above = p.positive_scores > 0.6
    np.testing.assert_allclose(
        figure.axes[0].lines[1].get_xydata()[0],
        [recall_score(p.y_true, above), precision_score(p.y_true, above)],
    )
    all_inside(figure)


@pytest.mark.parametrize(
    ("kind", "classes"), [("ordinal", 3), ("multiclass", 9), ("multilabel", 14)]
)
@pytest.mark.parametrize("band", [False, True])
def test_many_classes(kind, classes, band, all_inside):
    figure = precision_recall_figure(many(kind, classes), band=band)
    assert len(figure.axes) == (classes if band else 1)
    all_inside(figure)


def test_absent_class_and_nothing_called_positive(tmp_path):
    p = many("multiclass", 3, absent=2)
    assert legend(precision_recall_figure(p))[2].endswith(": undefined")
    never = OperatingPoint((1.0,), "specificity=1", "validation", 9)
    # no precision: no marker
    save_figure(precision_recall_figure(binary(), operating_points=never), tmp_path / "p")


def test_references_are_binary():
    with pytest.raises(ValueError, match="references are drawn for binary"):
        precision_recall_figure(binary(), references={"x": many("multiclass", 3)})
