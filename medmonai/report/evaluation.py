"""From predictions tables to all their metrics; nothing is chosen on the test table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medmonai.metrics import (
    OperatingPoint,
    Temperature,
    apply_temperature,
    choose_operating_point,
    decide,
    default_operating_point,
    default_temperature,
    fit_temperature,
    summarize,
    summarize_calibration,
    summarize_decisions,
    summarize_ranking,
    warn_undefined_decisions,
)
from medmonai.notebook import Card, InNotebook, number
from medmonai.predictions import Predictions, in_one_order

NOT_CLINICAL = "Research software: not for clinical use."
# Further operating points that reviewers ask for; each threshold is chosen on validation.
FIXED_RULES = ("sensitivity=0.9", "sensitivity=0.95", "specificity=0.9", "specificity=0.95")


@dataclass(frozen=True, eq=False)
class Evaluation(InNotebook):
    """What `evaluate` found, for the tables and figures.

    Args:
        test: the table that was evaluated.
        validation: the table on which threshold and temperature were chosen; None without one.
        metrics: the numbers, ready for JSON.
        point: the operating point chosen on validation, or that of the model; the default one
            without either.
        uncalibrated: the test table as probabilities: itself, or the sigmoid or softmax of its
            logits. None for logits without a validation table of logits, and for rows that do not
            add up to 1.
        calibrated: the test table after the temperature fitted on validation, or that of the
            model; None without either.
    """

    test: Predictions
    validation: Predictions | None
    metrics: dict[str, Any]
    point: OperatingPoint
    uncalibrated: Predictions | None
    calibrated: Predictions | None

    def __repr__(self) -> str:
        auc = self.metrics["auc"]
        ends = f" ({auc['low']:.4f} to {auc['high']:.4f})" if auc["low"] is not None else ""
        value = "undefined" if auc["estimate"] is None else f"{auc['estimate']:.4f}"
        return f"Evaluation(AUC {value}{ends}, n = {self.metrics['n']})"

    def _card(self) -> Card:
        decisions = self.metrics["decisions"]
        kind = "locked" if "locked" in decisions else "default"
        rows = {"AUC": self.metrics["auc"], **decisions[kind]["overall"]}
        chosen = {"locked": f"locked on {self.point.chosen_on}", "default": "not chosen"}[kind]
        return Card(
            repr(self),
            {"positive class": self.test.positive_class, "operating point": chosen},
            header=("metric", "estimate", "interval"),
            rows=[
                (
                    name.replace("_", " "),
                    number(one["estimate"]),
                    f"{number(one['low'])} to {number(one['high'])}",
                )
                for name, one in rows.items()
            ],
            notes=("Not for clinical use.",),
        )

    @property
    def decided(self) -> Any:
        """Decisions on the test table at the operating point, see `medmonai.metrics.decide`."""
        return decide(self.test, self.point)


def evaluate(
    test: Predictions,
    *,
    validation: Predictions | None = None,
    decision: tuple[OperatingPoint, Temperature] | None = None,
    rule: str = "youden",
    confidence: float = 0.95,
    seed: int = 0,
) -> Evaluation:
    """Evaluate a test table: ranking, decisions at a locked threshold, calibration, all with
    intervals.

    Threshold and temperature are chosen on the validation table and applied to the test table
    unchanged. Without a validation table, only the default decision (0.5, or the highest score) is
    made, on the scores as they are. Nothing is ever chosen on the table that is evaluated.

    Scores outside [0, 1] are treated as logits. They are ranked; with a validation table of logits
    they are also decided at the locked threshold, in their own units, and calibrated. A threshold
    of 0.5 would be meaningless for them. Probabilities of exclusive classes that do not add up to 1
    are ranked and decided, but have no calibration (undefined, with a warning) and no temperature.

    Args:
        test: a table with labels.
        validation: a table with labels, of other cases, from the same network.
        decision: operating point and temperature of a trained model, which were chosen on other
            cases; instead of a validation table.
        rule: how the operating point is chosen, see `medmonai.metrics.choose_operating_point`.
        confidence: nominal coverage of all intervals.
        seed: of the bootstrap.

    Returns:
        The `Evaluation`. Its `metrics` hold `summarize(test)`, "ranking", "decisions" and
        "calibration". Decisions are "default" (of logits only if the highest one decides), "locked"
        and, for binary and multilabel tasks, `FIXED_RULES`. Calibration is "before", "after" and
        "temperature"; the last two are None without validation, and so is "before" for logits.

    Raises:
        ValueError: a table has no labels; the tables differ in task, in the order of their classes
            (tables with class names as labels are reordered instead) or in the kind of scores; a
            case is in both tables; or a validation table and a decision are given.

    Example:
        >>> from medmonai.task import Task
        >>> table = Predictions(
        ...     ["a", "b"], [0, 1], [[0.9, 0.1], [0.2, 0.8]], Task("binary", 2), ("normal", "sick")
        ... )
        >>> evaluate(table).metrics["decisions"]["default"]["overall"]["accuracy"]["estimate"]
        1.0
    """
    if validation is not None:
        if decision is not None:
            raise ValueError("validation and decision are both given; give one of them.")
        test, validation = in_one_order(test, validation)
    check_apart(test, validation)
    options = {"confidence": confidence, "seed": seed}
    default = default_operating_point(test.task)
    point, temperature = decision or (default, None)
    if temperature is not None and temperature.chosen_on == "none":
        temperature = None
    if validation is not None:
        point = choose_operating_point(validation, rule=rule)
    tables = [table for table in (test, validation) if table is not None]
    probable = all(table.score_kind == "logits" or table.calibratable for table in tables)
    if validation is not None and probable:
        temperature = fit_temperature(validation)
    calibrated = None if temperature is None else apply_temperature(test, temperature)
    uncalibrated = test if test.calibratable else None
    before = test if test.score_kind == "probabilities" else None
    if test.score_kind == "logits" and validation is not None:
        before = uncalibrated = apply_temperature(
            test, default_temperature(test.task, scores="logits")
        )
    metrics = {
        **summarize(test, confidence=confidence),
        "ranking": summarize_ranking(test, confidence=confidence),
        "decisions": _decisions(test, validation, default=default, point=point, **options),
        "calibration": _calibration(before, calibrated, temperature, **options),
    }
    return Evaluation(test, validation, metrics, point, uncalibrated, calibrated)


def check_apart(test: Predictions, validation: Predictions | None) -> None:
    """Check that both tables have labels, belong to one task, and share no case and no group.

    Raises:
        ValueError: one of these does not hold; shared cases are named.
    """
    for name, table in (("test", test), ("validation", validation)):
        if table is not None and table.y_true is None:
            raise ValueError(f"the {name} table has no y_true; an evaluation needs labels.")
    if validation is None:
        return
    if validation.task != test.task or validation.class_names != test.class_names:
        raise ValueError(
            f"the validation table is of another task: {validation.task}, "
            f"{validation.class_names} instead of {test.task}, {test.class_names}."
        )
    if test.score_kind != validation.score_kind:
        which = (
            ("test", "validation") if test.score_kind == "probabilities" else ("validation", "test")
        )
        raise ValueError(
            f"the scores of the {which[0]} table lie in [0, 1], those of the {which[1]} table do "
            "not, so they cannot be from one network; give both as probabilities or both as logits."
        )
    groups = [
        set() if table.groups is None else set(table.groups.tolist())
        for table in (test, validation)
    ]
    both = sorted(groups[0] & groups[1])
    if both:
        raise ValueError(
            f"{len(both)} groups (patients) are in both the test and the validation table "
            f"({', '.join(both[:3])}, ...): split them by group."
        )
    shared = sorted(set(test.ids.tolist()) & set(validation.ids.tolist()))
    if shared:
        raise ValueError(
            f"{len(shared)} cases are in both the test and the validation table "
            f"({', '.join(shared[:3])}, ...): a threshold chosen on test cases is not locked; "
            "give a validation table of other cases."
        )


def _decisions(
    test: Predictions,
    validation: Predictions | None,
    *,
    default: OperatingPoint,
    point: OperatingPoint,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    points: dict[str, OperatingPoint] = {}
    if default.thresholds == () or test.score_kind == "probabilities":
        points["default"] = default
    if default.thresholds and point.chosen_on != "none":
        points["locked"] = point
    if default.thresholds and validation is not None:
        points |= {
            "locked": point,
            **{rule: choose_operating_point(validation, rule=rule) for rule in FIXED_RULES},
        }
    found = {
        name: summarize_decisions(test, one, confidence=confidence, seed=seed, warn=False)
        for name, one in points.items()
    }
    warn_undefined_decisions(found)
    return found


def _calibration(
    before: Predictions | None,
    after: Predictions | None,
    temperature: Temperature | None,
    *,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        stage: None
        if table is None
        else summarize_calibration(table, confidence=confidence, seed=seed)
        for stage, table in (("before", before), ("after", after))
    }
    return found | {"temperature": None if temperature is None else temperature.as_dict()}
