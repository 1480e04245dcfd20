"""What the figures of a report are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from medmonai.data import Cohort
    from medmonai.metrics import Comparison
    from medmonai.predictions import Predictions

    from .evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class EvaluatedTable:
    """What the figures of a predictions table are drawn from.

    Args:
        evaluation: what `evaluate` returned.
        references: name -> predictions on the same cases, such as an ideal observer's.
    """

    evaluation: Evaluation
    references: Mapping[str, Predictions] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ExplainedCases:
    """Saliency maps of a few cases.

    Args:
        images: (N, C, *spatial), as they are stored.
        maps: figure name -> maps (N, 1, *spatial) in [0, 1].
        titles: one text per case; it may have several lines.
        notes: figure name -> text below the maps.
    """

    images: np.ndarray
    maps: Mapping[str, np.ndarray]
    titles: Sequence[str]
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """What the figures of a run are drawn from, besides its test table.

    Args:
        evaluation: of the test table.
        cohorts: split -> cases; "test" has the cases of the table, in its order.
        explained: saliency maps of some test cases.
        twins: id -> twins with another label, see `medmonai.visualize.failures_figure`.
        history: path of history.csv, if the run has one.
        kept: the epoch whose weights were evaluated, if it is known.
    """

    evaluation: Evaluation
    cohorts: Mapping[str, Cohort]
    explained: ExplainedCases
    twins: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    history: Path | None = None
    kept: int | None = None


@dataclass(frozen=True, eq=False)
class ComparedModels:
    """What the figures of a comparison are drawn from.

    Args:
        comparisons: the pairs.
        tables: model -> predictions on the same cases, in the same order.
    """

    comparisons: Sequence[Comparison]
    tables: Mapping[str, Predictions]
