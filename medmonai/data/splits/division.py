"""Dividing cases into parts of given shares: classes are spread evenly, and patients and other
units stay whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from medmonai.task import Task

_PASSES = 4  # passes over the multi-case units to move them again
# Number of other unit orders to try. With few units the first order is often not the best; with
# many it hardly matters.
_ORDERS = 30
_UNITS = 4000


def part_numbers(
    labels: np.ndarray,
    units: np.ndarray,
    *,
    task: Task,
    shares: Sequence[float] | np.ndarray,
    seed: int = 0,
) -> np.ndarray:
    """Return the part (N,) of each case, from 0. Part p gets about shares[p] of every class, and no
    unit is divided.

    Units of several cases come first, the largest first. Each goes to the part where it adds least
    to the sum over classes and parts of (share of the class in the part)^2 / shares[p]. This sum is
    smallest when all parts have their shares. Then single units are moved if that lowers the sum,
    and other orders are tried if there are few units. Finally, single cases fill up the parts. The
    number that a class lacks in a part is rounded up or down so that the total over the classes is
    rounded too. This is controlled rounding (Cox 1987), solved as a transport problem. Without
    larger units, every class and every whole part are therefore less than one case from their
    shares. The exception is a class of few cases, which gets one case in every part as long as it
    has enough.

    A multilabel case counts toward its rarest label, or toward "no label".

    scikit-learn's `StratifiedGroupKFold` makes parts of equal shares only and has no rule for
    single cases; `GroupShuffleSplit` does not look at classes;
    `monai.data.partition_dataset_classes` does not know groups.

    Args:
        labels: as `Task.check_labels` returns them.
        units: (N,) number of the unit of each case, for example of its patient.
        task: what the labels mean.
        shares: (P,) positive shares of the parts; normalized by their sum.
        seed: seed for breaking ties.

    Example:
        >>> labels = np.repeat([0, 1], [70, 30])
        >>> parts = part_numbers(
        ...     labels, np.arange(100), task=Task("binary", 2), shares=[0.7, 0.2, 0.1]
        ... )
        >>> np.bincount(parts).tolist(), np.bincount(parts[labels == 1]).tolist()
        ([70, 20, 10], [21, 6, 3])
    """
    rng = np.random.default_rng(seed)
    shares = np.divide(np.asarray(shares, np.float64), np.sum(shares))
    strata = labels if task.exclusive else rarest_label(labels)
    strata = np.unique(strata, return_inverse=True)[1].reshape(-1)
    _, units, sizes = np.unique(units, return_inverse=True, return_counts=True)
    units = units.reshape(-1)
    single = sizes[units] == 1
    numbers = np.full(len(labels), -1)
    singles = np.bincount(strata[single], minlength=strata.max() + 1)
    counts = np.zeros((len(shares), len(singles)), np.int64)
    if not single.all():
        within = np.unique(units[~single], return_inverse=True)[1].reshape(-1)
        own = np.zeros((within.max() + 1, len(singles)), np.int64)
        np.add.at(own, (within, strata[~single]), 1)
        part = _place(own, shares=shares, totals=np.bincount(strata), rng=rng)
        part = _fill_empty(part, own, singles=singles, parts=len(shares))
        np.add.at(counts, part, own)
        numbers[~single] = part[within]
    missing = _rounded(_wanted(counts, singles, shares), rng) - counts
    for stratum in range(len(singles)):
        rows = rng.permutation(np.flatnonzero((strata == stratum) & single))
        numbers[rows] = np.repeat(np.arange(len(shares)), missing[:, stratum])
    return numbers


def rarest_label(labels: np.ndarray) -> np.ndarray:
    """Return, for each case of (N, L), its label (N,) with the fewest positives overall, or L if it
    has no label.
    """
    rarity = np.argsort(np.argsort(labels.sum(axis=0), kind="stable"), kind="stable")
    none = labels.shape[1]
    ranks = np.where(labels == 1, rarity, none).min(axis=1)
    return np.append(np.argsort(rarity), none)[ranks]


def _place(
    own: np.ndarray, *, shares: np.ndarray, totals: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return the part (U,) of each unit, given its number of cases (U, S) of each class: the best
    result over several orders.
    """
    weight = 1 / (shares[:, None] * np.maximum(totals, 1) ** 2)
    order = rng.permutation(len(own))
    order = order[np.argsort(-own[order].sum(axis=1), kind="stable")]
    part, least = _place_in_order(own, order, shares=shares, weight=weight)
    for _ in range(min(_ORDERS, _UNITS // len(own))):
        other, cost = _place_in_order(own, rng.permutation(len(own)), shares=shares, weight=weight)
        if cost < least - 1e-12:
            part = other
            least = cost
    return part


def _place_in_order(
    own: np.ndarray, order: np.ndarray, *, shares: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, float]:
    counts = np.zeros((len(shares), own.shape[1]), np.int64)
    part = np.full(len(own), -1)
    for turn in range(_PASSES):
        before = part.copy()
        for unit in order:
            if turn:
                counts[part[unit]] -= own[unit]
            added = ((2 * counts * own[unit] + own[unit] ** 2) * weight).sum(axis=1).round(12)
            part[unit] = np.lexsort((counts.sum(axis=1) / shares, added))[0]
            counts[part[unit]] += own[unit]
        if np.array_equal(before, part):
            break
    return part, float((counts**2 * weight).sum())


def _fill_empty(
    part: np.ndarray, own: np.ndarray, *, singles: np.ndarray, parts: int
) -> np.ndarray:
    """Return the parts (U,) after moving units, where possible, to parts that would otherwise lack
    a class.
    """
    part = part.copy()
    for stratum in np.argsort((own > 0).sum(axis=0) + singles, kind="stable"):
        having = own[:, stratum] > 0
        held = np.bincount(part[having], minlength=parts)
        for empty in np.flatnonzero(held == 0)[: max(0, int((held == 0).sum() - singles[stratum]))]:
            # what remains when a unit leaves
            kept = np.stack([own[part == p].sum(axis=0) for p in range(parts)])[part] - own
            harmless = ((kept > 0) | (own == 0) | (singles >= parts)).all(axis=1)
            movable = np.flatnonzero(having & harmless & (held[part] > 1))
            if len(movable):
                unit = movable[np.lexsort((own[movable].sum(axis=1), -held[part[movable]]))[0]]
                held[part[unit]] -= 1
                held[empty] += 1
                part[unit] = empty
    return part


def _wanted(counts: np.ndarray, singles: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the ideal fractional number of cases (P, S) of each class per part, given those
    already placed.
    """
    wanted = counts.astype(np.float64)
    for stratum, free in enumerate(singles):
        least = counts[:, stratum].astype(np.float64)
        empty = least == 0
        least[empty] = 1 if 0 < empty.sum() <= free else 0
        total = counts[:, stratum].sum() + free
        rising = np.ones(len(shares), bool)
        # parts already above their share stay as they are; the others divide the rest
        while True:
            level = (total - least[~rising].sum()) / shares[rising].sum()
            above = rising & (level * shares < least - 1e-9)
            if not above.any():
                break
            rising &= ~above
        wanted[:, stratum] = np.where(rising, level * shares, least)
    return wanted.round(9)


def _rounded(wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return integers (P, S), each rounded up or down so that class sums are preserved and part
    sums are rounded too.
    """
    whole = np.floor(wanted).astype(np.int64)
    rest = wanted - whole
    place = np.flatnonzero(rest.reshape(-1) > 1e-6)
    if len(place) == 0:
        return whole
    parts, strata = np.divmod(place, wanted.shape[1])
    by_part, by_stratum = (np.eye(n)[:, index] for n, index in zip(wanted.shape, (parts, strata)))
    sums = rest.sum(axis=1)
    solution = linprog(
        # the nearest integer; ties are broken by the seed
        -rest.reshape(-1)[place] + 1e-4 * rng.random(len(place)),
        A_eq=by_stratum,
        b_eq=np.rint(rest.sum(axis=0)),
        bounds=(0, 1),
        method="highs-ds",
        A_ub=np.concatenate([by_part, -by_part]),
        b_ub=np.concatenate([np.ceil(sums - 1e-6), -np.floor(sums + 1e-6)]),
    )
    # the vertices of a transport problem are integers
    whole[parts, strata] += np.rint(solution.x).astype(np.int64)
    return whole
