"""The description of a source: counts, sizes, groups, columns, omitted files, known issues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from medmonai.data.cohort import Cohort, Provenance
from medmonai.data.datalist import SPLITS, LeftOut, Listing
from medmonai.data.files import Headers, read_headers
from medmonai.data.positive_class import classes_line
from medmonai.data.splits import validation_advice
from medmonai.task import Task

from .description import SplitDescription, describe_split
from .source_numbers import column_numbers, group_numbers

_REASONS = 10
_NAMED = 5  # groups with cases of several classes that are shown
ALL = "all"  # name for the cases of a source without splits


@dataclass(frozen=True)
class SourceDescription:
    """A source in numbers, for `python -m medmonai data describe`. It contains no path of this
    machine.

    Groups (patients) are counted. Those with cases of several classes are listed under the source's
    own names.

    Args:
        provenance: name, license, citation, known issues.
        task: what is predicted.
        counts: split ("all" if there are none yet) -> class -> number of cases (multilabel:
            positives of each label).
        cases: split -> number of cases.
        groups: numbers of patients or lesions, see `group_numbers`; None if not known.
        metadata: column -> its content, see `column_numbers`.
        headers: headers of the files; None if the source is already an array.
        splits: gray levels of each split of an array; empty for files, which are not decoded for
            this.
        left_out: reason -> names.
        modalities: name of each channel, if it is a file of its own.
        notes: one sentence for each further thing that a reader should know.
    """

    provenance: Provenance
    _: KW_ONLY
    task: Task
    counts: Mapping[str, Mapping[str, int]]
    cases: Mapping[str, int]
    groups: Mapping[str, Any] | None = None
    metadata: Mapping[str, Mapping[str, Any]]
    headers: Headers | None = None
    splits: tuple[SplitDescription, ...] = ()
    left_out: Mapping[str, tuple[str, ...]]
    modalities: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of their labels."""
        return tuple(next(iter(self.counts.values())))

    @property
    def positive_class(self) -> str | None:
        """The class that recall, AUC and thresholds of a binary task refer to: the last one; None
        for other tasks.
        """
        return self.class_names[1] if self.task.kind == "binary" else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON-compatible values."""
        return {
            "provenance": self.provenance.as_dict(),
            "task": self.task.kind,
            "num_classes": self.task.num_classes,
            "class_names": list(self.class_names),
            "positive_class": self.positive_class,
            "cases": dict(self.cases),
            "counts": {split: dict(counts) for split, counts in self.counts.items()},
            "groups": self.groups,
            "metadata": dict(self.metadata),
            "headers": None if self.headers is None else self.headers.as_dict(),
            "splits": [split.as_dict() for split in self.splits],
            "left_out": {reason: list(names) for reason, names in self.left_out.items()},
            "modalities": list(self.modalities),
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """Return the description as text."""
        about = self.provenance
        lines = [
            f"{about.name}: {sum(self.cases.values()):,} cases, {self.task.kind}, "
            f"{self.task.num_classes} {'classes' if self.task.exclusive else 'labels'}"
        ]
        lines.append(classes_line(self.class_names, self.positive_class))
        lines += [f"licence: {about.licence}"] * bool(about.licence) + [
            f"cite: {about.citation}"
        ] * bool(about.citation)
        if self.splits:
            lines += [line for split in self.splits for line in split.lines()]
        else:
            lines += [
                _counts_line(split, self.cases[split], counts, exclusive=self.task.exclusive)
                for split, counts in self.counts.items()
            ]
        lines += [f"modalities: {', '.join(self.modalities)}"] if self.modalities else []
        lines += [] if self.headers is None else self.headers.lines()
        lines.append(_groups_line(self.groups))
        lines += [_column_line(name, column) for name, column in self.metadata.items()]
        lines += [
            f"left out: {len(names):,} ({reason}), first: {names[0]}"
            for reason, names in list(self.left_out.items())[:_REASONS]
        ]
        if len(self.left_out) > _REASONS:
            lines.append(
                f"left out for {len(self.left_out) - _REASONS:,} other reasons: see describe.json "
                "(--output DIR)"
            )
        lines += [f"note: {note}" for note in dict.fromkeys((*self.notes, *about.facts))]
        return lines + [f"known issue: {issue}" for issue in about.known_issues]


def describe_listing(
    listing: Listing, *, most_headers: int = 1000, advise: bool = True
) -> SourceDescription:
    """Describe files without decoding them.

    Args:
        listing: the files.
        most_headers: files whose headers are read, for sizes and modes.
        advise: whether to say that a given validation split is too small.
    """
    splits = np.full(len(listing), ALL) if listing.splits is None else listing.splits
    names = [name for name in (*SPLITS, ALL) if (splits == name).any()]
    hot = listing.task.one_hot(listing.labels)
    advice = validation_advice(listing, splits) if advise and "val" in names else ""
    if names == [ALL]:
        advice = "The source gives no splits; they are drawn by class and group."
    return SourceDescription(
        listing.provenance,
        task=listing.task,
        cases={name: int((splits == name).sum()) for name in names},
        counts={
            name: dict(zip(listing.class_names, hot[splits == name].sum(axis=0).tolist()))
            for name in names
        },
        groups=None
        if listing.groups is None
        else group_numbers(
            listing.groups, splits, labels=listing.labels if listing.task.exclusive else None
        ),
        metadata={name: column_numbers(values) for name, values in listing.metadata.items()},
        headers=read_headers(listing.files, most=most_headers),
        left_out=_by_reason(listing.left_out),
        modalities=listing.modalities,
        notes=tuple(dict.fromkeys(filter(None, (*listing.notes, advice)))),
    )


def describe_cohorts(
    cohorts: Sequence[Cohort], *, listing: Listing | None = None
) -> SourceDescription:
    """Describe arrays, reading every image once.

    Args:
        cohorts: the splits.
        listing: the files that the cohorts were decoded from, if any, for its notes and what it
            left out.
    """
    groups = metadata = None
    if all(cohort.groups is not None for cohort in cohorts):
        splits = np.concatenate([np.full(len(cohort), cohort.split) for cohort in cohorts])
        labels = (
            np.concatenate([cohort.labels for cohort in cohorts])
            if cohorts[0].task.exclusive
            else None
        )
        groups = group_numbers(
            np.concatenate([np.asarray(cohort.groups).astype(str) for cohort in cohorts]),
            splits,
            labels=labels,
        )
    names = [
        name for name in cohorts[0].metadata if all(name in cohort.metadata for cohort in cohorts)
    ]
    metadata = {
        name: column_numbers(np.concatenate([cohort.metadata[name] for cohort in cohorts]))
        for name in names
    }
    return SourceDescription(
        cohorts[0].provenance,
        task=cohorts[0].task,
        cases={cohort.split: len(cohort) for cohort in cohorts},
        counts={cohort.split: cohort.class_counts() for cohort in cohorts},
        groups=groups,
        metadata=metadata,
        headers=None if listing is None else read_headers(listing.files),
        splits=tuple(describe_split(cohort) for cohort in cohorts),
        left_out={} if listing is None else _by_reason(listing.left_out),
        notes=() if listing is None else listing.notes,
    )


def _by_reason(left_out: Sequence[LeftOut]) -> dict[str, tuple[str, ...]]:
    names: dict[str, list[str]] = defaultdict(list)
    for out in left_out:
        names[out.reason].append(out.name)
    return {reason: tuple(listed) for reason, listed in names.items()}


def _counts_line(split: str, cases: int, counts: Mapping[str, int], *, exclusive: bool) -> str:
    classes = ", ".join(f"{name} {n:,} ({n / max(1, cases):.1%})" for name, n in counts.items())
    fewest = min(counts.values())
    ratio = (
        f"; largest to smallest class {max(counts.values()) / fewest:.1f}"
        if fewest and exclusive
        else ""
    )
    return f"{split}: {cases:,} cases; {classes}{ratio}"


def _groups_line(groups: Mapping[str, Any] | None) -> str:
    if groups is None:
        return "groups: not known, so whether a patient is in two splits cannot be said"
    several = (
        f"; {groups['in_several_splits']:,} IN SEVERAL SPLITS (a leak)"
        if groups["in_several_splits"]
        else ""
    )
    mixed = groups.get("in_several_classes", [])
    classes = ""
    if mixed:
        more = f" and {len(mixed) - _NAMED:,} more" if len(mixed) > _NAMED else ""
        classes = (
            f"; {len(mixed):,} with cases of several classes ({', '.join(mixed[:_NAMED])}{more})"
        )
    fewest = groups["fewest"]
    most = groups["most"]
    sizes = (
        f"{fewest:,} case{'s' * (fewest != 1)} each"
        if fewest == most
        else f"{fewest:,} to {most:,} cases (median {groups['median']:g})"
    )
    return f"groups: {groups['groups']:,} with {sizes}{several}{classes}"


def _column_line(name: str, column: Mapping[str, Any]) -> str:
    missing = f"; missing {column['missing']:,}" if column["missing"] else ""
    if "values" not in column:
        return (
            f"column {name}: {column['minimum']:g} to {column['maximum']:g} (median "
            f"{column['median']:g}){missing}"
        )
    shown = ", ".join(f"{value} {n:,}" for value, n in column["values"].items())
    more = column["distinct"] - len(column["values"])
    return f"column {name}: {shown}{f' and {more:,} other values' if more else ''}{missing}"
