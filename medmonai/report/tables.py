"""The tables of a report: built once from the metrics, rendered as HTML or LaTeX."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .wording import (
    chosen_decisions,
    chosen_where,
    interval,
    method_words,
    number,
    of_class,
    positive_class,
    rule_words,
    words,
)


@dataclass(frozen=True)
class Table:
    """A table ready for print: every cell is text.

    Args:
        name: a short identifier, for file names and LaTeX labels.
        caption: what it shows, with n and the method of the intervals.
        header: names of the columns; the first one names the rows.
        rows: the cells, one per column.
        prose: whether cells are sentences, which a page breaks into lines.
    """

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(
                    f"table {self.name!r}: a row of {len(row)} cells under "
                    f"{len(self.header)} columns: {row}."
                )


def _cases(split: Mapping[str, Any]) -> str:
    groups = f" in {split['n_groups']} groups" if split.get("n_groups") else ""
    return f"{split['n']} test cases{groups}"


def _methods(metrics: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted({method_words(m["method"]) for m in metrics if m and m.get("method")}))


def ranking_table(split: Mapping[str, Any]) -> Table:
    """Return AUC (overall and per class), average precision and partial AUC of a test split."""
    named = {"all": split["auc"], **split.get("class_auc", {})}
    ranking = split["ranking"]
    rows = []
    for name, auc in named.items():
        own = ranking["overall"] if name == "all" else ranking["per_class"][name]
        label = positive_class(split) or "macro, one vs rest"
        rows.append(
            (
                label if name == "all" else name,
                interval(auc),
                interval(own["average_precision"]),
                interval(own["partial_auc"]),
            )
        )
    areas = list(ranking["overall"].values())
    caption = (
        f"Ranking on {_cases(split)}: AUC, average precision, and partial AUC up to 1 - "
        f"specificity = {ranking['max_fpr']:g} (McClish, 0.5 is chance), with "
        f"{split['auc']['confidence']:.0%} intervals (AUC: {_methods(list(named.values()))}; the "
        f"others: {_methods(areas)})."
    )
    return Table(
        "ranking", caption, ("class", "AUC", "average precision", "partial AUC"), tuple(rows)
    )


def decisions_table(split: Mapping[str, Any]) -> Table | None:
    """Return the metrics at the locked and at the default operating point; None without
    decisions.
    """
    points = {
        key: split["decisions"][key] for key in ("locked", "default") if key in split["decisions"]
    }
    if not points:
        return None
    first = next(iter(points.values()))
    names = list(first["overall"])
    rows = [("threshold", *(_thresholds(p["operating_point"]) for p in points.values()))]
    rows += [
        (words(name), *(interval(p["overall"][name]) for p in points.values())) for name in names
    ]
    locked = ""
    if "locked" in points:
        where = chosen_where(points["locked"]["operating_point"])
        locked = f" The locked threshold was chosen on {where} and applied unchanged."
    caption = f"Decisions on {_cases(split)}{_against(split)}, with intervals "
    caption += f"({_methods([first['overall'][name] for name in names])}).{locked}"
    header = tuple(
        f"locked ({rule_words(p['operating_point']['rule'])})" if key == "locked" else key
        for key, p in points.items()
    )
    return Table("decisions", caption, ("metric", *header), tuple(rows))


def fixed_table(split: Mapping[str, Any]) -> Table | None:
    """Return recall, specificity and precision at thresholds that reach a fixed sensitivity or
    specificity on validation; None without such thresholds.
    """
    points = {key: point for key, point in split["decisions"].items() if "=" in key}
    if not points:
        return None
    overall = next(iter(points.values()))["overall"]
    names = [
        name
        for name in (
            "recall",
            "specificity",
            "precision",
            "macro_recall",
            "macro_specificity",
            "macro_precision",
        )
        if name in overall
    ]
    rows = tuple(
        (
            f"{key.replace('=', ' ')} on validation",
            _thresholds(p["operating_point"]),
            *(interval(p["overall"][name]) for name in names),
        )
        for key, p in points.items()
    )
    caption = (
        f"Thresholds that reach a fixed sensitivity or specificity{_against(split)} on validation, "
        "applied unchanged to "
    )
    caption += f"{_cases(split)} "
    caption += f"({_methods([overall[name] for name in names])})."
    return Table("fixed", caption, ("chosen for", "threshold", *map(words, names)), rows)


def _against(split: Mapping[str, Any]) -> str:
    """Return " for POSITIVE (positive) against NEGATIVE"; "" if the task is not binary."""
    return (
        " for {1} (positive) against {0}".format(*split["class_counts"])
        if split["task"] == "binary"
        else ""
    )


def _thresholds(point: Mapping[str, Any]) -> str:
    values = point["thresholds"]
    if not values:
        return "highest score"
    return (
        number(values[0]) if len(values) == 1 else f"{number(min(values))} to {number(max(values))}"
    )


def classes_table(split: Mapping[str, Any]) -> Table | None:
    """Return recall, precision, specificity and F1 of every class at the chosen point."""
    decided = chosen_decisions(split)
    if decided is None:
        return None
    shown = ("recall", "precision", "specificity", "f1")
    rows = [
        (
            name,
            str(own["support"]),
            *(interval(own[metric]) if metric in own else "" for metric in shown),
        )
        for name, own in decided["per_class"].items()
    ]
    methods = _methods(
        [own[metric] for own in decided["per_class"].values() for metric in shown if metric in own]
    )
    caption = (
        f"Each class at the operating point ({rule_words(decided['operating_point']['rule'])}), "
        f"{_cases(split)} ({methods})."
    )
    return Table("classes", caption, ("class", "cases", *map(words, shown)), tuple(rows))


def calibration_table(split: Mapping[str, Any]) -> Table | None:
    """Return Brier score, ECE and NLL before and after the temperature; None if the scores are not
    probabilities.
    """
    both = split["calibration"]
    if both["before"] is None:
        return None
    stages = [stage for stage in ("before", "after") if both[stage]]
    names = [
        name
        for name, value in both["before"].items()
        if isinstance(value, Mapping) and "estimate" in value
    ]
    rows = tuple(
        (words(name), *(interval(both[stage][name]) for stage in stages)) for name in names
    )
    how = ""
    if "rows_not_summing_to_1" in both["before"]["brier"].get("flags", ()):
        how = (
            " Undefined: the scores of a case do not add up to 1, so they are not probabilities of "
            "mutually exclusive classes. Write the softmax of the logits."
        )
    if both["temperature"]:
        fitted = both["temperature"]
        bias = ", with a bias" if fitted["bias"] else ""
        how = (
            f" Temperature {fitted['temperature']:.3g}{bias}, fitted on {fitted['n']} validation "
            "cases."
        )
    methods = _methods([both["before"][name] for name in names])
    about = f", probability{of_class(split)}" if of_class(split) else ""
    caption = (
        f"Calibration on {_cases(split)}{about}, lower is better ({methods}). With few "
        'cases ECE is biased upward. The flag "overestimate" marks an interval that would lie '
        f"below the estimate and was extended to it.{how}"
    )
    return Table("calibration", caption, ("metric", *stages), rows)


def counts_table(counts: Mapping[str, Mapping[str, int]]) -> Table:
    """Return the number of cases of each class in each split."""
    splits = list(counts)
    names = list(next(iter(counts.values())))
    rows = tuple((name, *(str(counts[split].get(name, 0)) for split in splits)) for name in names)
    return Table("counts", "Cases of each class in each split.", ("class", *splits), rows)


def split_tables(split: Mapping[str, Any]) -> Iterator[Table]:
    """Yield all tables of a test split."""
    made = (
        ranking_table(split),
        decisions_table(split),
        fixed_table(split),
        classes_table(split),
        calibration_table(split),
    )
    yield from (table for table in made if table is not None)
    for name, groups in split.get("subgroups", {}).items():
        yield subgroup_table(name, groups, task=split["task"], positive=positive_class(split))


def subgroup_table(
    name: str, groups: Sequence[Mapping[str, Any]], *, task: str, positive: str | None = None
) -> Table:
    """Return AUC and recall in each subgroup of one column of the metadata.

    The number of positives is given for a binary task, that of the rarest class otherwise.
    """
    rows = tuple(
        (
            str(group["group"]),
            str(group["n"]),
            str(group["n_positive"]),
            interval(group["auc"]) + _without(group),
            "withheld"
            if group["recall"]["method"] == "withheld"
            else interval(group["recall"]) + _without(group),
        )
        for group in groups
    )
    cases = sum(group["n"] for group in groups)
    methods = _methods([group["auc"] for group in groups])
    about = f", AUC and recall of {positive}" if positive else ""
    caption = (
        f"Subgroups by {name}{about}, {cases} test cases ({methods}). Small subgroups "
        "are flagged. Differences between subgroups are not corrected for multiple comparisons."
    )
    if any(map(_without, groups)):
        caption += (
            " A class with too few cases in a subgroup is withheld there: the values are means "
            "over the other classes and cannot be compared with means over all classes."
        )
    counted = "positives" if task == "binary" else "cases of the rarest class"
    return Table(f"subgroups_{name}", caption, (name, "cases", counted, "AUC", "recall"), rows)


def _without(group: Mapping[str, Any]) -> str:
    """Return which classes a mean leaves out; "" if it leaves out none or does not exist."""
    names = group.get("withheld_classes") if group["auc"]["method"] != "withheld" else ()
    return f" (without {', '.join(names)})" if names else ""
