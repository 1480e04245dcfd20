"""What a study found, as records: a variant, a bundle with its variants, the whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from medmonai.metrics import Comparison, verdict_scope
from medmonai.report.wording import interval, number, p_number

from .cell import Cell
from .cell_results import CellResult, mean_or_none


@dataclass(frozen=True, eq=False)
class VariantSummary:
    """One arm (with its grid point) on one bundle.

    Args:
        name: the variant.
        expected: seeds that the study asks for.
        seeds: seed -> result, of seeds of which every cell is finished.
        folds: of the cross-validation; 0 without.
        interval: AUC of the seed-averaged test scores with its interval over cases, as JSON; {}
            without a finished seed.
        against_baseline: comparison on test with the baseline; None for the baseline itself and
            where there is none.
        against_selected: comparison on validation with the selected variant; None for the selected
            one.
        compared_seeds: seeds that this variant and the baseline both have; the comparison is on
            these.
        note: what to know before reading the numbers; "" for nothing.
    """

    name: str
    expected: tuple[int, ...]
    seeds: Mapping[int, CellResult]
    folds: int
    interval: Mapping[str, Any]
    against_baseline: Comparison | None = None
    against_selected: Comparison | None = None
    compared_seeds: tuple[int, ...] = ()
    note: str = ""

    @property
    def differs_from_baseline(self) -> str:
        """Difference to the baseline on test with its interval, as text; "" where there is no
        comparison.
        """
        c = self.against_baseline
        return f"{c.difference:+.3f} ({c.low:+.3f} to {c.high:+.3f})" if c else ""

    @property
    def test_spread(self) -> dict[str, Any]:
        """Spread of the test AUC over seeds, as `seed_spread` gives it; None for undefined ones."""
        return _spread([result.test_auc for result in self.seeds.values()])

    @property
    def validation_spread(self) -> dict[str, Any]:
        """Spread of the validation AUC over seeds."""
        return _spread([result.validation_auc for result in self.seeds.values()])

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean over seeds of the balanced accuracy, each at its own threshold locked on
        validation.
        """
        return mean_or_none([result.balanced_accuracy for result in self.seeds.values()])

    @property
    def seconds(self) -> float | None:
        """Mean seconds a seed."""
        return mean_or_none([result.seconds for result in self.seeds.values()])


@dataclass(frozen=True, eq=False)
class BundleSummary:
    """All variants on one bundle.

    Args:
        name: of the bundle.
        variants: in the order of the study.
        baseline: the variant that the others are compared with; None if none was named or it has no
            finished seed.
        selected: the variant with the highest mean validation AUC; None without a finished seed.
            The test split is not used.
        note: why there are no verdicts or no clear selection; "" for nothing.
    """

    name: str
    variants: tuple[VariantSummary, ...]
    baseline: str | None
    selected: str | None
    note: str = ""

    def __getitem__(self, name: str) -> VariantSummary:
        return next(variant for variant in self.variants if variant.name == name)

    @property
    def positive_class(self) -> str | None:
        """The class that recall, specificity, AUC and verdicts of a binary set are about; None for
        other tasks.
        """
        tables = [result.test for v in self.variants for result in v.seeds.values()]
        return tables[0].positive_class if tables else None

    @property
    def not_distinguishable(self) -> list[str]:
        """Names of the variants that validation cannot tell from the selected one (Holm over all of
        them).
        """
        return [
            v.name
            for v in self.variants
            if v.against_selected and v.against_selected.verdict == "not distinguishable"
        ]


@dataclass(frozen=True, eq=False)
class StudySummary:
    """What `summarize_study` found.

    Args:
        bundles: one per bundle, in the order of the cells.
        cells: every cell of the study with the result of its own; None for an unfinished one.
        baseline: the variant that was named as the baseline.
        metric: what is compared.
        confidence: nominal coverage of all intervals.
        alpha: level of the verdicts.
    """

    bundles: tuple[BundleSummary, ...]
    cells: tuple[tuple[Cell, CellResult | None], ...]
    baseline: str | None
    metric: str
    confidence: float
    alpha: float

    @property
    def verdict_is_about(self) -> str:
        """What the verdicts against the baseline hold for, as `verdict_scope` says it; "" without a
        verdict.
        """
        return verdict_scope(
            [
                v.against_baseline
                for bundle in self.bundles
                for v in bundle.variants
                if v.against_baseline
            ]
        )

    def lines(self) -> list[str]:
        """Return what the command line prints: one line per variant below each bundle."""
        texts = []
        for bundle in self.bundles:
            about = f" (positive class: {bundle.positive_class})" if bundle.positive_class else ""
            texts += [f"{bundle.name}{about}:"] + [f"  {line}" for line in _variant_lines(bundle)]
            texts += [f"  {bundle.note}"] if bundle.note else []
        return texts + ([self.verdict_is_about] if self.verdict_is_about else [])


def _variant_lines(bundle: BundleSummary) -> Iterator[str]:
    for v in bundle.variants:
        spread = v.test_spread
        against = v.against_baseline
        parts = [f"test AUC {interval(v.interval)}" if v.interval else "no test AUC"]
        if spread["n_seeds"] > 1:
            parts.append(
                f"{spread['n_seeds']} seeds {number(spread['min'])} to {number(spread['max'])}"
            )
        if against:
            parts.append(
                f"{against.verdict} ({v.differs_from_baseline}, Holm p {p_number(against.p_holm)})"
            )
        parts += ["baseline"] if v.name == bundle.baseline else []
        parts += ["selected on validation"] if v.name == bundle.selected else []
        parts += [v.note] if v.note else []
        yield f"{v.name}: " + "; ".join(parts)


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """Give n, mean, sd (None for one seed), min and max; None where no value or an undefined one
    makes them so.
    """
    numbers: dict[str, Any] = {
        "n_seeds": len(values),
        "values": [None if math.isnan(value) else value for value in values],
        "mean": None,
        "sd": None,
        "min": None,
        "max": None,
    }
    if values and None not in numbers["values"]:
        numbers |= {
            "mean": float(np.mean(values)),
            "sd": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "min": min(values),
            "max": max(values),
        }
    return numbers
