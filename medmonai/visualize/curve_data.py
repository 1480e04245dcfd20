"""Which curves a figure of ROC or precision-recall curves holds: one per class and table, with its
operating points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medmonai.metrics import OperatingPoint, decide
from medmonai.predictions import Predictions

from .names import shortened

LONGEST_NAME = 28  # characters that fit into the legend of a column beside the numbers
MARKERS = ("o", "s", "D", "^")


@dataclass(frozen=True)
class Curve:
    """One class of one table: 0/1 labels and scores (N,), and the operating points as (text, called
    positive (N,)).
    """

    model: str
    class_name: str
    y_true: np.ndarray
    y_score: np.ndarray
    groups: np.ndarray | None
    points: tuple[tuple[str, np.ndarray], ...]


def tables_of(
    predictions: Predictions | Mapping[str, Predictions],
    references: Mapping[str, Predictions] | None,
) -> dict[str, Predictions]:
    """Return name -> table; a single table is named "model".

    Raises:
        ValueError: no table, a table without labels, tables of two tasks, or references that are
            not binary.
    """
    tables = {"model": predictions} if isinstance(predictions, Predictions) else dict(predictions)
    if not tables:
        raise ValueError("predictions hold no table; give at least one.")
    first = next(iter(tables.values()))
    for name, table in {**tables, **(references or {})}.items():
        if table.y_true is None:
            raise ValueError(f"the table of {name!r} has no y_true; a curve needs labels.")
        if references and table.task.kind != "binary":
            raise ValueError(
                f"the table of {name!r} is {table.task.kind}; references are drawn for binary "
                "tables only."
            )
        if name in tables and (table.task, table.class_names) != (first.task, first.class_names):
            raise ValueError(
                f"the table of {name!r} is of {table.task}, {table.class_names}; one figure needs "
                f"one task, here {first.task}, {first.class_names}."
            )
    return {**tables, **(references or {})}


def curves_of(tables: Mapping[str, Predictions], points: Any) -> list[list[Curve]]:
    """Return one list per class (binary: class 1 alone), with one curve per table."""
    first = next(iter(tables.values()))
    columns = (1,) if first.task.kind == "binary" else range(first.task.num_classes)
    chosen = _points_of(tables, points)
    truth = {name: table.task.one_hot(table.labels) for name, table in tables.items()}
    return [
        [
            Curve(
                name.replace("_", " "),
                table.class_names[c],
                truth[name][:, c],
                table.y_score[:, c],
                table.groups,
                tuple(
                    (_describe(point), _called(table, point, c)) for point in chosen.get(name, ())
                ),
            )
            for name, table in tables.items()
        ]
        for c in columns
    ]


def positive_of(classes: list[list[Curve]]) -> str:
    """Return " of NAME" for the label of an axis that refers to the positive class; "" for several
    classes.
    """
    return (
        f" of {shortened([classes[0][0].class_name], LONGEST_NAME)[0]}" if len(classes) == 1 else ""
    )


def _points_of(tables: Mapping[str, Predictions], points: Any) -> dict[str, Sequence[Any]]:
    if points is None:
        return {}
    if not isinstance(points, Mapping):
        points = {next(iter(tables)): points}
    unknown = [name for name in points if name not in tables]
    if unknown:
        raise ValueError(
            f"operating_points name {unknown[0]!r}; the tables are {', '.join(map(repr, tables))}."
        )
    chosen = {
        name: point if isinstance(point, (list, tuple)) else (point,)
        for name, point in points.items()
    }
    many = [name for name, of_table in chosen.items() if len(of_table) > len(MARKERS)]
    if many:
        raise ValueError(
            f"{many[0]!r} has {len(chosen[many[0]])} operating points; at most {len(MARKERS)} can "
            "be told apart."
        )
    return {str(name): of_table for name, of_table in chosen.items()}


def _describe(point: OperatingPoint) -> str:
    rule = {"argmax": "highest score", "youden": "Youden", "f1": "highest F1"}.get(
        point.rule, point.rule.replace("=", " ")
    )
    if len(point.thresholds) != 1:
        return rule if point.rule != "0.5" else "threshold 0.5"
    threshold = f"threshold {point.thresholds[0]:.3g}"
    return threshold if point.chosen_on == "none" else f"{threshold} ({rule} on {point.chosen_on})"


def _called(table: Predictions, point: OperatingPoint, c: int) -> np.ndarray:
    return table.task.one_hot(decide(table, point))[:, c] == 1
