"""What an adaptation finds: a decision chosen on cases of a site, beside the one before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from medmonai.deployment import Model
from medmonai.metrics import (
    apply_temperature,
    decide,
    decision_test,
    default_operating_point,
    summarize,
    summarize_calibration,
    summarize_decisions,
)
from medmonai.predictions import Predictions
from medmonai.report import interval
from medmonai.task import Task

from .cases_needed import cases_needed, require_width
from .locking import CrossFitted, Decision, cross_fit, lock, require_enough
from .measured import MeasuredCases

_COMPARED = {"binary": "balanced_accuracy", "multilabel": "macro_balanced_accuracy"}
_RULE = "youden"


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What an adaptation found.

    Args:
        before: the decision of the model as it was.
        after: the decision that was chosen on the cases of the site.
        cases: of the site.
        record: the numbers, ready for JSON: see `adapted`.
    """

    before: Decision
    after: Decision
    cases: MeasuredCases
    record: dict[str, Any]


def adapted(
    model: Model,
    cases: MeasuredCases,
    *,
    site: str,
    rule: str = "",
    width: float = 0.1,
    confidence: float = 0.95,
    seed: int = 0,
) -> Adaptation:
    """Return the decision chosen on cases of a site, and what both decisions are worth there.

    The decision of the model was chosen on other cases and is applied to these as it is. The new
    one is cross-fitted (see `medmonai.sites.locking.cross_fit`): on the cases that it was chosen on
    it would look too good.

    Args:
        model: a loaded model.
        cases: of the site, from which it has not learned.
        site: what the cases are called.
        rule: how thresholds are chosen; "" for the rule of the model's own.
        width: of an interval, both sides together, for which the number of cases is given.
        confidence: nominal coverage of all intervals.
        seed: of the folds and the bootstrap.

    Returns:
        The adaptation. Its record holds ``cases`` (n, patients, classes, AUC), ``before`` and
        ``after`` with ``operating_point``, ``temperature``, ``decisions`` (see
        `medmonai.metrics.summarize_decisions`) and ``calibration``, ``comparison`` of the two
        decisions (None where a threshold does not decide) and ``cases_needed``.

    Raises:
        ValueError: too few cases of a class, or an unknown rule.
    """
    table = cases.table
    options = {"confidence": confidence, "seed": seed}
    units = require_enough(table, cases.images, where=site)
    own = model.point.rule
    rule = rule or (own if model.point.chosen_on != "none" else _RULE)
    before = Decision(model.point, model.temperature)
    summary = {**summarize(table, confidence=confidence), "units_of_class": units}
    _require_ranking(summary, site)
    after = lock(table, rule)
    fitted = cross_fit(table, rule, cases.images, seed=seed)
    old = summarize_decisions(table, before.point, **options)
    new = summarize_decisions(
        fitted.as_table, default_operating_point(table.task), **options, warn=False
    )
    new["operating_point"] = after.point.as_dict()
    counts = {name: int(n) for name, n in summary["class_counts"].items()}
    record = {
        "site": site,
        "rule": rule,
        "folds": len(fitted.points),
        **options,
        "cases": summary,
        "before": _described(before, old, apply_temperature(table, before.temperature), **options),
        "after": _described(after, new, fitted.calibrated, **options)
        | {"points_of_folds": [list(point.thresholds) for point in fitted.points]},
        "comparison": _compared(cases, before, fitted, confidence=confidence, seed=seed),
        "width": width,
        "cases_needed": cases_needed(
            new, counts, table.task, n=len(table), width=width, confidence=confidence
        ),
        "unreadable": cases.unreadable,
        "unlike": int((cases.unlike != "").sum()),
    }
    return Adaptation(before, after, cases, record)


def require_settings(task: Task, *, rule: str, width: float, confidence: float, seed: int) -> None:
    """Refuse what `adapted` would refuse or not use, before any image is decoded.

    Args:
        task: of the model.
        rule: see `adapted`.
        width: see `adapted`.
        confidence: see `adapted`.
        seed: see `adapted`.

    Raises:
        ValueError: a value out of its range, or a rule where no threshold decides.
    """
    require_width(width)
    if not 0 < confidence < 1:
        raise ValueError(
            f"confidence={confidence}; a number between 0 and 1 is needed, such as 0.95."
        )
    if seed < 0:
        raise ValueError(f"seed={seed}; a whole number from 0 on is needed.")
    if rule and task.kind not in _COMPARED:
        raise ValueError(
            f"rule={rule!r}: the model has a {task.kind} task, in which the highest score decides "
            "and not a threshold; leave the rule out."
        )


def _described(
    decision: Decision, summary: Mapping[str, Any], calibrated: Predictions, **options: Any
) -> dict[str, Any]:
    return {
        "operating_point": decision.point.as_dict(),
        "temperature": decision.temperature.as_dict(),
        "decisions": dict(summary),
        "calibration": summarize_calibration(calibrated, **options),
    }


def _compared(
    cases: MeasuredCases,
    before: Decision,
    fitted: CrossFitted,
    *,
    confidence: float,
    seed: int,
) -> dict[str, Any] | None:
    """Return the difference between both decisions on the same cases; None for tasks in which the
    highest score decides before and after.
    """
    table = cases.table
    metric = _COMPARED.get(table.task.kind)
    if metric is None:
        return None
    test = decision_test(
        metric,
        table.labels,
        (fitted.decided, decide(table, before.point)),
        table.task,
        confidence=confidence,
        groups=table.groups,
        seed=seed,
    )
    return {
        "metric": metric,
        "difference": test.difference,
        "low": test.low,
        "high": test.high,
        "p_value": test.p_value,
        "method": test.method,
        "flags": list(test.flags),
    }


def _require_ranking(summary: Mapping[str, Any], site: str) -> None:
    """Refuse cases that the model ranks the wrong way round: no threshold can mend that."""
    auc = summary["auc"]
    if auc["high"] is not None and auc["high"] < 0.5:
        raise ValueError(
            f"{site}: AUC {interval(auc)}, the model ranks these cases the wrong way round; check "
            "whether their labels are exchanged or their gray values inverted."
        )
