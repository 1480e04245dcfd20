"""The gate before training: splits that know each other's cases are refused, unless somebody allows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from .audit import Audit, audit_cohorts
from .cohort import Cohort
from .duplicates import one_a_split
from .similarity import NEAR_THRESHOLD

logger = logging.getLogger("medmonai.data")


def require_no_leakage(
    cohorts: Sequence[Cohort], *, allow: bool = False, near_threshold: float | None = NEAR_THRESHOLD,
    near_is_leak: bool = False,
) -> Audit:
    """Audit the splits and refuse those that share images or groups.

    Args:
        cohorts: one a split.
        allow: go on in spite of leakage, with a warning; the audit says what was found.
        near_threshold: see `audit_cohorts`; None saves the time of looking for near duplicates.
        near_is_leak: whether near duplicates across splits are refused, too.

    Returns:
        The audit; `Audit.compact(allowed=allow)` is the part for the record of a run.

    Raises:
        ValueError: leakage that was not allowed, with counts and the first ids; cohorts that do not belong together.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> splits = [lesion_phantom(split=s, num_cases=20) for s in ("train", "test")]
        >>> require_no_leakage(splits).verdict
        'no leakage found between the splits; patients are not known, so theirs cannot be ruled out'
    """
    return check_leakage(audit_cohorts(cohorts, near_threshold=near_threshold, near_is_leak=near_is_leak), allow=allow)


def check_leakage(audit: Audit, *, allow: bool = False) -> Audit:
    """Raise or warn as `require_no_leakage` does, for an audit that has been made already; return it.

    Raises:
        ValueError: leakage that was not allowed.
    """
    if not audit.leaks:
        return audit
    first = "; ".join(" and ".join(case.id for case in one_a_split(leak.examples[0])) for leak in audit.leaks if leak.examples)
    found = f"{audit.name}: {audit.verdict} (first: {first})"
    if not allow:
        raise ValueError(f"{found}; remove these cases from one of the splits, or allow leakage explicitly.")
    logger.warning("%s; allowed, so scores on the later splits are too good by an unknown amount.", found)
    return audit
