"""Simulate how often intervals of the AUC hold the true one: docs/results/auc_interval_coverage.csv
and the tables of its page.

Run it with OMP_NUM_THREADS=1: all cells take about ten minutes on one core. With --tables-only it
renews the page's tables from the CSV and simulates nothing.
"""

from __future__ import annotations

import argparse
import csv
import re
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.special import expit, logit
from scipy.stats import norm
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
SHAPES = ("wide_positives", "exponential", "missed_positives")
# patients, mean cases a patient, share of positives, share of variance between patients, labels
# differ within a patient
CLUSTERS = (
    (40, 3, 0.2, 0.5, False),
    (100, 3, 0.2, 0.5, False),
    (100, 3, 0.2, 0.9, False),
    (100, 3, 0.2, 0.5, True),
)
CLOSED = ("wald", "logit_delong", "logit_delong_t")
RESAMPLES = 500
BLOCK = 50
Z = norm.ppf(0.975)
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


def draw(
    shape: str, m: int, n: int, auc: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of m positives and n negatives; the model's true AUC is `auc`."""
    x = rng.normal(size=m)
    y = rng.normal(size=n)
    if shape == "binormal":
        x += np.sqrt(2) * norm.ppf(auc)
    elif shape == "wide_positives":  # standard deviation 1.5
        x = 1.5 * x + np.sqrt(3.25) * norm.ppf(auc)
    elif shape == "exponential":
        x = rng.exponential(auc / (1 - auc), m)
        y = rng.exponential(1, n)
    else:  # some positives score like negatives, the others far above
        x += np.where(rng.random(m) < 2 * (1 - auc), 0, 10)
    return np.repeat([1, 0], [m, n]), np.r_[x, y]


def draw_clusters(
    spec: tuple, auc: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, scores and patients: binormal scores with a random effect of the patient."""
    count, size, share, rho, mixed = spec
    groups = np.repeat(np.arange(count), rng.integers(1, 2 * size, count))
    y_true = (rng.random(len(groups) if mixed else count) < share).astype(int)
    y_true = y_true if mixed else y_true[groups]
    noise = np.sqrt(rho) * rng.normal(size=count)[groups] + np.sqrt(1 - rho) * rng.normal(
        size=len(groups)
    )
    return y_true, noise + y_true * np.sqrt(2) * norm.ppf(auc), groups


def bootstrap(
    y_true: np.ndarray, y_score: np.ndarray, weights: np.ndarray, *, all_kinds: bool = True
) -> dict[str, tuple[float, float]]:
    """Percentile, and BCa and studentized (on the logit scale) intervals from weights (B, N) of the
    cases.
    """
    positive = y_true == 1
    psi = (y_score[positive][:, None] > y_score[~positive]).astype(np.float32)
    wm = weights[:, positive]
    wn = weights[:, ~positive]
    m = wm.sum(axis=1)
    n = wn.sum(axis=1)
    w = wm @ psi / m[:, None]
    aucs = (wn * w).sum(axis=1) / n
    found = {"percentile_bootstrap": tuple(np.quantile(aucs, [0.025, 0.975]))}
    if not all_kinds:
        return found
    v = wn @ psi.T / n[:, None]
    influence = auc_influence(y_true, y_score[:, None])[1][:, 0]
    a = psi.mean(dtype=float)
    error = np.sqrt(influence @ influence)
    if not 0 < error < np.inf or not 0 < a < 1:  # nothing to correct by
        return found | dict.fromkeys(("bca_bootstrap", "logit_bootstrap_t"), (0.0, 1.0))
    z0 = norm.ppf(np.clip(np.mean(aucs < a) + np.mean(aucs == a) / 2, 0.001, 0.999))
    skew = (influence**3).sum() / (6 * error**3)
    shifted = z0 + np.array([-Z, Z])
    found["bca_bootstrap"] = tuple(
        np.quantile(aucs, norm.cdf(z0 + shifted / np.maximum(1 - skew * shifted, 1e-3)))
    )
    errors = np.sqrt(
        (wm * (v - aucs[:, None]) ** 2).sum(axis=1) / (m * (m - 1))
        + (wn * (w - aucs[:, None]) ** 2).sum(axis=1) / (n * (n - 1))
    )
    usable = (aucs < 1) & (errors > 1e-6)
    if usable.sum() < 50:
        return found | {"logit_bootstrap_t": (0.0, 1.0)}
    t = (
        (logit(aucs[usable].astype(float)) - logit(a))
        * aucs[usable]
        * (1 - aucs[usable])
        / errors[usable]
    )
    ends = logit(a) - np.quantile(t, [0.975, 0.025]) * error / (a * (1 - a))
    return found | {"logit_bootstrap_t": tuple(expit(ends))}


def newcombe(a: np.ndarray, m: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Newcombe's method 5 (2006, doi:10.1002/sim.2324): Hanley and McNeil's variance at the end
    itself; by bisection.
    """
    ends = []
    for far in (np.zeros_like(a), np.ones_like(a)):
        inner = a.copy()
        outer = far.copy()
        for _ in range(40):
            middle = (inner + outer) / 2
            extra = ((m + n) / 2 - 1) * ((1 - middle) / (2 - middle) + middle / (1 + middle))
            outside = np.abs(a - middle) > Z * np.sqrt(
                middle * (1 - middle) * (1 + extra) / (m * n)
            )
            inner = np.where(outside, inner, middle)
            outer = np.where(outside, middle, outer)
        ends.append(inner)
    return ends[0], ends[1]


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


def tables(rows: list[dict]) -> dict[str, str]:
    """The page's Markdown tables: one per kind of study, one line per cell, coverage (mean width)
    of each method.
    """
    found = {}
    kinds = {
        "binormal": ("binormal",),
        "shapes": SHAPES,
        "clusters": tuple(f"clusters_{k}" for k in range(len(CLUSTERS))),
    }
    for kind, studies in kinds.items():
        chosen = [r for r in rows if r["study"] in studies]
        methods = list(dict.fromkeys(r["method"] for r in chosen))
        lines = [
            "| scores | positives/negatives | AUC | " + " | ".join(methods) + " |",
            "|---" * (len(methods) + 3) + "|",
        ]
        cell: dict[tuple, dict] = {}
        for r in chosen:
            key = (r["study"], f"{r['positives']}/{r['negatives']}", r["auc"])
            cell.setdefault(key, {})[r["method"]] = (
                f"{float(r['coverage']):.3f} ({float(r['mean_width']):.3f})"
            )
        lines += [
            "| " + " | ".join([*map(str, key), *(values[m] for m in methods)]) + " |"
            for key, values in cell.items()
        ]
        found[kind] = "\n".join(lines)
    return found


def fill(page: str, rows: list[dict]) -> str:
    """Put the tables between the page's markers."""
    for kind, table in tables(rows).items():
        page = re.sub(
            rf"(<!-- {kind} -->\n).*?(\n<!-- end -->)",
            lambda found, table=table: found[1] + table + found[2],
            page,
            flags=re.DOTALL,
        )
    return page


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
