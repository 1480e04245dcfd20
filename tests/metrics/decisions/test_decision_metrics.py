"""What the means over classes are made of: parts and weights give the metric again, with absent
classes too.
"""

from __future__ import annotations

import numpy as np
import pytest

from medmonai.metrics.decisions.decision_metrics import MEANS, METRICS


def counted(kind, classes, rng):
    """Random counts of a kind of task; some classes do not occur, some are never decided."""
    if kind == "multilabel":
        labels = rng.integers(0, 4, (classes, 2, 2)) * rng.integers(0, 2, (classes, 2, 2))
        labels[:, 0, 0] += 20 - labels.sum(axis=(-2, -1))
        return np.concatenate([labels, [[[0, 0], [5, 15]]]])
    counts = rng.integers(0, 6, (classes, classes)) * rng.integers(0, 2, (classes, classes))
    counts[rng.integers(classes)] = 0
    counts[-1, -1] += 1
    return counts


@pytest.mark.parametrize(
    ("kind", "classes"), [("binary", 2), ("multiclass", 4), ("ordinal", 3), ("multilabel", 3)]
)
@pytest.mark.parametrize("seed", range(10))
def test_parts_and_weights_give_the_metric(kind, classes, seed):
    counts = counted(kind, classes, np.random.default_rng(seed))
    for name, mean in MEANS[kind].items():
        found = np.nansum(mean.values(counts) * mean.shares(counts))
        assert found == pytest.approx(
            float(np.nan_to_num(METRICS[kind][name](counts))), abs=1e-12
        ), name


@pytest.mark.parametrize("kind", ["multiclass", "ordinal", "multilabel"])
def test_every_mean_over_classes_is_known_as_one(kind):
    wanted = {
        name
        for name in METRICS[kind]
        if name.startswith(("macro_", "weighted_"))
        or name in ("balanced_accuracy", "label_accuracy")
    }
    assert set(MEANS[kind]) == wanted


def test_parts_of_many_tables_at_once():
    many = np.stack([counted("multilabel", 3, np.random.default_rng(seed)) for seed in range(5)])
    for mean in MEANS["multilabel"].values():
        np.testing.assert_array_equal(
            mean.values(many), np.stack([mean.values(one) for one in many])
        )
