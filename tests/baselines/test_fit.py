from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from medmonai.baselines import ESTIMATORS, FEATURES, fit_baseline, train_baseline
from medmonai.data import (
    Cohort,
    DatasetFolder,
    PhantomDesign,
    Provenance,
    ideal_observer_auc,
    lesion_phantom,
    load_medmnist,
)
from medmonai.metrics import auc_score
from medmonai.task import Task

QUICK = {
    "logistic_regression": {},
    "random_forest": {"n_estimators": 20},
    "gradient_boosting": {"max_iter": 10},
    "majority": {},
}
# threads on a busy core wait for each other
FEW = {"gradient_boosting": {"max_iter": 2, "max_leaf_nodes": 3}}
TASKS = [
    Task("binary", 2),
    Task("multiclass", 3),
    Task("ordinal", 3),
    Task("multilabel", 3),
    Task("multilabel", 1),
]


def cohort(task, *, n=90, size=(6, 6), split="train", seed=0, absent=(), dtype=np.uint8):
    """Cases whose class, or labels, are the bright pixels among the first ones."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 100, (n, 1, *size)).astype(dtype)
    kept = [c for c in range(task.num_classes) if c not in absent]
    labels = rng.choice(kept, n) if task.exclusive else rng.integers(0, 2, (n, task.num_classes))
    if not task.exclusive:
        labels[:, list(absent)] = 0
    images.reshape(n, -1)[:, : task.num_classes] += (100 * task.one_hot(labels)).astype(dtype)
    return Cohort(
        images,
        labels=labels,
        ids=[f"{split}{i}" for i in range(n)],
        task=task,
        split=split,
        class_names=tuple(f"class {c}" for c in range(task.num_classes)),
        provenance=Provenance("made"),
        groups=np.arange(n) // 2,
    )


def class_aucs(p):
    return [
        auc_score(column, p.y_score[:, c]) for c, column in enumerate(p.task.one_hot(p.y_true).T)
    ]


@pytest.mark.parametrize("size", [(6, 6), (5, 4, 3)])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_tables_hold_the_cases_and_the_classes_are_found(name, task, size):
    train, test = (
        cohort(task, size=size, n=200),
        cohort(task, size=size, split="test", seed=1, n=40),
    )
    tables = fit_baseline(
        train, {"validation": train, "test": test}, estimator=name, parameters=QUICK[name]
    )
    assert list(tables) == ["validation", "test"]
    p = tables["test"]
    assert (p.task, p.class_names, p.ids.tolist()) == (
        test.task,
        test.class_names,
        test.ids.tolist(),
    )
    np.testing.assert_array_equal(p.y_true, test.labels)
    assert p.groups.tolist() == test.groups.astype(str).tolist()
    assert (
        p.y_score.shape == (40, task.num_classes) and p.y_score.min() >= 0 and p.y_score.max() <= 1
    )
    if task.exclusive:
        np.testing.assert_allclose(p.y_score.sum(axis=1), 1, atol=1e-6)
    aucs = class_aucs(p)
    assert aucs == [0.5] * len(aucs) if name == "majority" else min(aucs) > 0.9


def test_majority_gives_the_shares_of_train():
    train = cohort(Task("multiclass", 3))
    shares = np.bincount(train.labels) / len(train)
    p = fit_baseline(train, {"test": train}, estimator="majority")["test"]
    np.testing.assert_allclose(p.y_score, np.tile(shares, (len(train), 1)))
    labels = cohort(Task("multilabel", 3))
    p = fit_baseline(labels, {"test": labels}, estimator="majority")["test"]
    np.testing.assert_allclose(p.y_score[0], labels.labels.mean(axis=0))


@pytest.mark.parametrize(("task", "features"), [(TASKS[0], FEATURES[0]), (TASKS[3], FEATURES[1])])
@pytest.mark.parametrize("name", QUICK)
def test_the_same_seed_gives_the_same_bits_for_any_number_of_jobs(name, task, features):
    train = cohort(task, size=(8, 8))
    first, again, two = (
        fit_baseline(
            train,
            {"a": train},
            estimator=name,
            features=features,
            jobs=jobs,
            parameters={**QUICK[name], **FEW.get(name, {})},
        )["a"].y_score
        for jobs in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, two)


@pytest.mark.parametrize("name", ["logistic_regression", "random_forest"])
def test_jobs_do_not_reach_the_rounding_of_large_sums(name):
    """BLAS divides matrices of this size among its threads."""
    train = cohort(TASKS[1], n=600, size=(50, 50))
    one, two = (
        fit_baseline(train, {"a": train}, estimator=name, parameters=QUICK[name], jobs=jobs)[
            "a"
        ].y_score
        for jobs in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


def test_the_seed_is_the_forests():
    train, test = cohort(TASKS[0]), cohort(TASKS[0], split="test", seed=1)
    a, b = (
        fit_baseline(
            train,
            {"a": test},
            estimator="random_forest",
            parameters=QUICK["random_forest"],
            seed=seed,
        )["a"].y_score
        for seed in (1, 2)
    )
    assert (a != b).any()


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "majority"])
@pytest.mark.parametrize("weights", [None, "balanced", [1, 1, 5]])
def test_a_class_that_train_lacks_is_scored_zero(name, weights):
    task = Task("multiclass", 3)
    train, test = cohort(task, absent=[1]), cohort(task, split="test", seed=1)
    with pytest.warns(UserWarning, match="made train: no case has 'class 1': scored 0 everywhere"):
        p = fit_baseline(
            train,
            {"test": test},
            estimator=name,
            parameters={**QUICK[name], "class_weight": weights},
        )["test"]
    assert not p.y_score[:, 1].any()
    seen = test.labels != 1
    assert auc_score(test.labels[seen] == 2, p.y_score[seen, 2]) > 0.9


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name != "majority"])
def test_a_label_that_train_always_or_never_has(name):
    task = Task("multilabel", 3)
    train = cohort(task, absent=[1])
    train.labels[:, 2] = 1
    with pytest.warns(UserWarning) as told:
        p = fit_baseline(train, {"a": train}, estimator=name, parameters=QUICK[name])["a"]
    assert [str(w.message) for w in told] == [
        "made train: no case has 'class 1': scored 0 everywhere.",
        "made train: every case has 'class 2': scored 1 everywhere.",
    ]
    assert not p.y_score[:, 1].any() and (p.y_score[:, 2] == 1).all()


@pytest.mark.parametrize(
    ("task", "absent"),
    [(Task("binary", 2), [1]), (Task("multilabel", 1), [0]), (Task("multilabel", 2), [0, 1])],
)
def test_nothing_to_tell_apart(task, absent):
    train = cohort(task, absent=absent)
    with pytest.raises(
        ValueError, match=r"made train: nothing to tell apart .*cases of two classes"
    ):
        train_baseline(train, estimator="random_forest")
    whole = cohort(task)
    scores = fit_baseline(train, {"a": whole}, estimator="majority")["a"].y_score
    assert not scores[:, absent].any()


def test_class_weights_raise_the_scores_of_a_class():
    train = cohort(TASKS[0])
    plain, heavy = (
        fit_baseline(
            train, {"a": train}, estimator="logistic_regression", parameters={"class_weight": w}
        )["a"].y_score[:, 1]
        for w in (None, [1, 10])
    )
    assert (heavy > plain).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (5, 6)}, r"spatial_size \(5, 6\); the baseline is trained on \(6, 6\)"),
        ({"dtype": np.int16}, "dtype int16"),
    ],
)
def test_other_cohorts_must_be_alike(change, message):
    train = cohort(TASKS[0])
    with pytest.raises(ValueError, match=message):
        fit_baseline(train, {"test": cohort(TASKS[0], **change)}, estimator="majority")
    with pytest.raises(ValueError, match="made test has task"):
        fit_baseline(train, {"test": cohort(TASKS[1], split="test")}, estimator="majority")
    renamed = replace(train, class_names=("class 1", "class 0"))
    with pytest.raises(ValueError, match="class_names"):
        train_baseline(train, estimator="majority").predict(renamed)


def test_errors_come_before_the_work():
    train = cohort(TASKS[0])
    with pytest.raises(ValueError, match="did you mean 'random_forest'"):
        train_baseline(train, estimator="random_forrest")
    with pytest.raises(ValueError, match="did you mean 'pixels'"):
        train_baseline(train, estimator="majority", features="pixel")
    with pytest.raises(
        ValueError, match="logistic_regression takes no parameter 'CC'; did you mean 'C'"
    ):
        train_baseline(train, estimator="logistic_regression", parameters={"CC": 1})
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression must be"):
        train_baseline(train, estimator="logistic_regression", parameters={"C": -1})


def test_the_record_is_json_and_complete():
    trained = train_baseline(
        cohort(TASKS[0]), estimator="random_forest", parameters={"max_depth": 3}, seed=4, jobs=2
    )
    record = json.loads(json.dumps(trained.record))
    assert record["parameters"] == {"n_estimators": 200, "max_depth": 3}
    assert {**record, "seconds": 0, "versions": 0, "parameters": 0} == {
        "estimator": "random_forest",
        "features": "pixels",
        "parameters": 0,
        "seed": 4,
        "jobs": 2,
        "num_cases": 90,
        "num_features": 36,
        "seconds": 0,
        "versions": 0,
    }
    assert set(record["seconds"]) == {"features", "fit"} and "scikit-learn" in record["versions"]


def test_predictions_do_not_depend_on_the_chunk(monkeypatch):
    train = cohort(TASKS[0])
    trained = train_baseline(train, estimator="logistic_regression")
    expected = trained.predict(train).y_score
    monkeypatch.setattr("medmonai.baselines.fit._ROWS", 7)
    np.testing.assert_allclose(trained.predict(train).y_score, expected, rtol=1e-5)


def test_no_classifier_beats_the_ideal_observer():
    train, test = (
        lesion_phantom(split="train", num_cases=1000),
        lesion_phantom(split="test", num_cases=1000),
    )
    limit = ideal_observer_auc(PhantomDesign())
    p = fit_baseline(train, {"test": test}, estimator="logistic_regression")["test"]
    assert 0.6 < auc_score(p.y_true, p.positive_scores) < limit + 0.02


def test_real_pneumonia(real_data):
    train, test = (
        load_medmnist(
            "pneumoniamnist",
            split=split,
            dataset_dir=DatasetFolder(real_data / "medmnist", download=False),
        )
        for split in ("train", "test")
    )
    p = fit_baseline(train, {"test": test}, estimator="logistic_regression")["test"]
    assert 0.90 < auc_score(p.y_true, p.positive_scores) < 0.97
