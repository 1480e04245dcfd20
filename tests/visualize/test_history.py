"""History figure: panels, stages, the file and the dictionary alike, bad files."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from medmonai.visualize import history_figure, save_figure

HISTORY = {
    "epoch": [1, 2, 3, 4],
    "stage": ["cross-entropy", "cross-entropy", "AUC", "AUC"],
    "train_loss": [0.9, 0.5, -0.1, -0.2],
    "validation_auc": [0.8, 0.95, "", 0.9],
    "learning_rate": [0.1] * 4,
}


def written(history, path):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(history)
        writer.writerows(zip(*history.values()))
    return path


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize("source", ["dict", "path", "str"])
def test_two_panels(tmp_path, source):
    path = written(HISTORY, tmp_path / "history.csv")
    figure = history_figure({"dict": HISTORY, "path": path, "str": str(path)}[source])
    loss, auc = figure.axes
    assert (loss.get_ylabel(), auc.get_ylabel(), auc.get_xlabel()) == ("loss", "AUC", "epoch")
    assert labels(loss) == ["train loss"]
    assert labels(auc) == [
        "validation AUC",
        "best of cross-entropy 0.9500, epoch 2 (kept)",
        "best of AUC 0.9000, epoch 4",
    ]
    filled = {
        line.get_label()[:12]: line.get_markerfacecolor() != "none"
        for line in auc.lines
        if "best" in line.get_label()
    }
    assert filled == {"best of cros": True, "best of AUC ": False}
    # broken where the loss changes
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[1, 0.9], [2, 0.5]])
    np.testing.assert_array_equal(loss.lines[1].get_xydata(), [[3, -0.1], [4, -0.2]])
    np.testing.assert_array_equal(auc.lines[0].get_xydata(), [[1, 0.8], [2, 0.95], [4, 0.9]])
    for axes in figure.axes:
        assert any(np.ravel(line.get_xdata()).tolist() == [2.5, 2.5] for line in axes.lines)
    assert [text.get_text() for text in loss.texts] == ["cross-entropy", "AUC"]
    save_figure(figure, tmp_path / "history")


def test_the_epoch_that_was_kept_may_be_another():
    assert labels(history_figure(HISTORY, kept=4).axes[1])[1:] == [
        "best of cross-entropy 0.9500, epoch 2",
        "best of AUC 0.9000, epoch 4 (kept)",
    ]
    plain = {"train_loss": [3.0, 2.0, 1.0], "validation_auc": [0.5, 0.75, 0.75]}
    assert labels(history_figure(plain).axes[1])[1:] == ["best 0.7500, epoch 2 (kept)"]


def test_one_panel_without_epoch_or_stage():
    figure = history_figure({"loss": np.array([3.0, 2.0]), "validation_loss": [4, np.nan]})
    assert len(figure.axes) == 1
    assert labels(figure.axes[0]) == ["loss", "validation loss"]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[1, 3], [2, 2]])
    assert len(figure.axes[0].texts) == 0


def test_one_epoch_and_no_auc_yet(tmp_path):
    save_figure(history_figure({"train_loss": [0.5], "validation_auc": [""]}), tmp_path / "h")


@pytest.mark.parametrize(
    ("history", "match"),
    [
        ({}, "at least one epoch"),
        ({"train_loss": [], "epoch": []}, "at least one epoch"),
        ({"train_loss": [1, 2], "epoch": [1]}, "equal lengths"),
        ({"epoch": [1, 2]}, "ends with 'loss' or 'auc'"),
        (
            {"train_loss": [1, "high"]},
            "history column 'train_loss', epoch 2: 'high' is not a number",
        ),
    ],
)
def test_bad_histories(history, match):
    with pytest.raises(ValueError, match=match):
        history_figure(history)


def test_bad_files(tmp_path):
    path = tmp_path / "history.csv"
    with pytest.raises(FileNotFoundError):
        history_figure(path)
    path.write_text("epoch,train_loss\n1,0.5\n2\n")
    with pytest.raises(ValueError, match="row 3 has 1 cells; the header has 2"):
        history_figure(path)
    path.write_text("")
    with pytest.raises(ValueError, match="at least one epoch"):
        history_figure(path)
