"""Simulate how often intervals of the AUC hold the true one: docs/results/auc_interval_coverage.csv
and the tables of its page.

Run it with OMP_NUM_THREADS=1: all cells take about ten minutes on one core. With --tables-only it
renews the page's tables from the CSV and simulates nothing.
"""

from __future__ import annotations

import argparse
import csv
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from auc_coverage.intervals import Z, bootstrap, newcombe
from auc_coverage.page import fill, tables
from auc_coverage.populations import CLUSTERS, SHAPES, draw, draw_clusters
from joblib import Parallel, delayed
from scipy.special import expit, logit
from scipy.stats import t as student

from medmonai.errors import run_in_words
from medmonai.metrics import auc_influence, auc_interval
from medmonai.metrics.ranking import influence_freedom

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "results"
CSV = FOLDER / "auc_interval_coverage.csv"
PAGE = FOLDER / "auc_intervals.md"
# MedMNIST's test sets
SETS = {(114, 42): "Breast", (64, 246): "Nodule", (43, 339): "Vessel", (390, 234): "Pneumonia"}
AUCS = (0.85, 0.90, 0.95, 0.985)
CLOSED = ("wald", "logit_delong", "logit_delong_t")
RESAMPLES = 500
BLOCK = 50
FIELDS = (
    "study",
    "positives",
    "negatives",
    "patients",
    "auc",
    "method",
    "repetitions",
    "coverage",
    "mc_error",
    "mean_width",
    "median_width",
    "auc_below",
    "auc_above",
)


