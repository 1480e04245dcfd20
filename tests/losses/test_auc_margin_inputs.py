"""What the AUC margin loss takes, labels of any shape and logits of any precision, and what it
refuses.
"""

from __future__ import annotations

import pytest
import torch
from margin_losses import attached, batch, gradients
from monai.data import MetaTensor

from medmonai.losses import AUCMarginLoss


@pytest.mark.parametrize("shape", [(16,), (16, 1)])
@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.uint8, torch.bool, torch.float32, torch.float64]
)
def test_label_shapes_and_dtypes(shape, dtype):
    loss = attached()
    logits, labels = batch()
    assert torch.equal(loss(logits, labels.reshape(shape).to(dtype)), loss(logits, labels))


def test_meta_tensors_give_a_plain_result():
    loss = attached()
    logits, labels = batch()
    value = loss(MetaTensor(logits), MetaTensor(labels))
    assert type(value) is torch.Tensor
    assert torch.equal(value, loss(logits, labels))
    assert gradients(value, logits)[0].abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_scored_in_float32(dtype):
    loss = attached()
    logits, labels = batch()
    low = logits.detach().to(dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(low, labels)
    assert value.dtype == torch.float32
    assert torch.equal(value, loss(low.float(), labels))


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (torch.zeros(8, 2), torch.zeros(8), r"logits have shape \(8, 2\).*needs floating \(B, 1\)"),
        (torch.zeros(8, 9), torch.zeros(8), r"logits have shape \(8, 9\)"),
        (torch.zeros(8), torch.zeros(8), r"logits have shape \(8,\)"),
        (torch.zeros(8, 1, dtype=torch.long), torch.zeros(8), "torch.int64"),
        (torch.zeros(0, 1), torch.zeros(0), "the batch is empty"),
        (torch.zeros(8, 1), torch.zeros(7), r"labels have shape \(7, 1\)"),
        (torch.zeros(8, 1), torch.zeros(8, 2), r"labels have shape \(8, 2\)"),
        (torch.zeros(2, 1), torch.tensor([1, 2]), "labels hold 2; only 0 and 1"),
        (torch.zeros(2, 1), torch.tensor([1, -1]), "labels hold -1"),
        (torch.zeros(2, 1), torch.tensor([1.0, 0.9]), "labels hold 0.89.*no soft"),
        (torch.zeros(2, 1), torch.tensor([1.0, float("nan")]), "labels hold nan"),
        (
            torch.tensor([[float("nan")], [0.0]]),
            torch.tensor([1, 0]),
            "logits hold 1 NaN or infinite",
        ),
        (
            torch.tensor([[float("inf")], [0.0]]),
            torch.tensor([1, 0]),
            "logits hold 1 NaN or infinite",
        ),
    ],
)
def test_bad_batches_of_one_output(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        AUCMarginLoss()(logits, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 1, 3]), "labels hold 3; whole numbers from 0 to 2"),
        (torch.tensor([0, 1, -1]), "labels hold -1"),
        (torch.tensor([0, 1, 0.5]), "labels hold 0.5"),
        (torch.zeros(3, 2), r"labels have shape \(3, 2\)"),
        (torch.full((3, 3), 2), "labels hold 2; only 0 and 1"),
    ],
)
def test_bad_labels_of_several_outputs(labels, message):
    with pytest.raises(ValueError, match=message):
        AUCMarginLoss(3)(torch.zeros(3, 3), labels)


def test_a_thing_that_is_no_tensor():
    with pytest.raises(TypeError, match="list was given to the loss"):
        AUCMarginLoss()(torch.zeros(2, 1), [0, 1])


@pytest.mark.parametrize(
    ("outputs", "labels"), [(1, [1, 2]), (1, [1, -1]), (3, [0, 3]), (3, [0, -1]), (3, [0, 0.5])]
)
def test_where_values_cannot_be_read_a_wrong_label_is_nan(outputs, labels, monkeypatch):
    monkeypatch.setattr("medmonai.losses.labels.values_can_be_read", lambda x: False)
    assert torch.isnan(AUCMarginLoss(outputs)(torch.zeros(2, outputs), torch.tensor(labels)))
    assert torch.isfinite(AUCMarginLoss(outputs)(torch.zeros(2, outputs), torch.tensor([1, 0])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"version": "v3"}, "version='v3' does not exist"),
        ({"activation": "tanh"}, "activation='tanh'"),
        ({"activation": "softmax"}, "activation='softmax' for 1 outputs"),
        ({"num_outputs": 0}, "num_outputs=0"),
        ({"margin": 0.0}, "margin=0.0"),
        ({"margin": float("nan")}, "margin=nan"),
        ({"imratio": 1.0}, "imratio=1.0 is not possible"),
        ({"imratio": 0.5, "version": "v2"}, "imratio=0.5 has no effect"),
        (
            {"imratio": [0.1, 0.2], "num_outputs": 3},
            "imratio=.* is not possible; use one number in .0, 1., or 3",
        ),
    ],
)
def test_impossible_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        AUCMarginLoss(**options)
