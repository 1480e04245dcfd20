"""Cells of the study: a measure on a population, repeated, and the rows of the CSV that come of
it.
"""

from __future__ import annotations

import zlib
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from .measures import MEASURES
from .populations import Binormal
from .separated import Separated
from .several_classes import Several

FIELDS = (
    "study",
    "population",
    "variant",
    "metric",
    "method",
    "repetitions",
    "truth",
    "mean_estimate",
    "coverage",
    "mc_error",
    "mean_width",
    "median_width",
    "truth_below",
    "truth_above",
    "without_ends",
    "rejected",
    "flagged",
)
# positives and negatives of Breast, Nodule, Vessel and Pneumonia
SETS = ((114, 42), (64, 246), (43, 339), (390, 234))
INDEPENDENT = (
    *(Binormal(*counts, auc) for counts in SETS for auc in (0.85, 0.95)),
    Binormal(43, 339, 0.985),
)
PATIENTS = (
    Binormal(60, 240, 0.85, 100),
    Binormal(60, 240, 0.95, 100),
    Binormal(60, 240, 0.95, 100, mixed=True),
    Binormal(24, 96, 0.85, 40),
)
# class counts of DermaMNIST's test set
SEVERAL = (
    Several("multiclass", (66, 103, 220, 23, 223, 1341, 29), 2005, 2.0),
    Several("ordinal", (174, 46, 92, 68, 20), 400, 2.0),  # RetinaMNIST's
    Several("multilabel", (120, 60, 30, 20), 300, 2.0),
)
SEPARATED = (
    Separated((30, 30, 30, 30), (5.0, 5.0, 1.5, 1.5)),
    Separated((30, 30, 30, 30), (3.5, 3.5, 3.5, 3.5)),
    Separated((15, 15, 15, 15), (4.0, 4.0, 2.0, 2.0)),
    Separated((10, 20, 100, 200), (4.5, 2.5, 2.5, 2.5)),
    Separated((339, 43), (1.5, 4.0)),
    Separated((114, 42), (1.0, 3.0)),
    Separated((20, 20), (1.0, 3.0)),
)


@dataclass(frozen=True)
class Cell:
    """A measure of `MEASURES` on a population, with the number of data sets."""

    study: str
    population: Binormal | Several | Separated
    repetitions: int

    @property
    def key(self) -> tuple[str, str]:
        """What names the cell in the CSV."""
        return self.study, self.population.name

    def rows(self, *, seed: int = 0, repetitions: int | None = None) -> list[dict[str, str]]:
        """Simulate; data set r has a random stream of its own, and bootstraps seed r."""
        tallies: dict[tuple[str, str], Tally] = {}
        number = zlib.crc32("|".join(self.key).encode())
        count = repetitions or self.repetitions
        for r in range(count):
            rng = np.random.default_rng([seed, number, r])
            for variant, metric, truth, entry in MEASURES[self.study](self.population, rng, seed=r):
                tallies.setdefault((variant, metric), Tally(truth)).add(entry)
        names = dict(zip(FIELDS, self.key))
        return [
            names | {"variant": variant, "metric": metric} | tally.row()
            for (variant, metric), tally in tallies.items()
        ]


@dataclass
class Tally:
    """Intervals of one metric in one cell; truth None: only whether a verdict was given."""

    truth: float | None
    entries: list[dict] = field(default_factory=list)

    def add(self, entry: dict) -> None:
        """Take in the entry of another data set."""
        self.entries.append(entry)

    def row(self) -> dict[str, str]:
        """Coverage, widths and sides as they stand in the CSV; intervals without ends count
        apart.
        """
        found = dict.fromkeys(FIELDS[4:], "")
        found["method"] = Counter(entry["method"] for entry in self.entries).most_common(1)[0][0]
        found["repetitions"] = str(len(self.entries))
        if "rejected" in self.entries[0]:
            found["rejected"] = f"{np.mean([entry['rejected'] for entry in self.entries]):.4f}"
        if self.truth is None:
            return found
        if any("flags" in entry for entry in self.entries):
            flagged = ["zero_variance_classes" in entry.get("flags", ()) for entry in self.entries]
            found["flagged"] = f"{np.mean(flagged):.4f}"
        ends = np.array([(entry["low"], entry["high"]) for entry in self.entries], dtype=float)
        low, high = ends[~np.isnan(ends).any(axis=1)].T
        estimates = np.array([entry["estimate"] for entry in self.entries], dtype=float)
        estimates = estimates[~np.isnan(estimates)]
        below = np.mean(self.truth < low - 1e-12)
        above = np.mean(self.truth > high + 1e-12)
        coverage = 1 - below - above
        numbers = {
            "truth": self.truth,
            "coverage": coverage,
            "mc_error": np.sqrt(coverage * (1 - coverage) / len(low)),
            "mean_width": np.mean(high - low),
            "median_width": np.median(high - low),
            "truth_below": below,
            "truth_above": above,
            "without_ends": 1 - len(low) / len(ends),
        }
        numbers |= {"mean_estimate": estimates.mean()} if len(estimates) else {}
        return found | {
            name: f"{abs(value) if abs(value) < 5e-6 else value:.5f}"
            for name, value in numbers.items()
        }


def all_cells() -> list[Cell]:
    """Cells of the whole study, quick ones first."""
    cells = [Cell("net_benefit", population, 2000) for population in (*INDEPENDENT, *PATIENTS)]
    cells += [Cell("ranking", population, 2000) for population in (*INDEPENDENT, *PATIENTS)]
    cells += [Cell("comparison", Binormal(*counts, 0.9), 2000) for counts in SETS]
    cells += [
        Cell("comparison", population, 500)
        for population in (Binormal(60, 240, 0.9, 100), Binormal(24, 96, 0.9, 40))
    ]
    cells += [Cell("comparison_of_losses", Binormal(43, 339, 0.9), 1000)]
    cells += [
        Cell("curves", population, 1000) for population in INDEPENDENT[5:] if population.auc > 0.9
    ]
    cells += [Cell("calibration", population, 400) for population in (*INDEPENDENT, *PATIENTS)]
    cells += [Cell("decisions", population, 1000) for population in (*INDEPENDENT, *PATIENTS)]
    cells += [Cell("several", population, 1000) for population in SEVERAL]
    return cells + [Cell("separated", population, 400) for population in SEPARATED]
