import csv
import json
import math
import re

import numpy as np
import pytest
import torch
from ignite.engine import Events
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from monai.handlers import ValidationHandler
from torch import nn

from medmonai.data import Balance, Cohort, ImageSet, Provenance, ResidentLoader
from medmonai.handlers import (
    AUCMetric,
    HistoryWriter,
    LoaderEpoch,
    NonFiniteGuard,
    PESGStage,
    PredictionsCollector,
    PredictionsWriter,
    Progress,
    RegularizerDecay,
    WeightAverage,
    in_order,
)
from medmonai.losses import AUCMarginLoss, TaskLoss
from medmonai.metrics import auc_score
from medmonai.networks import resnet10
from medmonai.optimizers import PESG
from medmonai.predictions import read_predictions
from medmonai.task import Task

TASK = Task("binary", 2)


def cohort(n=40, labels=None, shape=(8, 8)):
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2 if labels is None else labels
    images = rng.integers(0, 100, (n, 1, *shape), dtype=np.uint8)
    images += (labels * 100).astype(np.uint8).reshape(-1, *[1] * (len(shape) + 1))
    return Cohort(
        images,
        labels=labels,
        ids=np.array([f"case-{i}" for i in range(n)]),
        task=TASK,
        class_names=("a", "b"),
        provenance=Provenance("test"),
        split="val",
    )


def evaluator(cases, network, handlers=(), batch_size=16):
    metric = AUCMetric(cases)
    engine = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=ResidentLoader(cases, batch_size=batch_size),
        network=network,
        key_val_metric={"auc": metric},
        val_handlers=list(handlers),
        decollate=False,
    )
    return engine, metric


def trainer(network, handlers, *, epochs=2, loss=None, optimizer=None, cases=None):
    loader = ResidentLoader(cases or cohort(), batch_size=10, balance=Balance())
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=optimizer or torch.optim.SGD(network.parameters(), lr=1e-5),
        loss_function=loss or TaskLoss(TASK),
        train_handlers=[LoaderEpoch(loader), *handlers],
        decollate=False,
        optim_set_to_none=True,
    )


class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)
        nn.init.ones_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return self.linear(x.flatten(1).mean(1, keepdim=True) / 100)


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


def test_predictions_are_written_with_labels(tmp_path):
    cases = cohort()
    writer = PredictionsWriter(PredictionsCollector(cases), tmp_path / "new" / "predictions.csv")
    evaluator(cases, Mean(), [writer])[0].run()
    table = read_predictions(tmp_path / "new" / "predictions.csv")
    assert np.array_equal(table.y_true, cases.labels) and table.ids.tolist() == cases.ids.tolist()
    with pytest.raises(FileExistsError, match="is left alone"):
        evaluator(cases, Mean(), [writer])[0].run()
    writer.overwrite = True
    evaluator(cases, Mean(), [writer])[0].run()


def test_unlabelled_cases_are_decided_at_the_stored_point(tmp_path):
    cases = ImageSet(cohort().images, ids=cohort().ids)
    options = {"task": TASK, "class_names": ("a", "b")}
    point = {"thresholds": [0.7], "rule": "youden", "chosen_on": "validation", "n": 9}
    stored = {"class_names": ["a", "b"], "operating_point": point}
    (tmp_path / "decision.json").write_text(json.dumps(stored))
    (tmp_path / "other.json").write_text(json.dumps(stored | {"class_names": ["a", "c"]}))
    for name, threshold in (("decision.json", 0.7), ("none.json", 0.5)):
        collector = PredictionsCollector(cases, **options)
        writer = PredictionsWriter(collector, tmp_path / f"{name}.csv", decision=tmp_path / name)
        unlabelled(cases, writer).run()
        with (tmp_path / f"{name}.csv").open() as file:
            rows = list(csv.DictReader(file))
        assert [r["predicted"] for r in rows] == [
            "ab"[float(r["score_b"]) > threshold] for r in rows
        ]
        assert {r["predicted"] for r in rows} == ({"a", "b"} if threshold == 0.7 else {"b"})
    with pytest.raises(ValueError, match=r"is for the classes \['a', 'c'\], not \['a', 'b'\]"):
        unlabelled(
            cases,
            PredictionsWriter(
                PredictionsCollector(cases, **options),
                tmp_path / "x.csv",
                decision=tmp_path / "other.json",
            ),
        ).run()


def unlabelled(cases, handler):
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=ResidentLoader(cases, batch_size=16),
        network=Mean(),
        val_handlers=[handler],
        decollate=False,
    )


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


def test_the_average_follows_the_weights_and_can_begin_anew():
    network = Mean()
    decay = 0.5
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay)
    )
    handler, seen = WeightAverage(average, network), []

    class Watch:
        def attach(self, engine):
            engine.add_event_handler(
                Events.ITERATION_COMPLETED, lambda _: seen.append(network.linear.weight.item())
            )

    trainer(
        network,
        [handler, Watch()],
        epochs=1,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
    ).run()
    expected = seen[0]
    for weight in seen[1:]:
        expected = decay * expected + (1 - decay) * weight
    assert average.module.linear.weight.item() == pytest.approx(expected, abs=1e-6)
    handler.restart()
    average.update_parameters(network)
    assert torch.equal(average.module.linear.weight, network.linear.weight)


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


def stage_trainer(start_epoch, *, epochs, decay_epochs=(), reset_head=False):
    torch.manual_seed(0)
    network = resnet10(width=4)
    loss = AUCMarginLoss(1)
    optimizer = PESG(network.parameters(), loss_fn=loss, lr=0.1, epoch_decay=2e-3, weight_decay=0.0)
    stage = PESGStage(
        start_epoch, optimizer=optimizer, loss_function=loss, network=network, reset_head=reset_head
    )
    decay = RegularizerDecay(optimizer, epochs=decay_epochs, factor=10)
    engine = trainer(
        network,
        [stage, decay],
        epochs=epochs,
        optimizer=torch.optim.SGD(network.parameters(), lr=1e-3),
    )
    return engine, stage, optimizer, loss


def test_the_stage_swaps_loss_and_optimiser_at_its_epoch_and_decays():
    # 1 lies before the stage
    engine, stage, optimizer, loss = stage_trainer(2, epochs=4, decay_epochs=(1, 3))
    engine.run()
    assert engine.optimizer is optimizer and engine.loss_function is loss
    assert stage.name(engine) == "auc"
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.01)
    assert float(loss.alpha.detach().max()) >= 0


def test_a_stage_beyond_the_last_epoch_never_begins():
    engine, stage, optimizer, _ = stage_trainer(3, epochs=2)
    engine.run()
    assert engine.optimizer is not optimizer and stage.name(engine) == "cross_entropy"
    with pytest.raises(ValueError, match="epochs count from 1"):
        stage_trainer(0, epochs=1)


@pytest.mark.parametrize("validated", [True, False])
def test_handlers_stand_around_validation(validated):
    validation = [ValidationHandler(validator=None, interval=1)] if validated else []
    found = in_order(
        ["tracker", *validation, "own"], before_validation=["a", "b"], after_validation=["c"]
    )
    assert found == ["a", "b", *validation, "c", "tracker", "own"]
