"""How many labeled cases an interval of a wanted width takes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from medmonai.metrics import wilson
from medmonai.task import Task

_NARROWEST = 1e-6


def require_width(width: float) -> None:
    """Refuse a width of an interval of a share that no number of cases gives, or only billions.

    Raises:
        ValueError: see above.
    """
    if not _NARROWEST <= width < 1:
        raise ValueError(
            f"width={width:g}; the width of an interval, at least {_NARROWEST:g} and below 1, is "
            "needed, such as 0.1."
        )


def cases_for_width(share: float, width: float, *, confidence: float = 0.95) -> int:
    """Return the least number of cases whose Wilson interval of a share is at most so wide.

    Args:
        share: that is expected, such as a sensitivity, from 0 to 1.
        width: of the whole interval, both sides together, at least 1e-6 and below 1.
        confidence: nominal coverage.

    Raises:
        ValueError: a share or a width outside the above.

    Example:
        >>> cases_for_width(0.9, 0.1)
        141
    """
    require_width(width)
    if not 0 <= share <= 1:
        raise ValueError(f"share={share}; a number from 0 to 1 is needed, such as 0.9.")
    low, high = 1, 1
    while _width(share, high, confidence) > width:
        high *= 2
    while low < high:  # the width falls with n
        middle = (low + high) // 2
        if _width(share, middle, confidence) <= width:
            high = middle
        else:
            low = middle + 1
    return low


def cases_needed(
    summary: Mapping[str, Any],
    class_counts: Mapping[str, int],
    task: Task,
    *,
    n: int,
    width: float,
    confidence: float,
) -> list[dict[str, Any]]:
    """Return, for the sensitivity and specificity of each class, how many cases an interval of a
    wanted width takes.

    Cases of one patient say less than as many patients: the number is multiplied by the square of
    how much wider the interval by patients is than Wilson's on the same cases (the design effect),
    if it is wider.

    Args:
        summary: what `medmonai.metrics.summarize_decisions` says of the cases of the site.
        class_counts: cases of each class among them.
        task: of the model.
        n: cases of the site.
        width: that is wanted, both sides together.
        confidence: nominal coverage.

    Returns:
        For each: ``metric``, ``class``, ``estimate``, ``cases`` and ``width`` of now, ``needed``
        cases of the class (of specificity: outside it), ``total`` cases at the site's share of
        classes, and ``design_effect``.
    """
    rows = []
    for metric, name, own in _shares(summary, class_counts, task):
        estimate, low, high = own["estimate"], own["low"], own["high"]
        if estimate is None or low is None:
            continue
        of_class = class_counts[name] if metric == "sensitivity" else n - class_counts[name]
        plain = _width(estimate, of_class, confidence)
        effect = max((high - low) / plain, 1.0) ** 2 if own["method"] != "wilson" else 1.0
        needed = math.ceil(effect * cases_for_width(estimate, width, confidence=confidence))
        rows.append(
            {
                "metric": metric,
                "class": name,
                "estimate": estimate,
                "cases": of_class,
                "width": high - low,
                "needed": needed,
                "total": math.ceil(needed * n / of_class),
                "design_effect": effect,
            }
        )
    return rows


def _shares(
    summary: Mapping[str, Any], class_counts: Mapping[str, int], task: Task
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield metric, class and interval of each share of cases that a reader asks about."""
    names = list(class_counts)
    if task.kind == "binary":
        names = names[1:]
    for name in names:
        own = summary["per_class"][name]
        yield "sensitivity", name, own["recall"]
        if task.kind in ("binary", "multilabel"):
            yield "specificity", name, own["specificity"]


def _width(share: float, n: int, confidence: float) -> float:
    low, high = wilson(share * n, n, confidence=confidence)
    return float(high - low)
