"""The gate before training: it refuses splits that share cases, unless the caller allows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from medmonai.data.cohort import Cohort
from medmonai.data.duplicates import COPY_THRESHOLD, NEAR_THRESHOLD, Finding, one_per_split

from .audit import CONFLICTS, COPIES, TURNED, Audit
from .auditing import audit_cohorts

logger = logging.getLogger("medmonai.data")

_CAUSES = (
    "; images this much alike can be one picture saved twice, or neighbouring slices or repeated "
    "exposures of one patient: give the patients (groups) to tell, and split by them"
)


def require_no_leakage(
    cohorts: Sequence[Cohort],
    *,
    allow: bool = False,
    near_threshold: float | None = NEAR_THRESHOLD,
    leak_threshold: float | None = COPY_THRESHOLD,
) -> Audit:
    """Audit the splits, refuse those that share images or groups, and warn about what a person
    should look at.

    The official splits of a MedMNIST file whose MD5 was verified are reported but never refused,
    because all published results on the set use them. Near duplicates across splits that do not
    count as leakage, and identical images with different labels, are reported for every set.

    Args:
        cohorts: one per split.
        allow: continue despite leakage, with a warning; the audit lists the findings.
        near_threshold: see `audit_cohorts`; None skips the search for near duplicates, which saves
            time.
        leak_threshold: see `audit_cohorts`; None refuses identical images only.

    Returns:
        The audit; `Audit.compact(allowed=allow)` is the part for the record of a run.

    Raises:
        ValueError: leakage that was not allowed (the message has counts and the first ids), or
            cohorts that do not belong together.

    Example:
        >>> from medmonai.data import lesion_phantom
        >>> splits = [lesion_phantom(split=s, num_cases=20) for s in ("train", "test")]
        >>> require_no_leakage(splits).verdict  # doctest: +NORMALIZE_WHITESPACE
        'no leakage found between the splits; patients are unknown, so patient overlap cannot be
        ruled out'
    """
    return check_leakage(
        audit_cohorts(cohorts, near_threshold=near_threshold, leak_threshold=leak_threshold),
        allow=allow,
    )


def check_leakage(audit: Audit, *, allow: bool = False) -> Audit:
    """Raise or warn like `require_no_leakage`, but for an existing audit; return the audit.

    Raises:
        ValueError: leakage that was not allowed.
    """
    message = f"{audit.name}: {audit.verdict}"
    if audit.leaks:
        message += f" (first: {'; '.join(_first(leak) for leak in audit.leaks if leak.examples)})"
        message += _CAUSES if any(leak.kind in (COPIES, TURNED) for leak in audit.leaks) else ""
        if not (allow or audit.official):
            raise ValueError(
                f"{message}; remove these cases from one of the splits, or allow leakage "
                "explicitly."
            )
        why = "allowed" if allow else "these are the official splits"
        logger.warning(
            "%s; %s. Scores on the later splits may be too good by an unknown amount.", message, why
        )
    for doubtful, advice in (
        (audit.near_across, "is it the same picture, or the same person?"),
        (audit.finding(CONFLICTS), "which label is right?"),
    ):
        if doubtful is not None and doubtful.count:
            logger.warning(
                "%s: %s (first: %s); %s",
                audit.name,
                doubtful.line().split("; e.g.")[0],
                _first(doubtful),
                advice,
            )
    return audit


def _first(found: Finding) -> str:
    return (
        " and ".join(case.id for case in one_per_split(found.examples[0]))
        if found.examples
        else "no example kept"
    )
