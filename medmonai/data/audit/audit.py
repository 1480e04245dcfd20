"""What the audit of a data set found wrong with its splits, before anything is trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from medmonai.data.describe import SplitDescription
from medmonai.data.duplicates import Finding, one_per_split
from medmonai.notebook import Card, InNotebook, one_line

EXACT = "exact duplicates"
NEAR = "near duplicates"
GROUPS = "groups in several splits"
COPIES = "almost identical images"
TURNED = "mirrored or turned copies"
CONFLICTS = "label conflicts of exact duplicates"
NEAR_CONFLICTS = "label conflicts of near duplicates"
GROUP_CLASSES = "groups with cases of several classes"


@dataclass(frozen=True, repr=False)
class Audit(InNotebook):
    """What `audit_cohorts` found.

    Args:
        name: name of the set.
        checksum: checksum of the set's file, as in the cohorts' provenance; "" if it was not
            verified.
        splits: one description per split.
        findings: one of each kind, including kinds without a case.
        near_threshold: correlation at or above which two images are near duplicates; None if the
            audit did not look for them.
        near_complete: False if a search stopped because too many images are alike, including
            mirrored and rotated ones.
        leak_threshold: correlation at or above which two images are almost identical, and leakage
            if they are in different splits; None: never.
        groups_known: whether every split says which patient or lesion a case belongs to.
        classes: one sentence on the positive class or the order of the labels.
        official: whether these are the splits of a published MedMNIST file whose MD5 was verified.
        notes: one sentence for each thing noticed while reading the files, such as mixed bit
            depths; see `check_source`.
    """

    name: str
    checksum: str
    splits: tuple[SplitDescription, ...]
    findings: tuple[Finding, ...]
    near_threshold: float | None
    near_complete: bool
    leak_threshold: float | None
    groups_known: bool
    classes: str
    official: bool = False
    notes: tuple[str, ...] = ()

    def finding(self, kind: str) -> Finding:
        """Return the finding of a kind.

        Raises:
            ValueError: unknown kind.
        """
        match = next((f for f in self.findings if f.kind == kind), None)
        if match is None:
            raise ValueError(
                f"kind={kind!r} is unknown; use one of "
                f"{', '.join(repr(f.kind) for f in self.findings)}."
            )
        return match

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """Findings that expose cases of one split to another.

        These are exact duplicates, almost identical images (also mirrored or rotated) and groups
        across splits. Near duplicates below `leak_threshold` do not count. Two X-rays of 28 pixels
        that correlate at .94 may be one exposure saved twice or two children who look alike; only a
        person can tell.
        """
        return tuple(
            f for f in self.findings if f.kind in (EXACT, COPIES, TURNED, GROUPS) and f.across_count
        )

    @property
    def near_across(self) -> Finding | None:
        """Near duplicates across splits, for a person to look at; None if there are none or they
        already count as leaks.
        """
        near = next((f for f in self.findings if f.kind == NEAR), None)
        copies = sum(leak.across_count for leak in self.leaks if leak.kind == COPIES)
        return near if near is not None and near.across_count > copies else None

    @property
    def verdict(self) -> str:
        """One sentence that says whether there is leakage."""
        unsure = (
            ""
            if self.groups_known or len(self.splits) == 1
            else "; patients are unknown, so patient overlap cannot be ruled out"
        )
        unsure += "" if self.near_complete else "; the search for near duplicates stopped early"
        if self.near_across is not None:
            unsure = (
                f"; {self.near_across.across_count} near duplicates across splits, to be looked "
                f"at{unsure}"
            )
        if not self.leaks:
            verdicts = (
                "no leakage found between the splits"
                if len(self.splits) > 1
                else "no splits yet, so none can leak"
            )
            return f"{verdicts}{unsure}"
        told = ", ".join(
            f"{leak.kind} "
            f"{leak.across_count} ({', '.join(f'{p} {n}' for p, n in leak.across if n)})"
            for leak in self.leaks
        )
        return f"leakage between splits: {told}{unsure}"

    def __repr__(self) -> str:
        cases = ", ".join(f"{split.split} {split.cases}" for split in self.splits)
        return one_line(f"Audit({self.name}: {self.verdict}; {cases})", most=500)

    def _card(self) -> Card:
        between = "across splits"
        return Card(
            f"Audit of {self.name}: {self.verdict}",
            {split.split: f"{split.cases} cases" for split in self.splits},
            header=("finding", "count", between),
            rows=[
                (found.kind, found.count, found.across_count)
                for found in self.findings
                if found.count
            ],
            notes=(self.classes, *self.notes),
        )

    def twins(self, split: str) -> dict[str, list[dict[str, str]]]:
        """Return the cases of a split that have a twin with another label: id -> split, id and
        label of each twin.

        A twin is an exact or near duplicate in any split, possibly mirrored. A network that seems
        wrong on such a case may be right.
        """
        twins: dict[str, list[dict[str, str]]] = {}
        # Only sets of duplicates with several labels: video frames make millions of pairs.
        for finding in (
            f for f in self.findings if f.kind in (CONFLICTS, NEAR_CONFLICTS, COPIES, TURNED)
        ):
            for cases in (entry["cases"] for entry in finding.every()):
                for case in cases:
                    others = [
                        other._asdict()
                        for other in cases
                        if case.split == split and other.label != case.label
                    ]
                    known = twins.setdefault(case.id, []) if others else []
                    known += [other for other in others if other not in known]
        return twins

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-compatible values, including every pair found."""
        return {
            "name": self.name,
            "checksum": self.checksum,
            "official_splits": self.official,
            "verdict": self.verdict,
            "leaks": [leak.kind for leak in self.leaks],
            "splits": [split.as_dict() for split in self.splits],
            "findings": [finding.as_dict() for finding in self.findings],
            "near_threshold": self.near_threshold,
            "near_complete": self.near_complete,
            "leak_threshold": self.leak_threshold,
            "groups_known": self.groups_known,
            "notes": list(self.notes),
        }

    def compact(self, *, allowed: bool = False) -> dict[str, Any]:
        """Return what a record of a run needs: verdict, counts, and the first ids of each leak.

        Args:
            allowed: whether leakage was allowed; stored in the record.
        """
        return {
            "verdict": self.verdict,
            "leakage": bool(self.leaks),
            "leakage_allowed": bool(allowed),
            "official_splits": self.official,
            "counts": {finding.kind: finding.count for finding in self.findings},
            "across_splits": {
                finding.kind: finding.across_count for finding in self.findings if finding.across
            },
            "leaks": {
                leak.kind: {
                    "across": dict(leak.across),
                    "examples": [
                        [case.id for case in one_per_split(finding)]
                        for finding in leak.examples[:3]
                    ],
                }
                for leak in self.leaks
            },
            "near_threshold": self.near_threshold,
            "leak_threshold": self.leak_threshold,
            "near_complete": self.near_complete,
        }

    def lines(self) -> list[str]:
        """Return the audit as text: the verdict, the splits, and one line for each finding and
        note.
        """
        lines = [f"{self.name}: {self.verdict}", self.classes]
        lines += [line for split in self.splits for line in split.lines()]
        lines += [finding.line() for finding in self.findings]
        if self.near_threshold is None:
            lines.append("near duplicates: not looked for")
        elif self.leak_threshold is not None and len(self.splits[0].spatial_size) == 3:
            lines.append(f"{TURNED}: not looked for in volumes")
        if not self.near_complete:
            lines.append(
                "near duplicates and turned copies: a search stopped, too many pairs are alike, so "
                f"there may be more than these; raise the threshold ({self.near_threshold})."
            )
        return lines + [f"note: {note}" for note in self.notes]
