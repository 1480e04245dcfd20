"""The most confident mistakes: which cases, in which order, and what stands above their
pictures.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from medmonai.data import Cohort, Provenance
from medmonai.predictions import Predictions
from medmonai.task import Task
from medmonai.visualize import confident_mistakes, failures_figure, save_figure

NAMES = {"binary": ["normal", "sick"], "multiclass": list("abc"), "multilabel": list("abc")}
BINARY = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])


def table(y_true, y_score, kind="binary", ids=None):
    ids = [f"c{i}" for i in range(len(y_true))] if ids is None else ids
    return Predictions(
        ids, np.array(y_true), np.array(y_score, float), Task(kind, len(NAMES[kind])), NAMES[kind]
    )


def cohort(predictions, spatial=(8, 8)):
    known = {
        name: "x"
        for name, p in inspect.signature(Provenance).parameters.items()
        if p.default is p.empty
    }
    images = np.ones((len(predictions), 1, *spatial), np.uint8) * np.arange(
        len(predictions), dtype=np.uint8
    ).reshape(-1, *[1] * (len(spatial) + 1))
    return Cohort(
        images=images,
        labels=predictions.y_true,
        ids=predictions.ids,
        task=predictions.task,
        class_names=tuple(predictions.class_names),
        provenance=Provenance(**known),
        split="test",
    )


def titles(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_surest_mistake_comes_first():
    predictions = table([1, 0, 0, 0], BINARY)
    decided = BINARY.argmax(axis=1)  # 0 1 1 0: the first three are wrong, with .9, .8 and .6
    assert confident_mistakes(predictions, decided).tolist() == [0, 1, 2]
    assert confident_mistakes(predictions, decided, count=1).tolist() == [0]
    assert confident_mistakes(predictions, predictions.y_true).tolist() == []


def test_a_locked_threshold_counts_by_the_score_of_what_was_decided():
    predictions = table([1, 1, 0, 1], BINARY)
    # wrong: the first with .9, the second with .2, the third with .6
    decided = np.array([0, 0, 1, 1])
    assert confident_mistakes(predictions, decided).tolist() == [0, 2, 1]


def test_of_several_labels_the_surest_wrong_one_counts():
    scores = [[0.9, 0.5, 0.1], [0.4, 0.2, 0.99], [0.3, 0.7, 0.2]]
    predictions = table([[1, 1, 0], [1, 0, 1], [0, 0, 1]], scores, "multilabel")
    # sure of what is wrong: .5, .6, and .8 (absent, .2) above .7
    decided = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert confident_mistakes(predictions, decided).tolist() == [2, 1, 0]
    assert (
        titles(failures_figure(cohort(predictions), predictions, decided))[0]
        == "c2\nis c\nsaid no c, 0.20"
    )


@pytest.mark.parametrize("spatial", [(8, 8), (8, 9, 10)])
def test_pictures_and_texts_belong_together(spatial, tmp_path):
    ids = ["a", "A/an_id_that_says_much_more_than_fits.nii.gz", "c$", "d"]
    predictions = table([1, 0, 0, 0], BINARY, ids=ids)
    figure = failures_figure(cohort(predictions, spatial), predictions, BINARY.argmax(axis=1))
    whole = "A/an_id_that_says_much_more_than_fits.nii.gz"
    broken = "A/an_id_that_says_\nmuch_more_than_fits.\nnii.gz" if len(spatial) == 2 else whole
    assert titles(figure) == [
        "a\nis sick\nsaid normal, 0.90",
        f"{broken}\nis normal\nsaid sick, 0.80",
        "c\\$\nis normal\nsaid sick, 0.60",
    ]
    panels = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert [int(np.asarray(panel).flat[0]) for panel in panels] == [
        i for i in range(3) for _ in range(len(spatial) * 2 - 3)
    ]
    save_figure(figure, tmp_path / "failures")


def test_no_mistake_is_a_sentence():
    predictions = table([0, 1, 1, 0], BINARY)
    figure = failures_figure(cohort(predictions), predictions, predictions.y_true)
    assert [text.get_text() for axes in figure.axes for text in axes.texts] == [
        "No case was decided wrongly."
    ]


def test_errors():
    predictions = table([1, 0, 0, 0], BINARY)
    with pytest.raises(ValueError, match=r"decided has shape \(3,\)"):
        confident_mistakes(predictions, np.zeros(3, int))
    with pytest.raises(ValueError, match="labels of the same shape are needed"):
        confident_mistakes(
            Predictions(["a"], None, [[0.1, 0.9]], Task("binary", 2), NAMES["binary"]),
            np.zeros(1, int),
        )
    other = table([1, 0, 0, 0], BINARY, ids=list("dcba"))
    with pytest.raises(ValueError, match="ids are not those of x test"):
        failures_figure(cohort(predictions), other, predictions.y_true)


@pytest.mark.parametrize("spatial", [(8, 8), (6, 6, 6)])
def test_a_mistake_whose_twin_has_another_label_is_marked(spatial, tmp_path):
    predictions = table([1, 0, 0, 0], BINARY)
    twins = {
        "c1": [{"split": "train", "id": "t7", "label": "sick"}],
        "c3": [{"split": "val", "id": "v1", "label": "sick"}],
    }
    figure = failures_figure(
        cohort(predictions, spatial), predictions, BINARY.argmax(axis=1), twins=twins
    )
    shown = titles(figure)
    assert shown[1].split("\n") == ["c1", "is normal", "said sick, 0.80", "twin in train: sick"]
    assert sum("twin" in text for text in shown) == 1  # c3 was decided rightly
    save_figure(figure, tmp_path / "failures")
