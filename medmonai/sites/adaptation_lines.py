"""What an adaptation says to its reader: both operating points with intervals, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medmonai.report import NOT_CLINICAL, interval
from medmonai.report.wording import number, p_number, rule_words, words

_RANKED = ("multiclass", "ordinal")


def adaptation_lines(record: Mapping[str, Any]) -> list[str]:
    """Return the text of an adaptation, Markdown.

    Args:
        record: see `medmonai.sites.adapted`.
    """
    cases = record["cases"]
    lines = [
        f"# Adapted to {record['site']}",
        "",
        f"{_counted(cases)}{_unreadable(record['unreadable'])}. AUC on these cases: "
        f"{interval(cases['auc'])}; an adaptation does not change it.{_unlike(record)}",
        "",
        *_table(("", "before", "adapted"), _rows(record)),
        "",
        f"Intervals: {record['confidence']:.0%}{_by_patient(cases)}. Before: the decision of the "
        "model as it was, which was chosen on other cases. Adapted: cross-fitted in "
        f"{record['folds']} folds. Each case is decided by a threshold and a temperature that were "
        "chosen without it" + (" and without its patient" if cases.get("n_groups") else "") + ". "
        "The adapted model uses those chosen on all cases, which the first rows show.",
        "",
        *_verdict(record),
    ]
    return [*lines, "", *_needed(record), "", _of_later_cases(), "", NOT_CLINICAL]


def _counted(cases: Mapping[str, Any]) -> str:
    patients = f" of {cases['n_groups']} patients" if cases.get("n_groups") else ""
    classes = ", ".join(f"{name} {n}" for name, n in cases["class_counts"].items())
    unknown = "" if patients else "; patients not known, so that each case counts as one"
    return f"{cases['n']} cases{patients} ({classes}{unknown})"


def _unreadable(reasons: Mapping[str, str]) -> str:
    if not reasons:
        return ""
    n = len(reasons)
    what = (
        "1 image, which cannot be read, was"
        if n == 1
        else f"{n} images, which cannot be read, were"
    )
    return f"; {what} left out, first {next(iter(reasons))}"


def _unlike(record: Mapping[str, Any]) -> str:
    if not record["unlike"]:
        return ""
    return (
        f" {record['unlike']} of {record['cases']['n']} cases lie outside the ranges of the "
        "training."
    )


def _by_patient(cases: Mapping[str, Any]) -> str:
    return ", by patient" if cases.get("n_groups") else ""


def _rows(record: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    before, after = record["before"], record["after"]
    kind = record["cases"]["task"]
    names = list(record["cases"]["class_counts"])
    points = [one["operating_point"] for one in (before, after)]
    if kind in _RANKED:
        yield ("decision", "highest score", "highest score")
    else:
        yield ("threshold chosen on", *(_chosen(point) for point in points))
        for place, name in enumerate(names[1:] if kind == "binary" else names):
            yield (f"threshold, {name}", *(number(p["thresholds"][place], 4) for p in points))
    temperatures = [one["temperature"] for one in (before, after)]
    yield ("temperature", *(number(one["temperature"]) for one in temperatures))
    for place, name in enumerate(names[1:] if kind == "binary" else names):
        if all(len(one["bias"]) > place for one in temperatures):
            yield (f"bias, {name}", *(f"{one['bias'][place]:+.3f}" for one in temperatures))
    decisions = [one["decisions"] for one in (before, after)]
    for metric in _overall(kind):
        yield (words(metric), *(interval(one["overall"][metric]) for one in decisions))
    for name in names[1:] if kind == "binary" else names:
        own = [one["per_class"][name] for one in decisions]
        yield (f"sensitivity, {name}", *(interval(one["recall"]) for one in own))
        if kind not in _RANKED:
            yield (f"specificity, {name}", *(interval(one["specificity"]) for one in own))
    for metric in ("nll", "brier", "ece"):
        pair = [one["calibration"].get(metric, {"estimate": None}) for one in (before, after)]
        yield (words(metric), *(interval(one) for one in pair))


def _overall(kind: str) -> tuple[str, ...]:
    if kind == "multilabel":
        return ("macro_balanced_accuracy", "label_accuracy")
    return ("balanced_accuracy", "accuracy", *(["quadratic_kappa"] * (kind == "ordinal")))


def _chosen(point: Mapping[str, Any]) -> str:
    if point["chosen_on"] == "none":
        return "no cases (0.5)"
    where = {"adaptation": "of the site", "validation": "for validation"}[point["chosen_on"]]
    return f"{point['n']} cases {where} ({rule_words(point['rule'])})"


def _verdict(record: Mapping[str, Any]) -> Iterator[str]:
    test = record["comparison"]
    if test is None:
        yield (
            "The class with the highest score is decided before and after; only the probabilities "
            "have changed."
        )
        return
    p = test["p_value"]
    alpha = 1 - record["confidence"]
    clear = p is not None and p < alpha and test["difference"] != 0
    verdict = (
        "not distinguishable from before"
        if not clear
        else "better than before"
        if test["difference"] > 0
        else "worse than before"
    )
    yield (
        f"{words(test['metric']).capitalize()} with the adapted threshold is {verdict}: "
        f"difference {test['difference']:+.3f} ({test['low']:+.3f} to {test['high']:+.3f}, "
        f"p {p_number(p)})."
    )
    if verdict.startswith("worse"):
        yield "Do not use the adapted threshold."
    elif not clear:
        yield "It has not been shown that the new threshold decides better."


def _needed(record: Mapping[str, Any]) -> Iterator[str]:
    shown = f"{record['width']:g}"
    yield (
        f"For an interval of {shown} from end to end, at the values above and with the classes as "
        "frequent as here:"
    )
    yield ""
    rows = [
        (
            f"{one['metric']}, {one['class']}",
            f"{number(one['width'])} ({one['cases']} cases)",
            f"{one['needed']} cases {_side(one)}",
            f"{one['total']} cases",
        )
        for one in record["cases_needed"]
    ]
    yield from _table(("", "width now", "needed", "in all"), rows)
    if any(one["design_effect"] > 1 for one in record["cases_needed"]):
        yield ""
        yield (
            "Several cases of one patient say less than as many patients with one case each; the "
            "numbers above allow for that."
        )


def _side(one: Mapping[str, Any]) -> str:
    return f"of {one['class']}" if one["metric"] == "sensitivity" else f"without {one['class']}"


def _of_later_cases() -> str:
    return (
        "These cases cannot show how good the adapted model is on others, since their labels have "
        "chosen its decision. Label further cases; `medmonai evaluate TABLE --model` leaves these "
        "and their patients out."
    )


def _table(header: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "---|" * len(header)
    yield from (f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
