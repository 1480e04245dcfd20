"""Comparison of models on the same test cases: a verdict for each pair, corrected for looking at
several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from medmonai.metrics.decisions import METRICS, OperatingPoint, decide, default_operating_point
from medmonai.metrics.ranking import macro_auc_score
from medmonai.predictions import Predictions, align, moved_names

from .decision_tests import decision_test
from .paired_tests import PairedDifference, accuracy_test, delong_test, paired_bootstrap

Verdict = Literal["better", "worse", "not distinguishable"]
Tables = Predictions | Sequence[Predictions]


@dataclass(frozen=True)
class Comparison:
    """One pair of models.

    Args:
        a: name of the first model.
        b: name of the second one.
        metric: what is compared; higher is better.
        difference: metric of a minus metric of b.
        low: lower end of its interval, for this pair alone (not corrected).
        high: upper end.
        p_value: two-sided, for this pair alone; None where undefined.
        p_holm: corrected over all pairs of the call; the verdict goes by it.
        verdict: of a against b.
        method: test and interval, see `compare_tables`.
        n: cases.
        n_groups: patients or lesions; None without groups.
        seeds_a: tables of a whose scores were averaged.
        seeds_b: tables of b likewise.
        confidence: nominal coverage of the interval.
        alpha: level of the verdict.
        flags: those of `PairedDifference`.
        positive_class: of a binary task, else None.
    """

    a: str
    b: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float | None
    p_holm: float | None
    verdict: Verdict
    method: str
    n: int
    n_groups: int | None
    seeds_a: int
    seeds_b: int
    confidence: float
    alpha: float
    flags: tuple[str, ...] = ()
    positive_class: str | None = None


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct p values of a family of tests (Holm 1979): sorted, p_(i) times (k - i + 1), kept
    rising, at most 1.

    An undefined one (None) stays None and counts as a test of the family.

    Example:
        >>> [round(p, 3) for p in holm([0.04, 0.01, 0.03])]
        [0.06, 0.03, 0.06]
    """
    values = np.array([1.0 if p is None else p for p in p_values])
    order = np.argsort(values, kind="stable")
    corrected = np.empty(len(values))
    corrected[order] = np.minimum(
        1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    )
    return [None if p is None else float(c) for p, c in zip(p_values, corrected)]


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
) -> list[Comparison]:
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
    missing = [name for name in tables if points is not None and name not in points]
    if missing:
        raise ValueError(
            f"points lack {missing[0]!r}; give every table an operating point that was chosen on "
            "validation."
        )
    if against is not None and against not in tables:
        raise ValueError(
            f"against={against!r} is none of the tables; use one of {', '.join(map(repr, tables))}."
        )
    several = {name: _seeds(name, found) for name, found in tables.items()}
    models = _aligned({name: average_seeds(found) for name, found in several.items()})
    turned = [
        name
        for name in models
        if points is not None and moved_names(models[name], several[name][0])
    ]
    if turned:
        raise ValueError(
            f"table {turned[0]!r} has its classes in another order than the first one: its "
            "operating point would be for another class; bring the tables into one order "
            "(Predictions.in_class_order)."
        )
    pairs = (
        list(combinations(models, 2))
        if against is None
        else [(name, against) for name in models if name != against]
    )
    tests = {}
    for a, b in pairs:
        point_a, point_b = (None if points is None else points[name] for name in (a, b))
        options = {"confidence": confidence, "repetitions": repetitions, "seed": seed}
        tests[a, b] = _test(metric, (models[a], point_a), (models[b], point_b), **options)
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", "metric")
    return with_holm(
        [
            Comparison(
                a,
                b,
                name,
                test.difference,
                test.low,
                test.high,
                test.p_value,
                None,
                "not distinguishable",
                test.method,
                len(models[a]),
                _n_groups(models[a]),
                len(several[a]),
                len(several[b]),
                confidence,
                alpha,
                test.flags,
                models[a].positive_class,
            )
            for (a, b), test in tests.items()
        ]
    )


def with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct comparisons as one family, by `holm`, and give their verdicts, each at its own
    `alpha`.

    For families that one call of `compare_tables` cannot hold, such as pairs that share other
    seeds.
    """
    corrected = holm([comparison.p_value for comparison in comparisons])
    return [
        replace(c, p_holm=p, verdict=_verdict(c.difference, p, c.alpha))
        for c, p in zip(comparisons, corrected)
    ]


def average_seeds(tables: Sequence[Predictions]) -> Predictions:
    """Average the scores of several tables of the same cases, in the order of the first.

    Raises:
        ValueError: no table, or tables of other cases.
    """
    if not tables:
        raise ValueError("no table to average; give at least one.")
    first, *rest = tables
    scores = [first.y_score, *(align(first, table).y_score for table in rest)]
    return replace(first, y_score=np.mean(scores, axis=0))


def seed_spread(
    tables: Sequence[Predictions], *, metric: Callable[[Predictions], float] | None = None
) -> dict[str, float | int | list[float] | None]:
    """Spread of a metric over seeds: what another training run would change, on the same cases.

    It is not the interval of the metric, which says what other test cases would change: show both,
    never mix them.

    Args:
        tables: one table a seed, of the same cases.
        metric: takes a table; default the (mean one-vs-rest) AUC.

    Returns:
        JSON-able: ``n_seeds``, ``values``, ``mean``, ``sd`` (None for one seed), ``min``, ``max``.

    Raises:
        ValueError: no table, or tables of other cases.
    """
    average_seeds(tables)  # the same cases?
    metric = metric or (lambda p: macro_auc_score(p.labels, p.y_score, p.task))
    values = [float(metric(table)) for table in tables]
    return {
        "n_seeds": len(values),
        "values": values,
        "mean": float(np.mean(values)),
        "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "min": min(values),
        "max": max(values),
    }


def _seeds(name: str, found: Tables) -> list[Predictions]:
    seeds = [found] if isinstance(found, Predictions) else list(found)
    if not seeds or any(table.y_true is None for table in seeds):
        raise ValueError(
            f"{name!r} has {len(seeds)} tables, not all with y_true; a comparison needs labels."
        )
    return seeds


def _aligned(models: dict[str, Predictions]) -> dict[str, Predictions]:
    """All tables in the order of the first one, with the groups of whichever has them."""
    reference = next(
        (table for table in models.values() if table.groups is not None),
        next(iter(models.values())),
    )
    found = {}
    for name, table in models.items():
        try:
            found[name] = align(reference, table)
        except ValueError as error:
            raise ValueError(f"table {name!r}: {error}") from None
    return found


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
        metric, y_true, first, second, task, repetitions=repetitions, seed=seed, **options
    )


def _verdict(difference: float, p_holm: float | None, alpha: float) -> Verdict:
    if p_holm is None or p_holm >= alpha or difference == 0:
        return "not distinguishable"
    return "better" if difference > 0 else "worse"


def _n_groups(predictions: Predictions) -> int | None:
    return None if predictions.groups is None else len(np.unique(predictions.groups))
