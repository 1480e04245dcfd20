"""Score and label distributions: the bars hold what was counted, for each outcome and split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scored_tables import scored

from medmonai.metrics import OperatingPoint
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import label_distribution_figure, save_figure, score_distribution_figure


def table(kind="binary", classes=2, n=300):
    rng, task = np.random.default_rng(0), Task(kind, classes)
    y_true = rng.integers(0, classes, n) if task.exclusive else rng.integers(0, 2, (n, classes))
    scores = rng.dirichlet(np.ones(classes), n)
    return Predictions(
        np.arange(n), y_true, scores, task, [f"a class of a long name {c}" for c in range(classes)]
    )


def shares(axes):
    return [patch.get_data().values for patch in axes.patches[::2]]


def test_binary(tmp_path, all_inside):
    p = table()
    figure = score_distribution_figure(
        p, operating_point=OperatingPoint((0.3,), "youden", "validation", 9)
    )
    for own, c in zip(shares(figure.axes[0]), (0, 1)):
        assert own.sum() == pytest.approx(100)
        counts = np.histogram(p.positive_scores[p.y_true == c], np.linspace(0, 1, 26))[0]
        np.testing.assert_allclose(own, 100 * counts / (p.y_true == c).sum())
    assert figure.axes[0].lines[0].get_xdata() == [0.3, 0.3]
    counts = np.bincount(p.y_true)
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        f"a class of a long name 0 ({counts[0]})",
        f"a class of a long name 1 ({counts[1]})",
        "threshold 0.3",
    ]
    all_inside(figure)
    save_figure(figure, tmp_path / "s")


@pytest.mark.parametrize(
    ("kind", "classes"), [("ordinal", 4), ("multiclass", 9), ("multiclass", 11), ("multilabel", 14)]
)
def test_a_panel_a_class(kind, classes, all_inside):
    p = table(kind, classes)
    point = OperatingPoint(
        tuple(np.linspace(0, 0.9, classes)) if kind == "multilabel" else (), "x", "validation", 9
    )
    figure = score_distribution_figure(p, operating_point=point)
    has = p.y_true == 3 if p.task.exclusive else p.y_true[:, 3] == 1
    counts = np.histogram(p.y_score[has, 3], np.linspace(0, 1, 26))[0]
    np.testing.assert_allclose(shares(figure.axes[3])[1], 100 * counts / has.sum())
    assert f"({has.sum()})" in figure.axes[3].get_title(loc="left")
    assert len(figure.axes[3].lines) == (kind == "multilabel")
    assert len(figure.legends[0].get_texts()) == 2 + (kind == "multilabel")
    all_inside(figure)


def test_logits_and_absent_classes():
    p = table("multiclass", 3)
    figure = score_distribution_figure(replace(p, y_score=p.y_score * 8 - 4, y_true=p.y_true % 2))
    assert figure.axes[0].get_xlim() == (p.y_score.min() * 8 - 4, p.y_score.max() * 8 - 4)
    assert shares(figure.axes[2])[1].sum() == 0
    with pytest.raises(ValueError, match="no y_true"):
        score_distribution_figure(replace(p, y_true=None))


@pytest.mark.parametrize("classes", [2, 9, 14])
def test_labels(classes, tmp_path, all_inside):
    rng = np.random.default_rng(0)
    names = [f"a class of a rather long name {c}" for c in range(classes)]
    counts = {
        split: dict(zip(names, rng.integers(0, 90_000, classes).tolist()))
        for split in ("train", "validation", "test")
    }
    figure = label_distribution_figure(counts)
    of_train = counts["train"]
    np.testing.assert_allclose(
        [bar.get_width() for bar in figure.axes[0].containers[0]],
        [100 * n / sum(of_train.values()) for n in of_train.values()],
    )
    assert figure.axes[0].texts[0].get_text() == f"{of_train[names[0]]:,}"
    all_inside(figure)
    save_figure(figure, tmp_path / "l")


def test_labels_of_several_a_case():
    figure = label_distribution_figure({"train": {"a": 10, "b": 30}}, cases={"train": 100})
    assert [bar.get_width() for bar in figure.axes[0].containers[0]] == [10, 30]
    assert figure.legends[0].get_texts()[0].get_text() == "train (100 cases)"


@pytest.mark.parametrize(
    ("counts", "cases", "match"),
    [
        ({}, None, "same classes, at least one"),
        ({"train": {}}, None, "same classes, at least one"),
        ({"train": {"a": 1}, "test": {"b": 1}}, None, "'test'.*same classes"),
        ({"train": {"a": -1}}, None, "counts of 0 or more"),
        ({"train": {"a": 1}}, {"test": 3}, "cases lack the split 'train'"),
    ],
)
def test_bad_counts(counts, cases, match):
    with pytest.raises(ValueError, match=match):
        label_distribution_figure(counts, cases=cases)


@pytest.mark.parametrize("kind", ["binary", "eleven", "multilabel"])
def test_no_bar_is_cut_off(kind):
    figure = score_distribution_figure(scored(kind, 600))
    for axes in figure.axes:
        tops = [patch.get_data().values.max() for patch in axes.patches]
        assert max(tops) <= axes.get_ylim()[1] and axes.get_ylim()[0] == 0
