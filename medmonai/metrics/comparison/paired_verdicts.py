"""Comparison of models on the same test cases: a verdict for each pair, corrected for looking at
several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

import numpy as np

from medmonai.metrics.decisions import METRICS, OperatingPoint, decide, default_operating_point
from medmonai.predictions import Predictions, align, moved_names

from .accuracy_difference import accuracy_test
from .auc_difference import delong_test
from .decision_tests import decision_test
from .paired_tests import PairedDifference, paired_bootstrap
from .seeds import Tables, average_seeds, labelled_seeds
from .verdicts import Comparisons, uncorrected, with_holm


def compare_tables(
    tables: Mapping[str, Tables],
    *,
    metric: str | Callable[[np.ndarray, np.ndarray], float] = "auc",
    confidence: float = 0.95,
    alpha: float = 0.05,
    points: Mapping[str, OperatingPoint] | None = None,
    repetitions: int = 2000,
    seed: int = 0,
    against: str | None = None,
) -> Comparisons:
    """Compare models on the same cases: all pairs, or every other one against a baseline.

    - ``auc``: DeLong's test (`delong_test`); more than two classes or labels: of the mean
      one-vs-rest AUC.
    - ``accuracy``, ``subset_accuracy`` (multilabel: all labels right) or ``label_accuracy`` (mean
      over labels) at each model's operating point: McNemar's test, or a paired t test where answers
      are dependent (`accuracy_test`).
    - another metric of `summarize_decisions`, such as ``balanced_accuracy`` or ``macro_f1``: paired
      bootstrap on counts (`decision_test`).
    - a function of (y_true, y_score): `paired_bootstrap`.

    Cases of one group count as dependent in all of them. The verdict is "better" or "worse" where
    Holm's p is below `alpha`, else "not distinguishable", which is not the same as equal. Several
    tables a name are seeds of one model: their scores are averaged case by case, and their spread
    is another thing (`seed_spread`).

    Args:
        tables: name -> table, or tables of several seeds, with labels. Cases are matched by id, in
            any order.
        metric: see above; higher is better.
        confidence: nominal coverage of the intervals.
        alpha: level of the verdicts.
        points: name -> operating point, chosen on validation, for metrics of decisions; default 0.5
            or the highest score.
        repetitions: resamples of a bootstrap.
        seed: of the resampling.
        against: name of the baseline; then only pairs (other, baseline) are compared, and Holm's
            correction is over these.

    Returns:
        One comparison a pair, in the order of the names.

    Raises:
        ValueError: fewer than two names, no labels, other cases (the first ids are named), an
            unknown metric, points that lack a name, or a table with its classes in another order,
            an undefined metric, a baseline that is not a name.

    Example:
        >>> from medmonai.task import Task
        >>> y, rng = np.repeat([0, 1], 40), np.random.default_rng(0)
        >>> def table(p):
        ...     return Predictions(
        ...         np.arange(80), y, np.stack([1 - p, p], 1), Task("binary", 2), ("n", "p")
        ...     )
        >>> sure, chance = table(0.3 * rng.random(80) + 0.5 * y), table(rng.random(80))
        >>> [pair.verdict for pair in compare_tables({"sure": sure, "chance": chance})]
        ['better']
    """
    if len(tables) < 2 or not 0 < alpha < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"{len(tables)} tables, alpha={alpha}, confidence={confidence}; at least two tables "
            "and values between 0 and 1 are needed."
        )
    if against is not None and against not in tables:
        raise ValueError(
            f"against={against!r} is none of the tables; use one of {', '.join(map(repr, tables))}."
        )
    several = {name: labelled_seeds(name, of_model) for name, of_model in tables.items()}
    models = _aligned({name: average_seeds(of_model) for name, of_model in several.items()})
    if points is not None:
        _check_points(points, models, {name: some[0] for name, some in several.items()})
    pairs = (
        list(combinations(models, 2))
        if against is None
        else [(name, against) for name in models if name != against]
    )
    options = {"confidence": confidence, "repetitions": repetitions, "seed": seed}
    comparisons = []
    for a, b in pairs:
        first, second = ((models[name], (points or {}).get(name)) for name in (a, b))
        facts = {
            "a": a,
            "b": b,
            "metric": metric if isinstance(metric, str) else getattr(metric, "__name__", "metric"),
            "n": len(models[a]),
            "n_groups": _n_groups(models[a]),
            "seeds_a": len(several[a]),
            "seeds_b": len(several[b]),
            "positive_class": models[a].positive_class,
        }
        test = _test(metric, first, second, **options)
        comparisons.append(uncorrected(test, confidence=confidence, alpha=alpha, **facts))
    return with_holm(comparisons)


def _check_points(
    points: Mapping[str, OperatingPoint],
    models: Mapping[str, Predictions],
    as_given: Mapping[str, Predictions],
) -> None:
    """Raise ValueError where a table has no operating point, or one for another order of
    classes.
    """
    for name, model in models.items():
        if name not in points:
            raise ValueError(
                f"points lack {name!r}; give every table an operating point that was chosen on "
                "validation."
            )
        if moved_names(model, as_given[name]):
            raise ValueError(
                f"table {name!r} has its classes in another order than the first one: its "
                "operating point would be for another class; bring the tables into one order "
                "(Predictions.in_class_order)."
            )


def _aligned(models: dict[str, Predictions]) -> dict[str, Predictions]:
    """All tables in the order of the first one, with the groups of whichever has them."""
    reference = next(
        (table for table in models.values() if table.groups is not None),
        next(iter(models.values())),
    )
    aligned = {}
    for name, table in models.items():
        try:
            aligned[name] = align(reference, table)
        except ValueError as error:
            raise ValueError(f"table {name!r}: {error}") from None
    return aligned


def _test(
    metric: str | Callable,
    a: tuple[Predictions, OperatingPoint | None],
    b: tuple[Predictions, OperatingPoint | None],
    *,
    confidence: float,
    repetitions: int,
    seed: int,
) -> PairedDifference:
    (table, _), (other, _) = a, b
    y_true = table.labels
    task = table.task
    options = {"confidence": confidence, "groups": table.groups}
    if callable(metric):
        return paired_bootstrap(
            metric,
            y_true,
            table.y_score,
            other.y_score,
            repetitions=repetitions,
            seed=seed,
            **options,
        )
    if metric == "auc":
        return delong_test(y_true, table.y_score, other.y_score, task, **options)
    if metric not in METRICS[task.kind]:
        raise ValueError(
            f"metric={metric!r} is unknown for a {task.kind} task; use auc, "
            f"{', '.join(METRICS[task.kind])}, or a function of (y_true, y_score)."
        )
    first, second = (decide(p, point or default_operating_point(task)) for p, point in (a, b))
    if metric.endswith("accuracy") and metric != "balanced_accuracy":
        right = [first == y_true, second == y_true]
        if not task.exclusive:
            right = [
                r.all(axis=1) if metric == "subset_accuracy" else r.mean(axis=1) for r in right
            ]
        return accuracy_test(*right, **options)
    return decision_test(
        metric, y_true, (first, second), task, repetitions=repetitions, seed=seed, **options
    )


def _n_groups(predictions: Predictions) -> int | None:
    return None if predictions.groups is None else len(np.unique(predictions.groups))
