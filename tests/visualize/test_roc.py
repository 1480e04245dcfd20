"""ROC figure: the curves drawn are the curves computed, and the legend holds the interval."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from medmonai.metrics import OperatingPoint, auc_interval, default_operating_point, roc_points
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import roc_figure, save_figure


def binary(seed=0, n=80, y_true=None, **changes):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 2, n) if y_true is None else y_true
    p = 1 / (1 + np.exp(-rng.normal(size=n) - y_true))
    fields = {
        "ids": np.arange(n),
        "y_true": y_true,
        "y_score": np.stack([1 - p, p], 1),
        "task": Task("binary", 2),
        "class_names": ("normal", "sick"),
        **changes,
    }
    return Predictions(**fields)


def multi(kind, classes, n=120):
    rng, task = np.random.default_rng(0), Task(kind, classes)
    y_true = rng.integers(0, classes, n) if task.exclusive else rng.integers(0, 2, (n, classes))
    return Predictions(
        np.arange(n),
        y_true,
        rng.dirichlet(np.ones(classes), n),
        task,
        [f"class {c}" for c in range(classes)],
    )


def legend(figure):
    found = figure.axes[0].get_legend() or figure.legends[0]  # many entries stand above the axes
    return [text.get_text() for text in found.get_texts()]


def point(*thresholds, rule="youden", chosen_on="validation"):
    return OperatingPoint(thresholds, rule, chosen_on, 100)


def test_binary_curve_and_legend():
    p = binary()
    figure = roc_figure(p)
    drawn = figure.axes[0].lines[0].get_xydata()
    np.testing.assert_array_equal(drawn, np.stack(roc_points(p.y_true, p.positive_scores), axis=1))
    i = auc_interval(p.y_true, p.positive_scores)
    assert legend(figure) == [f"sick: {i.estimate:.3f} ({i.low:.3f} to {i.high:.3f})"]
    assert figure.get_size_inches()[0] == 3.5
    i = auc_interval(p.y_true, p.positive_scores, confidence=0.8)
    other = roc_figure(p, confidence=0.8)
    assert legend(other) == [f"sick: {i.estimate:.3f} ({i.low:.3f} to {i.high:.3f})"]
    assert other.axes[0].get_legend().get_title().get_text() == "AUC (80 % interval)"


def test_groups_widen_the_interval_in_the_legend():
    y_true = np.repeat([0, 1], 40)
    once = binary(y_true=y_true)
    twice = Predictions(
        np.arange(160),
        np.repeat(y_true, 2),
        np.repeat(once.y_score, 2, axis=0),
        once.task,
        once.class_names,
        np.repeat(np.arange(80), 2),
    )
    ungrouped = Predictions(twice.ids, twice.y_true, twice.y_score, once.task, once.class_names)
    assert legend(roc_figure(twice)) != legend(roc_figure(ungrouped))


def test_references():
    model = binary()
    figure = roc_figure(model, references={"ideal observer": binary(1, y_true=model.y_true)})
    assert [text.split(":")[0] for text in legend(figure)] == ["model", "ideal observer"]
    with pytest.raises(
        ValueError, match="'ideal observer' is multiclass; references are drawn for binary"
    ):
        roc_figure(model, references={"ideal observer": multi("multiclass", 3)})


@pytest.mark.parametrize(
    ("kind", "classes"), [("multiclass", 3), ("ordinal", 5), ("multilabel", 14)]
)
def test_one_curve_a_class(kind, classes, tmp_path, all_inside):
    p = multi(kind, classes)
    figure = roc_figure(p)
    assert len(legend(figure)) == classes
    truth = p.y_true == 2 if p.task.exclusive else p.y_true[:, 2]
    np.testing.assert_array_equal(
        figure.axes[0].lines[2].get_xydata(), np.stack(roc_points(truth, p.y_score[:, 2]), axis=1)
    )
    save_figure(figure, tmp_path / "roc")
    all_inside(figure)


def test_absent_class_is_undefined_in_the_legend_without_a_warning():
    p = multi("multiclass", 3)
    without = Predictions(
        p.ids,
        p.y_true % 2,
        p.y_score,
        p.task,
        ("a", "b", "a name that is longer than 28 characters"),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert legend(roc_figure(without))[2] == "a name that is longer than …: undefined"


def test_unlabelled_tables_are_refused():
    with pytest.raises(ValueError, match="'model' has no y_true"):
        roc_figure(Predictions(["a"], None, [[0, 1]], Task("binary", 2), ("n", "p")))


def test_several_models_of_a_binary_task():
    tables = {"first": binary(), "second": binary(1)}
    figure = roc_figure(tables)
    assert [text.split(":")[0] for text in legend(figure)] == ["first", "second"]
    for line, table in zip(figure.axes[0].lines, tables.values()):
        np.testing.assert_array_equal(
            line.get_xydata(), np.stack(roc_points(table.y_true, table.positive_scores), axis=1)
        )


def test_several_models_of_many_classes_have_a_panel_a_class(tmp_path, all_inside):
    tables = {"first": multi("multiclass", 9), "second": multi("multiclass", 9, n=200)}
    figure = roc_figure(tables)
    assert len(figure.axes) == 9
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["first", "second"]
    panel = figure.axes[4]
    assert panel.get_legend().get_title().get_text() == "class 4"
    p = tables["second"]
    np.testing.assert_array_equal(
        panel.lines[1].get_xydata(), np.stack(roc_points(p.y_true == 4, p.y_score[:, 4]), axis=1)
    )
    all_inside(figure)
    save_figure(figure, tmp_path / "roc")


def test_a_band_holds_the_curve_and_says_what_it_is(all_inside):
    p = binary(n=200)
    figure = roc_figure(p, band=True)
    assert legend(figure)[-1] == "pointwise 95 % band, 1,000 bootstraps of cases"
    low, high = band_of(figure)
    fpr, tpr = roc_points(p.y_true, p.positive_scores)
    middle = np.interp([0.2, 0.5, 0.8], fpr, tpr)
    at = [40, 100, 160]
    assert (low[at] <= middle).all() and (middle <= high[at]).all() and (low[at] < high[at]).all()
    grouped = binary(n=200, groups=np.arange(200) // 2)
    assert legend(roc_figure(grouped, band=True))[-1].endswith("bootstraps of groups")
    all_inside(figure)


def band_of(figure):
    """Lower and upper line of the first band, over the grid of 201 places."""
    vertices = figure.axes[0].collections[0].get_paths()[0].vertices
    return vertices[1:202, 1], vertices[203:404, 1][::-1]


def test_operating_points_of_a_binary_task():
    p = binary(n=200)
    figure = roc_figure(p, operating_points=[point(0.7), point(0.5, rule="0.5", chosen_on="none")])
    assert legend(figure)[1:] == ["threshold 0.7 (Youden on validation)", "threshold 0.5"]
    above = p.positive_scores > 0.7
    marker = figure.axes[0].lines[1].get_xydata()[0]
    np.testing.assert_allclose(marker, [above[p.y_true == 0].mean(), above[p.y_true == 1].mean()])


@pytest.mark.parametrize(("kind", "classes"), [("multiclass", 11), ("multilabel", 14)])
def test_operating_points_of_many_classes(kind, classes, all_inside):
    p = multi(kind, classes)
    default = default_operating_point(p.task)
    figure = roc_figure(p, operating_points=default, band=True)
    called = p.y_score.argmax(axis=1) == 3 if p.task.exclusive else p.y_score[:, 3] > 0.5
    truth = p.y_true == 3 if p.task.exclusive else p.y_true[:, 3] == 1
    marker = figure.axes[3].lines[1].get_xydata()[0]
    np.testing.assert_allclose(marker, [called[~truth].mean(), called[truth].mean()])
    all_inside(figure)


def test_markers_belong_to_their_model():
    tables = {"first": binary(), "second": binary(1)}
    figure = roc_figure(tables, operating_points={"second": point(0.6)})
    marked = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [line.get_markeredgecolor() for line in marked] == [figure.axes[0].lines[1].get_color()]


@pytest.mark.parametrize(
    ("tables", "points", "match"),
    [
        ({}, None, "no table"),
        ({"a": binary(), "b": multi("multiclass", 3)}, None, "table of 'b' is of Task"),
        ({"a": binary()}, {"b": point(0.5)}, "operating_points name 'b'; the tables are 'a'"),
        ({"a": binary()}, [point(0.5)] * 5, "'a' has 5 operating points"),
        ({"a": binary()}, point(0.5, 0.6), "needs 1"),
    ],
)
def test_bad_arguments(tables, points, match):
    with pytest.raises(ValueError, match=match):
        roc_figure(tables, operating_points=points)


def test_names_with_signs_that_matplotlib_would_read():
    p = multi("multilabel", 2)
    odd = Predictions(p.ids, p.y_true, p.y_score, p.task, ("_hidden", "costs $5 or $9"))
    assert [text.split(":")[0] for text in legend(roc_figure(odd))] == [
        " _hidden",
        r"costs \$5 or \$9",
    ]