def closed_ends(
    y_true: np.ndarray, y_scores: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Ends of `auc_interval` for each column of y_scores (N, K), many data sets at once, and
    Newcombe's.
    """
    a, u = auc_influence(y_true, y_scores)
    error = np.sqrt((u**2).sum(axis=0))
    plain = error > 1e-12
    freedom = np.array(
        [influence_freedom(column) if usual else 1.0 for column, usual in zip(u.T, plain)]
    )
    found = {"wald": (np.maximum(a - Z * error, 0), np.minimum(a + Z * error, 1))}
    with np.errstate(divide="ignore", invalid="ignore"):
        for method, quantile in (
            ("logit_delong", Z),
            ("logit_delong_t", student.ppf(0.975, freedom)),
        ):
            half = quantile * error / (a * (1 - a))
            found[method] = (expit(logit(a) - half), expit(logit(a) + half))
    for k in np.flatnonzero(~plain):  # zero variance: not by formula
        for method, (low, high) in found.items():
            interval = auc_interval(y_true, y_scores[:, k], method=method)
            low[k], high[k] = interval.low, interval.high
    return found | {"newcombe_score": newcombe(a, int(y_true.sum()), int((1 - y_true).sum()))}


def simulate_independent(
    shape: str, m: int, n: int, auc: float, repetitions: int, *, resampled: int = 0, seed: int = 0
) -> Iterator[dict]:
    """Rows of one cell of independent cases; the first `resampled` repetitions are bootstrapped
    too.
    """
    rng = np.random.default_rng([seed, m, n, round(1000 * auc), len(shape)])
    ends: dict[str, list] = {}
    for start in range(0, repetitions, BLOCK):
        sets = [draw(shape, m, n, auc, rng) for _ in range(min(BLOCK, repetitions - start))]
        y_true = sets[0][0]
        y_scores = np.stack([y_score for _, y_score in sets], axis=1)
        for method, pairs in closed_ends(y_true, y_scores).items():
            ends.setdefault(method, []).extend(zip(*pairs))
        if start < resampled:  # the resamples are of case numbers: new ones every block are as good
            weights = np.hstack(
                [rng.multinomial(k, np.full(k, 1 / k), RESAMPLES) for k in (m, n)]
            ).astype(np.float32)
            for column in y_scores.T:
                for method, pair in bootstrap(y_true, column, weights).items():
                    ends.setdefault(method, []).append(pair)
    yield from rows_of(ends, study=shape, m=m, n=n, auc=auc)


def simulate_clusters(
    number: int, auc: float, repetitions: int, *, seed: int = 0
) -> Iterator[dict]:
    """Rows of one cell of cases that come in patients; positives and negatives are the mean
    counts.
    """
    spec = CLUSTERS[number]
    rng = np.random.default_rng([seed, number, round(1000 * auc)])
    ends: dict[str, list] = {}
    counts = []
    while len(counts) < repetitions:
        y_true, y_score, groups = draw_clusters(spec, auc, rng)
        counts.append((y_true.sum(), (1 - y_true).sum()))
        if 0 in counts[-1]:
            counts.pop()
            continue
        found = {"logit_delong_t without groups": auc_interval(y_true, y_score)}
        found |= {
            method: auc_interval(y_true, y_score, groups=groups, method=method) for method in CLOSED
        }
        weights = rng.multinomial(spec[0], np.full(spec[0], 1 / spec[0]), RESAMPLES)[
            :, groups
        ].astype(np.float32)
        weights = weights[
            (weights[:, y_true == 1].sum(axis=1) > 1) & (weights[:, y_true == 0].sum(axis=1) > 1)
        ]
        pairs = {method: (i.low, i.high) for method, i in found.items()}
        pairs["cluster_bootstrap"] = bootstrap(y_true, y_score, weights, all_kinds=False)[
            "percentile_bootstrap"
        ]
        for method, pair in pairs.items():
            ends.setdefault(method, []).append(pair)
    m, n = np.mean(counts, axis=0).round().astype(int).tolist()
    yield from rows_of(ends, study=f"clusters_{number}", m=m, n=n, auc=auc, patients=spec[0])


def rows_of(
    ends: dict[str, list], *, study: str, m: int, n: int, auc: float, patients: int = 0
) -> Iterator[dict]:
    """Coverage and width of each method in one cell."""
    for method, pairs in ends.items():
        low, high = np.array(pairs).T
        covered = np.mean((low <= auc) & (auc <= high))
        error = np.sqrt(covered * (1 - covered) / len(pairs))
        values = (
            f"{covered:.4f}",
            f"{error:.4f}",
            f"{np.mean(high - low):.4f}",
            f"{np.median(high - low):.4f}",
            f"{np.mean(auc < low):.4f}",
            f"{np.mean(auc > high):.4f}",
        )
        yield dict(zip(FIELDS, (study, m, n, patients, auc, method, len(pairs), *values)))


def cells(repetitions: int, resampled: int) -> list:
    """All cells, as calls that are made later."""
    jobs = [
        delayed(simulate_independent)("binormal", *counts, auc, repetitions, resampled=resampled)
        for counts, auc in product(SETS, AUCS)
    ]
    jobs += [
        delayed(simulate_independent)(shape, *counts, auc, repetitions // 2)
        for shape, counts, auc in product(SHAPES, SETS, AUCS[2:])
    ]
    jobs += [
        delayed(simulate_clusters)(number, auc, resampled)
        for number, auc in product(range(len(CLUSTERS)), AUCS[2:])
    ]
    return jobs


def main() -> None:
    """Run the study, write the CSV, renew the tables of the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--repetitions",
        type=int,
        default=10000,
        help="data sets a cell; half as many for other shapes",
    )
    parser.add_argument("--resampled", type=int, default=2000, help="of them with bootstraps")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--tables-only", action="store_true", help="no simulation: the tables again from the CSV"
    )
    options = parser.parse_args()
    if not options.tables_only:
        warnings.simplefilter("ignore", RuntimeWarning)
        jobs = cells(options.repetitions, options.resampled)
        found = Parallel(n_jobs=options.jobs, return_as="generator")(
            delayed(list_of)(job) for job in jobs
        )
        with CSV.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            writer.writeheader()
            # a cell at a time: a study that breaks off keeps what it has
            for done, some in enumerate(found, start=1):
                writer.writerows(some)
                file.flush()
                print(f"{done}/{len(jobs)}", *some[0].values(), flush=True)
    with CSV.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if PAGE.exists():
        PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    else:
        print("\n\n".join(tables(rows).values()))


def list_of(job: tuple) -> list[dict]:
    """Run one delayed cell."""
    function, arguments, options = job
    return list(function(*arguments, **options))


if __name__ == "__main__":
    run_in_words(main)
