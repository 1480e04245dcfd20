"""What an evaluation at another site says of the shift from the training, as tables and lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .tables import Table
from .wording import UNDEFINED, interval, number, p_number

_D = "distance"


def shift_part(split: Mapping[str, Any]) -> dict[str, Any]:
    """Return the section on shift of a report; empty of an evaluation without one.

    Args:
        split: metrics of the test split.
    """
    shift = split.get("shift")
    if not shift:
        return {}
    return {
        "texts": tuple(_texts(shift, split.get("left_out"))),
        "tables": tuple(shift_tables(shift)),
        "issues": tuple(shift["missing"]),
    }


def shift_tables(shift: Mapping[str, Any]) -> Iterator[Table]:
    """Yield the tables of what `medmonai.sites` shift.

    Args:
        shift: the entry "shift" of the metrics.
    """
    share = f"{shift['confidence']:.0%}"
    for name, rows in (("auc", shift["auc"]), ("prevalence", shift["prevalence"])):
        if rows:
            what = "AUC" if name == "auc" else "Share of each class"
            yield Table(
                f"shift-{name}",
                f"{what} here (test cases of the training) and there (this site), and the "
                f"difference with its {share} interval, from both single intervals (MOVER).",
                ("", "here", "there", "there - here", "p"),
                tuple(_difference(label, row) for label, row in rows.items()),
            )
    tested = {**shift["inputs"], **shift["scores"]}
    if tested:
        yield Table(
            "shift-distributions",
            "Images and scores here and there, one value for each patient where patients are "
            "known. D: greatest distance between both distributions (0 to 1). There greater: "
            "probability that a value there is greater than one here (0.5: neither), with its "
            f"{share} interval. p: Kolmogorov and Smirnov's test, Holm's correction over all rows.",
            ("", "median here", "median there", "D", "there greater", "p (Holm)", "n"),
            tuple(_distribution(label, row) for label, row in tested.items()),
        )


def shift_lines(split: Mapping[str, Any]) -> list[str]:
    """Return the lines that the command line prints about the shift.

    Args:
        split: metrics of the test split.
    """
    shift = split["shift"]
    lines = list(_texts(shift, split.get("left_out")))
    for label, row in {**shift["inputs"], **shift["scores"]}.items():
        p = row.get("p_holm")
        if p is not None and p < 1 - shift["confidence"]:
            lines.append(
                f"  {label}: median {row['median_here']:.4g} here, {row['median_there']:.4g} there "
                f"(D {number(row[_D], 2)}, p {p_number(p)} after Holm's correction)"
            )
    return lines + [f"  {one}" for one in shift["missing"]]


def _texts(shift: Mapping[str, Any], left_out: Mapping[str, int] | None) -> Iterator[str]:
    for reason, n in (left_out or {}).items():
        yield f"{n} case{'s were' if n != 1 else ' was'} left out: {reason}."
    patients = shift["patients"]
    if patients["there"] is None and patients["here"] is not None:
        yield "Patients of this site are not known, so each of its cases counts as one."
    auc = (shift["auc"] or {}).get("AUC")
    if auc:
        verdict = (
            f"difference {auc['difference']:+.3f} ({auc['low']:+.3f} to {auc['high']:+.3f}, "
            f"p {p_number(auc['p_value'])})"
            if auc["p_value"] is not None
            else "the difference is undefined"
        )
        by = " by single members of the ensemble, as in the training" * shift["by_single_members"]
        yield f"AUC there {interval(auc['there'])}{by}, here {interval(auc['here'])}: {verdict}."
    for label, row in (shift["prevalence"] or {}).items():
        if row["p_value"] is not None:
            yield (
                f"Share of {label}: {interval(row['there'])} there, {interval(row['here'])} here "
                f"(difference {row['difference']:+.3f}, p {p_number(row['p_value'])})."
            )
    unlike = shift["unlike"]
    if unlike["images"]:
        yield (
            f"{unlike['images']} of {unlike['of']} cases lie outside the ranges of the training."
        )


def _difference(label: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    shown = UNDEFINED
    if row["difference"] is not None:
        shown = f"{row['difference']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
    return (label, interval(row["here"]), interval(row["there"]), shown, p_number(row["p_value"]))


def _distribution(label: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    counts = f"{row['n_here']} here, {row['n_there']} there"
    if row["undefined"]:
        return (label, *[UNDEFINED] * 5, f"{counts} ({row['undefined']})")
    flags = " [few cases]" * ("few_cases" in row["flags"])
    return (
        label,
        f"{row['median_here']:.4g}",
        f"{row['median_there']:.4g}",
        number(row[_D]),
        interval(row["greater"]),
        p_number(row["p_holm"]),
        counts + flags,
    )
