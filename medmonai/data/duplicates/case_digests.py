"""What a cohort is, in a few digits: whether the cases of today are those of yesterday."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from medmonai.data.cohort import Cohort

from .duplicates import image_keys

_DIGITS = 16


def case_digests(cohort: Cohort) -> np.ndarray:
    """Return 16 hexadecimal digits (N,) of the pixels and the label of each case: equal digits,
    equal cases.

    Of what the network sees, so a file that is written again with the same content stays the same,
    and one that another version of a decoder reads otherwise does not.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> first, again = (
        ...     case_digests(lesion_phantom(split="val", num_cases=3)) for _ in range(2)
        ... )
        >>> len(set(first)), bool((first == again).all())
        (3, True)
    """
    keys = image_keys(cohort.images)
    labels = np.ascontiguousarray(cohort.labels)
    return np.array(
        [
            hashlib.blake2b(key.tobytes() + label.tobytes(), digest_size=_DIGITS // 2).hexdigest()
            for key, label in zip(keys, labels)
        ]
    )


def cohort_digest(cohort: Cohort) -> str:
    """Return 16 hexadecimal digits of all that a network or a table sees of a cohort: cases, ids,
    groups, classes, order.
    """
    return _together(cohort, case_digests(cohort))


def case_rows(cohorts: Sequence[Cohort], *, each_case: bool) -> list[tuple[str, str, str]]:
    """Return rows (split, id, digest) of some cohorts: for each a row with an empty id and its
    `cohort_digest`.

    Args:
        cohorts: one per split.
        each_case: whether every case has a row too, with its `case_digests`.
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
