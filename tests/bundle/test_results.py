"""What metadata leaves in the folder of a run: a table, and subgroups where a column makes some."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from medmonai.bundle.results import _subgroups, write_metadata
from medmonai.data import Cohort, Provenance
from medmonai.metrics import subgroup_summary
from medmonai.predictions import Predictions
from medmonai.report import evaluate, split_tables
from medmonai.tables import read_metadata
from medmonai.task import Task

N = 200


@pytest.fixture
def cohort():
    rng = np.random.default_rng(0)
    metadata = {
        "sex": np.where(np.arange(N) % 2, "f", "m"),
        "age": rng.integers(20, 90, N).astype(str),
        "site": np.full(N, "one"),
        "remark": np.char.mod('no, "%d"', np.arange(N)),
        "id": np.full(N, "x"),
    }
    return Cohort(
        np.zeros((N, 1, 4, 4), np.uint8),
        labels=np.arange(N) % 4 // 2,
        ids=np.char.mod("c%d", np.arange(N)),
        task=Task("binary", 2),
        class_names=("a", "b"),
        provenance=Provenance("set"),
        split="test",
        metadata=metadata,
    )


def predictions(cohort, order=None):
    order = np.arange(len(cohort)) if order is None else order
    p = np.random.default_rng(1).random(len(cohort))[order] * 0.6 + 0.4 * cohort.labels[order]
    return Predictions(
        cohort.ids[order],
        cohort.labels[order],
        np.stack([1 - p, p], 1),
        cohort.task,
        cohort.class_names,
    )


def test_the_table_is_what_evaluate_reads(cohort, tmp_path):
    write_metadata(cohort, tmp_path)
    found = read_metadata(tmp_path / "metadata_test.csv", cohort.ids)
    assert {name: values.tolist() for name, values in found.items()} == {
        name: cohort.metadata[name].tolist() for name in ("sex", "age", "site", "remark")
    }
    with open(tmp_path / "metadata_test.csv", newline="", encoding="utf-8") as file:
        assert next(csv.reader(file)) == ["id", "sex", "age", "site", "remark"]


def test_columns_that_make_subgroups(cohort):
    evaluation = evaluate(predictions(cohort))
    found = _subgroups(evaluation, cohort)["subgroups"]
    assert list(found) == ["sex", "age"]  # one site is no subgroup, 200 remarks neither
    assert found["sex"] == subgroup_summary(
        evaluation.test, cohort.metadata["sex"], point=evaluation.point
    )
    assert [row["n"] for row in found["sex"]] == [100, 100] and len(found["age"]) == 4
    evaluation.metrics.update({"subgroups": found})
    assert [table.name for table in split_tables(evaluation.metrics)][-2:] == [
        "subgroups_sex",
        "subgroups_age",
    ]


def test_the_order_of_the_predictions_does_not_matter(cohort):
    shuffled = np.random.default_rng(2).permutation(N)
    here, there = (
        _subgroups(evaluate(predictions(cohort, order)), cohort) for order in (None, shuffled)
    )
    for one, other in zip(here["subgroups"]["sex"], there["subgroups"]["sex"]):
        assert (
            one["auc"]["estimate"] == pytest.approx(other["auc"]["estimate"])
            and one["group"] == other["group"]
        )


def test_nothing_without_metadata(cohort, tmp_path):
    bare = Cohort(
        cohort.images,
        labels=cohort.labels,
        ids=cohort.ids,
        task=cohort.task,
        class_names=cohort.class_names,
        provenance=cohort.provenance,
        split="test",
    )
    write_metadata(bare, tmp_path)
    assert _subgroups(evaluate(predictions(bare)), bare) == {} and not list(tmp_path.iterdir())
