"""Probabilities, decisions and spread worked out by hand, and memory."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import monai.transforms
import numpy as np
import pytest
from mean_models import mean_model
from PIL import Image

from medmonai.data.files import read_case
from medmonai.deployment import inputs, predict
from medmonai.metrics import OperatingPoint, Temperature
from medmonai.task import Task
from medmonai.transforms import BatchCompose, NormalizeIntensity, ScaleIntensityRange


def save(folder, *values):
    """8 x 8 images 0.png, 1.png, ... of one gray value each."""
    folder.mkdir(exist_ok=True)
    for i, value in enumerate(values):
        Image.fromarray(np.full((8, 8), value, np.uint8)).save(folder / f"{i}.png")
    return folder


def sigmoid(z):
    return 1 / (1 + np.exp(-np.array(z)))


def test_a_binary_decision_is_made_at_the_threshold_before_the_temperature(tmp_path):
    # means 0, .2, 1 -> logits -2, -1.2, 2 -> sigmoid .119, .231, .881
    model = mean_model(
        point=OperatingPoint((0.2,), "youden", "validation", 9),
        temperature=Temperature(2.0, (-1.0,), 9),
    )
    cases = list(predict(model, save(tmp_path / "in", 0, 51, 255)))
    assert [case.decision for case in cases] == ["normal", "lesion", "lesion"]
    p = sigmoid(np.array([-2, -1.2, 2]) / 2 - 1)
    np.testing.assert_allclose(
        [case.probabilities for case in cases], np.stack([1 - p, p], 1), rtol=1e-6
    )
    assert [case.spread for case in cases] == [0, 0, 0]


def test_labels_are_decided_each_at_its_own_threshold(tmp_path):
    # logits (4m - 2, 1 - 2m, -1): m = 0 -> -2, 1, -1; m = 1 -> 2, -1, -1
    model = mean_model(
        "multilabel",
        slopes=(4.0, -2.0, 0.0),
        shifts=(-2.0, 1.0, -1.0),
        class_names=("a", "b", "c"),
        point=OperatingPoint((0.5, 0.2, 0.3), "youden", "validation", 9),
        temperature=Temperature(1.0, (0.0, 0.0, 1.0), 9),
    )
    cases = list(predict(model, save(tmp_path / "in", 0, 255)))
    # sigmoid(-1) = .269: above .2 (b), below .3 (c)
    assert [case.decision for case in cases] == ["b", "a; b"]
    np.testing.assert_allclose(
        [case.probabilities for case in cases], sigmoid([[-2, 1, 0], [2, -1, 0]]), rtol=1e-6
    )


def test_a_case_without_any_label_is_not_one_that_cannot_be_read(tmp_path):
    model = mean_model("multilabel", slopes=(0.0, 0.0), shifts=(-3.0, -1.0), class_names=("a", "b"))
    (case,) = predict(model, save(tmp_path / "in", 7))
    assert case.decision == "" and len(case.probabilities) == 2 and case.flag == ""


def test_an_ordinal_decision_is_the_highest_probability(tmp_path):
    # logits (0, 3m - 1, 4m - 3): m = 0 -> 0, -1, -3; m = .6 -> 0, .8, -.6; m = 1 -> 0, 2, 1
    model = mean_model(
        "ordinal",
        slopes=(0.0, 3.0, 4.0),
        shifts=(0.0, -1.0, -3.0),
        class_names=("0", "1", "2"),
        temperature=Temperature(0.5, (), 9),
    )
    cases = list(predict(model, save(tmp_path / "in", 0, 153, 255)))
    z = 2 * np.array([[0, -1, -3], [0, 0.8, -0.6], [0, 2, 1]])
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose([case.probabilities for case in cases], p, rtol=1e-5)
    assert [case.decision for case in cases] == ["0", "1", "1"]


def test_the_spread_is_over_the_members_after_the_temperature(tmp_path):
    model = mean_model(
        slopes=(0.0,), shifts=((1.0,), (3.0,)), temperature=Temperature(2.0, (0.5,), 9)
    )
    (case,) = predict(model, save(tmp_path / "in", 9))
    # mean logit 2, members 1 and 3; p of the decided class, lesion
    assert case.decision == "lesion"
    np.testing.assert_allclose(case.probabilities[1], sigmoid(1.5), rtol=1e-6)
    np.testing.assert_allclose(case.spread, np.std(sigmoid([1.0, 2.0])), rtol=1e-6)
    labels = mean_model(
        "multilabel", slopes=(0.0, 0.0), shifts=((1.0, 0.0), (3.0, 9.0)), class_names=("a", "b")
    )
    (case,) = predict(labels, tmp_path / "in")
    np.testing.assert_allclose(case.spread, np.std(sigmoid([0.0, 9.0])), rtol=1e-6)


@pytest.mark.parametrize("kind", ["binary", "ordinal"])
def test_members_are_brought_to_one_scale_before_the_mean(kind, tmp_path):
    names = ("a", "b") if kind == "binary" else ("a", "b", "c")
    outputs = Task(kind, len(names)).num_outputs
    rows = ((2.0,), (8.0,)) if outputs == 1 else ((2.0, 0.0, 1.0), (0.0, 8.0, 0.0))
    model = mean_model(
        kind,
        slopes=(0.0,) * outputs,
        shifts=rows,
        class_names=names,
        temperatures=[1.0, 4.0],
    )
    (case,) = predict(model, save(tmp_path / "in", 0))
    z = np.mean([rows[0], np.array(rows[1]) / 4], axis=0)  # binary 2; ordinal 1, 1, .5
    wanted = sigmoid(z) if outputs == 1 else np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(case.probabilities[-len(wanted) :], wanted, rtol=1e-6)


def test_colors_are_normalized_each_by_itself(tmp_path):
    (tmp_path / "in").mkdir()
    for i, color in enumerate(((0, 51, 255), (255, 0, 0), (51, 51, 51), (0, 0, 0))):
        Image.fromarray(np.full((8, 8, 3), color, np.uint8)).save(tmp_path / "in" / f"{i}.png")
    each = NormalizeIntensity([0.2, 0.4, 0.6], [1.0, 2.0, 4.0], channel_wise=True)
    scaling = ScaleIntensityRange(a_min=0.0, a_max=255.0, b_min=0.0, b_max=1.0)
    model = mean_model(channels=3, preprocessing=BatchCompose([scaling, each]))
    # means: (-.2 - .1 + .1) / 3, (.8 - .2 - .15) / 3, (0 - .1 - .1) / 3, (-.2 - .2 - .15) / 3
    z = 4 * np.array([-0.2, 0.45, -0.2, -0.55]) / 3 - 2
    found = [case.probabilities[1] for case in predict(model, tmp_path / "in")]
    np.testing.assert_allclose(found, sigmoid(z), rtol=1e-5)
    # a bundle of somebody else may have transforms of MONAI's
    theirs = monai.transforms.NormalizeIntensity([51.0] * 3, [255.0] * 3, channel_wise=True)
    model = mean_model(channels=3, preprocessing=theirs)
    z = 4 * np.array([0.2, 2 / 15, 0.0, -0.2]) - 2
    found = [case.probabilities[1] for case in predict(model, tmp_path / "in")]
    np.testing.assert_allclose(found, sigmoid(z), rtol=1e-5)


class Counted:
    """Decodes as `read_case` does, and counts the cases that are alive."""

    def __init__(self):
        self.alive = self.most = self.read = 0
        self.lock = threading.Lock()

    def __call__(self, path, form):
        case = read_case(path, form)
        with self.lock:
            self.read += 1
            self.alive += 1
            self.most = max(self.most, self.alive)
        weakref.finalize(case, self.gone)
        return case

    def gone(self):
        self.alive -= 1


@pytest.fixture
def counted(monkeypatch):
    counter = Counted()
    monkeypatch.setattr(inputs, "read_case", counter)
    monkeypatch.setattr(sys.modules["medmonai.deployment.predict"], "check_jobs", lambda _: 2)
    return counter


def test_memory_does_not_grow_with_the_number_of_files(counted, tmp_path):
    folder = save(tmp_path / "in", *range(120))
    cases = predict(mean_model(batch_size=4), folder)
    next(cases)
    assert counted.read <= 14  # the rest is still files
    assert len(list(cases)) == 119 and counted.read == 120
    # a batch of 4, the next one, and 2 ahead for each of 2 threads
    assert counted.most <= 14
    del cases
    gc.collect()
    assert counted.alive == 0


def test_a_consumer_that_stops_leaves_no_work_behind(counted, tmp_path):
    cases = predict(mean_model(batch_size=2), save(tmp_path / "in", *range(80)))
    next(cases)
    cases.close()
    threads = {thread.name for thread in threading.enumerate()}
    assert counted.read <= 12 and not any("ThreadPool" in name for name in threads)
