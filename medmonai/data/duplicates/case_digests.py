"""Digests of a cohort, which tell whether its cases are the same as before."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from medmonai.data.cohort import Cohort

from .duplicates import image_keys

_DIGITS = 16


def case_digests(cohort: Cohort) -> np.ndarray:
    """Return 16 hexadecimal digits (N,) for the pixels and label of each case: equal digits mean
    equal cases.

    The digits are computed from what the network sees. They stay the same for a file rewritten with
    the same content, and change if another decoder version reads it differently.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> first, again = (
        ...     case_digests(lesion_phantom(split="val", num_cases=3)) for _ in range(2)
        ... )
        >>> len(set(first)), bool((first == again).all())
        (3, True)
    """
    return labeled_digests(image_keys(cohort.images), cohort.labels)


def labeled_digests(keys: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return 16 hexadecimal digits (N,) for the pixels and label of each case.

    Args:
        keys: (N,) of the images, see `image_keys`.
        labels: (N,) or (N, L) int64.
    """
    return np.array(
        [
            hashlib.blake2b(key.tobytes() + label.tobytes(), digest_size=_DIGITS // 2).hexdigest()
            for key, label in zip(keys, np.ascontiguousarray(labels))
        ]
    )


def cohort_digest(cohort: Cohort) -> str:
    """Return 16 hexadecimal digits for everything that a network or a table sees of a cohort:
    cases, ids, groups, classes, order.
    """
    return _together(cohort, case_digests(cohort))


def case_rows(cohorts: Sequence[Cohort], *, each_case: bool) -> list[tuple[str, str, str]]:
    """Return rows (split, id, digest) for some cohorts: for each cohort a row with an empty id and
    its `cohort_digest`.

    Args:
        cohorts: one per split.
        each_case: whether to add a row for every case, with its digest from `case_digests`.
    """
    rows = []
    for cohort in cohorts:
        digests = case_digests(cohort)
        rows.append((cohort.split, "", _together(cohort, digests)))
        rows += (
            [(cohort.split, str(case), str(digest)) for case, digest in zip(cohort.ids, digests)]
            if each_case
            else []
        )
    return rows


def _together(cohort: Cohort, digests: np.ndarray) -> str:
    joined = hashlib.blake2b(
        repr((cohort.task, cohort.class_names)).encode(), digest_size=_DIGITS // 2
    )
    for values in (digests, cohort.ids, () if cohort.groups is None else cohort.groups):
        joined.update("\0".join(map(str, values)).encode("utf-8", "surrogatepass") + b"\n")
    return joined.hexdigest()
