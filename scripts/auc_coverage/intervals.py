"""Intervals of the AUC that the package does not have: bootstraps, and Newcombe's."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm

from medmonai.metrics import auc_influence

Z = norm.ppf(0.975)


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
