"""Calibrated probabilities and the decision from logits, by hand."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from medmonai.task import Task
from medmonai.transforms import ClassProbabilitiesd


def transform(folder, kind, names, thresholds, *, temperature=1.0, bias=()):
    """With this decision beside the weights."""
    path = folder / "decision.json"
    stated = {"chosen_on": "validation", "n": 9}
    point = {"thresholds": thresholds, "rule": "youden" if thresholds else "argmax", **stated}
    divided = {"temperature": temperature, "bias": list(bias), "scores": "probabilities", **stated}
    content = {"class_names": list(names), "operating_point": point, "temperature": divided}
    path.write_text(json.dumps(content))
    task = Task(kind, len(names))
    return ClassProbabilitiesd("pred", task=task, class_names=names, decision_path=path)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.array(z)))


@pytest.mark.parametrize("logits", [[1.0], [0.0, 1.0], [-2.0, -1.0]])
def test_a_binary_decision_is_made_before_the_calibration(logits, tmp_path):
    # sigmoid(1) = .731
    for threshold, decided in ((0.7, 1), (0.75, 0)):
        made = transform(tmp_path, "binary", "ab", [threshold], temperature=2.0, bias=[-1.0])
        found = made({"pred": torch.tensor(logits)})["pred"]
        np.testing.assert_allclose(found, [sigmoid(0.5), sigmoid(-0.5)], rtol=1e-6)
        assert found.flatten().tolist() == [decided]


def test_the_labels_that_are_present_are_decided(tmp_path):
    made = transform(tmp_path, "multilabel", "abc", [0.5, 0.2, 0.3], bias=[0.0, 0.0, 1.0])
    found = made({"pred": torch.tensor([-2.0, 1.0, -0.5])})["pred"]
    np.testing.assert_allclose(found, sigmoid([-2.0, 1.0, 0.5]), rtol=1e-6)
    assert found.flatten().tolist() == [1, 2]
    assert made({"pred": torch.full((3,), -9.0)})["pred"].flatten().tolist() == []


@pytest.mark.parametrize("kind", ["multiclass", "ordinal"])
def test_the_highest_of_exclusive_classes_is_decided(kind, tmp_path):
    made = transform(tmp_path, kind, "abc", [], temperature=2.0)
    logits = torch.tensor([[0.0, 3.0, 1.0], [2.0, 0.0, 0.0]])
    found = made({"pred": logits, "image": 1})
    np.testing.assert_allclose(found["pred"], torch.softmax(logits / 2, dim=1), rtol=1e-6)
    assert found["pred"].flatten().tolist() == [1, 0] and found["image"] == 1


def test_it_is_a_tensor_of_monai_and_its_parts_are_flattened_as_ever(tmp_path):
    made = transform(tmp_path, "multiclass", "abc", [])
    found = made({"pred": MetaTensor(torch.tensor([[0.0, 3.0, 1.0]]))})["pred"]
    assert isinstance(found, MetaTensor) and found.array.shape == (1, 3)
    values = found.cpu().numpy().ravel()
    for other in (
        found + 0,
        found.squeeze(0),
        copy.deepcopy(found),
        pickle.loads(pickle.dumps(found)),
    ):
        np.testing.assert_array_equal(other.flatten(), values)
    assert found.flatten().tolist() == [1] and torch.argmax(found) == 1


def test_without_a_decision_a_warning_says_what_that_means(tmp_path, caplog):
    task = Task("binary", 2)
    path = tmp_path / "decision.json"
    made = ClassProbabilitiesd("pred", task=task, class_names="ab", decision_path=path)
    assert "not calibrated" in caplog.text
    found = made({"pred": torch.tensor([1.0])})["pred"]
    np.testing.assert_allclose(found, [sigmoid(-1), sigmoid(1)], rtol=1e-6)


def test_a_decision_for_other_classes_and_logits_of_another_task(tmp_path):
    made = transform(tmp_path, "multiclass", "abc", [])
    with pytest.raises(ValueError, match=r"needs \(B, 3\)"):
        made({"pred": torch.zeros(2)})
    with pytest.raises(ValueError, match=r"is for the classes \['a', 'b', 'c'\]"):
        ClassProbabilitiesd(
            "pred",
            task=made.task,
            class_names=("c", "b", "a"),
            decision_path=tmp_path / "decision.json",
        )
