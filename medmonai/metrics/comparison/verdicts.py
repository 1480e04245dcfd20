"""Comparisons of pairs of models, and their verdicts, corrected for looking at several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from medmonai.notebook import Card, InNotebook, number, one_line

from .paired_tests import PairedDifference

Verdict = Literal["better", "worse", "not distinguishable"]


@dataclass(frozen=True, repr=False)
class Comparison(InNotebook):
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

    def __repr__(self) -> str:
        return one_line(
            f"Comparison({self.a} against {self.b}: {self.verdict}; {self.metric} "
            f"{self.difference:+.4f} ({self.confidence:.0%} {number(self.low)} to "
            f"{number(self.high)}), p {number(self.p_holm)} (Holm), n = {self.n})",
            most=500,
        )

    def _card(self) -> Card:
        return Comparisons([self])._card()


class Comparisons(list[Comparison], InNotebook):
    """Comparisons of one family: a list that shows itself as a table in a notebook."""

    def _card(self) -> Card:
        metrics = ", ".join(sorted({one.metric for one in self}))
        classes = sorted({one.positive_class for one in self if one.positive_class})
        return Card(
            f"{len(self)} comparison{'s' * (len(self) != 1)}{f' of {metrics}' if metrics else ''}",
            {"positive class": ", ".join(classes)},
            header=("a", "b", "verdict", "a - b", "interval", "p (Holm)", "cases", "flags"),
            rows=[
                (
                    one.a,
                    one.b,
                    one.verdict,
                    f"{one.difference:+.4f}",
                    f"{number(one.low)} to {number(one.high)} ({one.confidence:.0%})",
                    number(one.p_holm),
                    one.n,
                    ", ".join(one.flags),
                )
                for one in self
            ],
        )


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


def uncorrected(test: PairedDifference, **facts: Any) -> Comparison:
    """Return a test as a comparison that has no corrected p value yet, and so no verdict.

    Args:
        test: of the pair.
        facts: what else a comparison says: names, metric, cases, seeds, levels.
    """
    fields = asdict(test)
    return Comparison(**fields, **facts, p_holm=None, verdict="not distinguishable")


def with_holm(comparisons: Sequence[Comparison]) -> Comparisons:
    """Correct comparisons as one family, by `holm`, and give their verdicts, each at its own
    `alpha`.

    For families that one call of `compare_tables` cannot hold, such as pairs that share other
    seeds.
    """
    corrected = holm([comparison.p_value for comparison in comparisons])
    return Comparisons(
        replace(c, p_holm=p, verdict=_verdict(c.difference, p, c.alpha))
        for c, p in zip(comparisons, corrected)
    )


def _verdict(difference: float, p_holm: float | None, alpha: float) -> Verdict:
    if p_holm is None or p_holm >= alpha or difference == 0:
        return "not distinguishable"
    return "better" if difference > 0 else "worse"
