"""Several seeds of one model: their mean scores, and the spread of a metric over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from medmonai.metrics.ranking import macro_auc_score
from medmonai.predictions import Predictions, align

Tables = Predictions | Sequence[Predictions]


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


def labelled_seeds(name: str, found: Tables) -> list[Predictions]:
    """Return the tables of a model, one per seed.

    Raises:
        ValueError: no table, or one without labels.
    """
    seeds = [found] if isinstance(found, Predictions) else list(found)
    if not seeds or any(table.y_true is None for table in seeds):
        raise ValueError(
            f"{name!r} has {len(seeds)} tables, not all with y_true; a comparison needs labels."
        )
    return seeds
