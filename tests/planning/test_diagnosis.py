"""Why a fit failed: histories of each kind, and a real fit on labels that mean nothing."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from source_files import smooth_picture

from medmonai import fit
from medmonai.planning import division, rules
from medmonai.planning.diagnosis import (
    Circumstances,
    Course,
    chance_loss,
    diagnose,
    least_loss,
    read_course,
)
from medmonai.predictions import Predictions
from medmonai.task import Task

LN2 = math.log(2)
KNOWN = Circumstances(80, chance_loss=LN2, least_loss=least_loss(0.1, 2))
FLAT = Course((0.71, 0.70, 0.69, 0.695, 0.69, 0.692), (0.5, 0.56, 0.48, 0.52, 0.5, 0.51))
FELL = Course((0.70, 0.55, 0.40, 0.30, 0.25, 0.23), (0.5, 0.56, 0.48, 0.52, 0.5, 0.51))
GOOD = Course(FELL.losses, (0.6, 0.7, 0.8, 0.85, 0.88, 0.9))
CHANCE = {"estimate": 0.52, "low": 0.41, "high": 0.63}
WELL = {"estimate": 0.91, "low": 0.85, "high": 0.95}


def table(scores=None):
    p = np.random.default_rng(0).random(40) if scores is None else np.asarray(scores)
    ids = np.array([f"c{i}" for i in range(len(p))])
    labels = np.arange(len(p)) % 2
    return Predictions(ids, labels, np.stack([1 - p, p], 1), Task("binary", 2), ("a", "b"))


def found(course, auc, known=KNOWN, scores=None):
    return diagnose([course] * 3, table(scores), auc, known)


@pytest.mark.parametrize(
    ("course", "auc", "known", "kind", "said"),
    [
        (FLAT, CHANCE, KNOWN, "nothing learned",
         "The training loss did not fall (0.710 to 0.692, where a guess has 0.693), and the AUC is "
         "at chance (.52, interval .41 to .63). The labels may not follow from the images"),
        (FLAT, CHANCE, replace(KNOWN, size=128, file_size=2000), "nothing learned",
         "or the size of 128 pixels may hide the finding (the files have 2,000)"),
        (FLAT, CHANCE, replace(KNOWN, size=128, file_size=150), "nothing learned",
         "or the training was too short"),
        (FLAT, CHANCE, replace(KNOWN, baseline_auc=0.55), "nothing learned",
         "random forest on texture features reaches no more than .55, so the data are likelier"),
        (FLAT, CHANCE, replace(KNOWN, baseline_auc=0.8), "nothing learned",
         "random forest reaches .80, so the images do tell something about the classes: change"),
        (FLAT, CHANCE, replace(KNOWN, baseline_auc=0.5, findings=("9 images hold a single gray "
         "value",)), "nothing learned", "The look had found: 9 images hold a single gray value."),
        (Course((0.70, 0.66, 0.62, 0.61), FLAT.validation_aucs), CHANCE, KNOWN, "nothing learned",
         "fell only part of the way"),
        (FELL, CHANCE, KNOWN, "overfitted",
         "The training loss fell (0.700 to 0.260, where a guess has 0.693), and the AUC on other "
         "cases is at chance (.52, interval .41 to .63): the network remembered its 80 training"),
        (FELL, {"estimate": 0.36, "low": 0.26, "high": 0.47}, KNOWN, "below chance",
         "The AUC is below chance (.36, interval .26 to .47)"),
        (GOOD, CHANCE, replace(KNOWN, given_test=True), "test unlike validation",
         "The AUC is .90 on the validation cases and at chance on the test cases (.52"),
        (GOOD, {"estimate": 0.2, "low": 0.1, "high": 0.3}, replace(KNOWN, given_test=True),
         "test unlike validation", "below chance on the test cases"),
        (GOOD, {"estimate": 0.7, "low": 0.45, "high": 0.9}, KNOWN, "too few cases",
         "The AUC cannot be told from chance (.70, interval .45 to .90): 40 test cases"),
        (Course((0.7, math.nan, 0.5), (0.5, math.nan, 0.5)), WELL, KNOWN, "not finite",
         "The training loss was not a number in 3 of 9 epochs"),
        (GOOD, WELL, replace(KNOWN, shortcut=("Manufacturer", 0.98)), "shortcut",
         "'Manufacturer' go together (Cramér's V 0.98, see plan.md): this AUC of .91 may be"),
    ],
)  # fmt: skip
def test_each_kind(course, auc, known, kind, said):
    one = found(course, auc, known)
    assert one.kind == kind and said in one.text
    assert "\n" not in one.text and "  " not in one.text
    assert 1 <= one.text.count(". ") + 1 <= 4
    json.dumps(one.as_dict())


def test_equal_scores():
    assert found(GOOD, CHANCE, scores=np.full(40, 0.3)).kind == "equal scores"
    assert found(GOOD, WELL, scores=np.full(40, 0.3)).kind == "equal scores"


@pytest.mark.parametrize(
    ("course", "auc", "known"),
    [
        (GOOD, WELL, KNOWN),
        (FLAT, WELL, KNOWN),  # a small loss is not the aim
        (GOOD, WELL, replace(KNOWN, shortcut=("size", 0.5))),
        (GOOD, {"estimate": math.nan, "low": math.nan, "high": math.nan}, KNOWN),
    ],
)
def test_nothing_is_said_of_a_training_that_did_not_fail(course, auc, known):
    assert found(course, auc, known) is None


def test_a_loss_that_was_low_from_the_first_epoch_is_no_flat_one():
    assert found(Course((0.25, 0.24, 0.24), (0.5,) * 3), CHANCE).kind == "overfitted"


def test_the_loss_of_a_guess():
    assert chance_loss(np.full(4, 0.25), exclusive=True, balanced=False) == pytest.approx(
        math.log(4)
    )
    assert chance_loss(np.array([0.5, 0.5, 0.5]), exclusive=False, balanced=False) == pytest.approx(
        LN2
    )
    assert least_loss(0.0, 3) == 0
    p = np.array([0.9 + 0.1 / 3, 0.1 / 3, 0.1 / 3])
    assert least_loss(0.1, 3) == pytest.approx(float(-(p * np.log(p)).sum()))


def test_the_loss_of_the_auc_stage_is_left_out(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(
        "epoch,stage,train_loss,validation_auc,learning_rate,seconds\n"
        "1,cross_entropy,0.7,,0.1,1\n2,auc,-3.0,0.6,0.1,1\n"
    )
    course = read_course(path)
    assert course.losses == (0.7,) and course.validation_aucs[1] == 0.6
    assert math.isnan(course.validation_aucs[0])
    path.write_text("epoch,stage\n1,auc\n")
    with pytest.raises(ValueError, match=r"history.csv is damaged"):
        read_course(path)


@pytest.mark.slow
def test_a_fit_of_labels_that_mean_nothing_says_so(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for i in range(120):
        folder = tmp_path / "in" / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth_picture(rng, 16, 16)).save(folder / f"{i:03d}.png")
    monkeypatch.setitem(rules._STEPS, 2, 24)
    monkeypatch.setattr(division, "FOLDS", 3)
    done = fit(tmp_path / "in", output=tmp_path / "out")
    diagnosis = done.metrics["diagnosis"]
    assert diagnosis["kind"] in ("nothing learned", "overfitted", "below chance")
    assert diagnosis["text"] in capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "at chance" in page or "below chance" in page
