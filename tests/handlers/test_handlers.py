"""Handlers of a run: the AUC of all cases, guards, averages, history and order."""

import csv
import math
import re

import numpy as np
import pytest
import torch
from handler_runs import Mean, cohort, evaluator, trainer
from ignite.engine import Events
from monai.engines import SupervisedEvaluator
from monai.handlers import ValidationHandler
from torch import nn

from medmonai.data import Balance, ResidentLoader
from medmonai.handlers import (
    AUCMetric,
    HistoryWriter,
    NonFiniteGuard,
    Progress,
    in_order,
)
from medmonai.metrics import auc_score


@pytest.mark.parametrize("shape", [(8, 8), (4, 4, 4)])
def test_the_auc_is_that_of_all_cases_whatever_the_batches(shape):
    cases, values = cohort(33, shape=shape), []
    for batch_size in (1, 7, 64):
        engine, metric = evaluator(cases, Mean(), batch_size=batch_size)
        engine.run()
        values.append(engine.state.metrics["auc"])
        assert metric.predictions.ids.tolist() == cases.ids.tolist()
    logits = Mean()(torch.from_numpy(cases.images).float())[:, 0].detach().numpy()
    assert values == pytest.approx([auc_score(cases.labels, logits)] * 3, abs=1e-12)


def test_an_undefined_auc_never_blocks_a_later_best_epoch():
    engine, _ = evaluator(cohort(labels=np.zeros(10, int), n=10), Mean())
    with pytest.warns(UserWarning, match="undefined"):
        engine.run()
    assert engine.state.metrics["auc"] == -math.inf
    assert 0.5 > engine.state.best_metric


def test_a_balanced_loader_cannot_evaluate():
    cases = cohort()
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        network=Mean(),
        key_val_metric={"auc": AUCMetric(cases)},
        decollate=False,
        val_data_loader=ResidentLoader(cases, batch_size=4, balance=Balance("cap", cap=3)),
    )
    with pytest.raises(RuntimeError, match="shows each case once"):
        engine.run()


@pytest.mark.parametrize("poison", ["loss", "gradient"])
def test_what_is_not_finite_stops_the_run_before_the_step(poison):
    network = Mean()

    class Poison(nn.Module):
        def forward(self, logits, labels):
            if poison == "loss":
                return logits.sum() * float("nan")
            # 0, with an infinite gradient
            return torch.sqrt((logits - logits.detach()).abs().sum())

    before = network.linear.weight.clone()
    with pytest.raises(FloatingPointError, match="epoch 1, by iteration 1 "):
        trainer(network, [NonFiniteGuard()], loss=Poison()).run()
    assert torch.equal(before, network.linear.weight)


def test_the_history_has_a_line_per_epoch(tmp_path, capsys):
    network, cases = Mean(), cohort()
    validator, _ = evaluator(cases, network)
    handlers = [
        ValidationHandler(validator=validator, interval=1),
        HistoryWriter(tmp_path / "h.csv", evaluator=validator),
        Progress(evaluator=validator),
    ]
    engine, last = trainer(network, handlers, epochs=3), []
    engine.add_event_handler(
        Events.EPOCH_COMPLETED, lambda e: last.append(e.state.output["loss"].item())
    )
    engine.run()
    with (tmp_path / "h.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["epoch"] for r in rows] == ["1", "2", "3"]
    assert all(
        float(r["validation_auc"]) == 1.0 and float(r["learning_rate"]) == 1e-5 for r in rows
    )
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch ")]
    said = [re.match(r"epoch (\d)/3  loss ([\d.]+)", line).groups() for line in lines]
    assert said == [(r["epoch"], f"{float(r['train_loss']):.4f}") for r in rows]
    # a mean, not what the last batch lost
    assert {float(r["train_loss"]) for r in rows}.isdisjoint(last)


@pytest.mark.parametrize(
    ("lines", "kept", "said"),
    [
        ("1,train,0.5,,0.1,2.25\r\n2,train,0.5,0.75,0.1,2.25\r\n", "12", ""),
        # a number may be cut off
        (
            "1,train,0.5,,0.1,2.25\r\n2,train,0.5,0.75,0.1,2.2",
            "1",
            "lacks epoch 2: deleted, or cut off",
        ),
        ("1,train,0.5\r\n2,train,0.5,0.75,0.1,2.25\r\n", "2", "lacks epoch 1: deleted"),
        ("1,train,0.5,,0.1,2.25\r\n2,train,0.5,0.75,0.1,2.25\r\n3,train,0.5", "12", ""),
        (None, "", "lacks epoch 1, 2: deleted"),
    ],
)
def test_a_run_goes_on_with_the_whole_lines_of_its_history(lines, kept, said, tmp_path, caplog):
    path, network = tmp_path / "h.csv", Mean()
    validator, _ = evaluator(cohort(), network)
    if lines is not None:
        path.write_bytes(
            f"epoch,stage,train_loss,validation_auc,learning_rate,seconds\r\n{lines}".encode()
        )
    engine = trainer(network, [HistoryWriter(path, evaluator=validator)], epochs=4)
    engine.state.epoch, engine.state.iteration = 2, 8
    engine.run()
    with path.open(newline="") as file:
        assert "".join(row["epoch"] for row in csv.DictReader(file)) == f"{kept}34"
    assert said in caplog.text and bool(said) == ("lacks" in caplog.text)


@pytest.mark.parametrize("validated", [True, False])
def test_handlers_stand_around_validation(validated):
    validation = [ValidationHandler(validator=None, interval=1)] if validated else []
    found = in_order(
        ["tracker", *validation, "own"], before_validation=["a", "b"], after_validation=["c"]
    )
    assert found == ["a", "b", *validation, "c", "tracker", "own"]
