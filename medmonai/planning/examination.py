"""What is wrong with the images themselves: copies, leaks, blank images; found before training."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from medmonai.data.audit import Audit, audit_cohorts
from medmonai.data.audit.audit import CONFLICTS, COPIES, EXACT, TURNED
from medmonai.data.cohort import Cohort
from medmonai.data.datalist import Listing
from medmonai.data.decoding import SourceCohorts, load_listing
from medmonai.data.duplicates import Finding
from medmonai.data.image_form import ImageForm

from .arrangement import equal_channels, slices_line, slices_of_series
from .look import Look
from .rules import form_choice

# Voxels of the files up to which they are decoded for this: about half a minute on two cores.
_MOST = {2: 1_500_000_000, 3: 300_000_000}
_MOST_CASES = 20_000
_SIZE = {2: 64, 3: 32}  # voxels of the longer side; copies are compared on 28
_COPIES = (EXACT, COPIES, TURNED)
_MOST_CONFLICTS = 0.1  # share of the cases whose copy has another label
_MOST_BLANK = 0.5  # share of the cases of a class


def examined(seen: Look) -> Look:
    """Decode all images at a small size and look for copies, leaks and blank images.

    Sources that would take longer than about half a minute are not examined here: their images are
    compared when they have been decoded for training, and that stops where the splits leak.

    Args:
        seen: the look at the source.

    Returns:
        The look with what was found (`checks`), and with `units`: cases with the same number have
        the same patient, or are copies.

    Raises:
        ValueError: images that cannot be read, given splits that share images or patients, images
            that lie in several classes, or a class of blank images.
    """
    decoded = None if seen.listing is None else _decoded(seen, seen.listing)
    cohorts = seen.cohorts if decoded is None else tuple(decoded.values())
    if not cohorts or sum(map(len, cohorts)) > _MOST_CASES:
        later = (
            "copies: not looked for yet, there are many images; training looks for them when all "
            "are decoded, and stops where the splits share images"
        )
        return replace(seen, checks=(later,))
    audit = audit_cohorts(cohorts)
    _refuse_conflicts(audit, cohorts)
    _refuse_leaks(audit)
    _refuse_blank(audit, cohorts)
    lines = _lines(audit)
    if seen.listing is None or decoded is None:
        return replace(seen, checks=tuple(lines))
    series = slices_of_series(seen.listing, seen.spatial_dims)
    lines += [*slices_line(series, seen.listing), *_of_files(seen, decoded)]
    return replace(seen, checks=tuple(lines), units=_units(seen.listing, audit, series))


def _of_files(seen: Look, decoded: SourceCohorts) -> list[str]:
    """Return what the files leave open or state twice, and channels that are the same."""
    kinds = decoded.record.kinds
    colored = sum(n for kind, n in kinds.items() if kind.colour)
    lines = [f"warning: {said.rstrip('.')}" for said in decoded.record.warnings()]
    if colored and not seen.in_color:
        hold = "" if seen.spatial_dims == 3 else ", as those that were looked at hold no colors"
        lines.append(
            f"colors: {colored:,} of {kinds.total():,} images are stored in color and become gray"
            f"{hold}"
        )
    if len(seen.levels) > 1:
        names = {number: level.channel for number, level in enumerate(seen.levels)}
        lines += equal_channels(np.concatenate([one.images for one in decoded.values()]), names)
    return lines


def _decoded(seen: Look, listing: Listing) -> SourceCohorts | None:
    """Return the images at a small size; None where there are too many."""
    voxels = len(listing) * float(np.prod(seen.size)) * seen.in_channels
    if voxels > _MOST[seen.spatial_dims] or len(listing) > _MOST_CASES:
        return None
    scale = min(1.0, _SIZE[seen.spatial_dims] / max(seen.size))
    levels, _ = form_choice(seen)
    form = ImageForm(
        tuple(max(1, round(n * scale)) for n in seen.size), in_channels=seen.in_channels, **levels
    )
    # Training and validation are divided again: only copies in the test split are leaks.
    whole = np.full(len(listing), "train") if listing.splits is None else listing.splits
    listing = replace(listing, splits=np.where(whole == "test", "test", "train"))
    with tempfile.TemporaryDirectory(prefix="medmonai-look-") as folder:
        loaded = load_listing(
            listing,
            form,
            cache_dir=folder,
            skip_unreadable=bool(seen.decoding.get("skip_unreadable", False)),
        )
        in_memory = {
            split: replace(one, images=np.array(one.images)) for split, one in loaded.items()
        }
        return replace(loaded, cohorts=in_memory)


def _refuse_leaks(audit: Audit) -> None:
    if audit.leaks and not audit.official:
        first = "; ".join(
            " = ".join(case.id for case in leak.examples[0][:2])
            for leak in audit.leaks
            if leak.examples
        )
        raise ValueError(
            f"{audit.name}: {audit.verdict} (first: {first}); take these cases out of one of the "
            "splits, or leave the split out and let fit divide the cases."
        )


def _refuse_conflicts(audit: Audit, cohorts: Sequence[Cohort]) -> None:
    twins = audit.finding(CONFLICTS)
    total = sum(map(len, cohorts))
    if twins.cases > _MOST_CONFLICTS * total:
        raise ValueError(
            f"{audit.name}: {twins.cases} of {total} images are the same as an image of another "
            f"class (first: {_pair(twins)}); one folder may be a copy of another. Keep each image "
            "in the class that it belongs to."
        )


def _refuse_blank(audit: Audit, cohorts: Sequence[Cohort]) -> None:
    blank = {
        case.id for entry in audit.finding("constant images").every() for case in entry["cases"]
    }
    if not blank:
        return
    task = cohorts[0].task
    hot = np.concatenate([task.one_hot(cohort.labels) for cohort in cohorts]).astype(bool)
    empty = np.isin(np.concatenate([cohort.ids for cohort in cohorts]), list(blank))
    for name, rows in zip(cohorts[0].class_names, hot.T):
        if rows.any() and empty[rows].mean() > _MOST_BLANK:
            raise ValueError(
                f"{audit.name}: {np.count_nonzero(empty[rows])} of {np.count_nonzero(rows)} images "
                f"of {name!r} hold a single gray value (first: {min(blank)}); they may be damaged, "
                "or masks. Replace them or leave them out."
            )


def _copies(audit: Audit) -> list[Finding]:
    """Return the findings on copies; turned ones are not looked for in volumes."""
    return [finding for finding in audit.findings if finding.kind in _COPIES]


def _units(listing: Listing, audit: Audit, series: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the number of the patient, series or set of copies that each case belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    row_of = {str(case): row for row, case in enumerate(listing.ids)}
    pairs = [(row, row) for row in range(len(listing))]
    pairs += [(rows[0], row) for rows in series for row in rows]
    for finding in _copies(audit):
        for entry in finding.every():
            first, *others = (row_of[case.id] for case in entry["cases"])
            pairs += [(first, other) for other in others]
    if listing.groups is not None:
        first_of: dict[str, int] = {}
        pairs += [
            (first_of.setdefault(str(group), row), row) for row, group in enumerate(listing.groups)
        ]
    ends = np.array(pairs).T
    graph = coo_matrix((np.ones(len(pairs)), ends), shape=(len(listing), len(listing)))
    return connected_components(graph, directed=False)[1]


def _lines(audit: Audit) -> list[str]:
    copied = _copies(audit)
    copies = len({case for finding in copied for one in finding.every() for case in one["cases"]})
    lines = []
    if not copies:
        lines.append("copies: none among all images")
    else:
        kinds = ", ".join(f"{one.kind} {one.count}" for one in copied if one.count)
        first = next(one for one in copied if one.count)
        kept = "" if audit.leaks else "; copies stay in one fold"
        lines.append(f"copies: {copies} images have one ({kinds}; first: {_pair(first)}){kept}")
    if audit.leaks:
        lines.append(f"warning: {audit.verdict}; these are the official splits")
    conflicts = audit.finding(CONFLICTS)
    if conflicts.count:
        lines.append(
            f"warning: {conflicts.cases} images are the same as an image of another class (first: "
            f"{_pair(conflicts)}); one of the labels is wrong"
        )
    for kind, what in (
        ("constant images", "hold a single gray value"),
        ("images of low contrast", "have hardly any contrast"),
    ):
        one = audit.finding(kind)
        if one.count:
            is_one = one.count == 1
            words = what.replace("hold", "holds").replace("have", "has") if is_one else what
            lines.append(
                f"warning: {one.count} image{'s' * (not is_one)} {words} (first: "
                f"{one.examples[0][0].id})"
            )
    return lines


def _pair(finding: Finding) -> str:
    cases = finding.examples[0]
    other = next((case for case in cases[1:] if case.label != cases[0].label), cases[1])
    return f"{cases[0].id} = {other.id}"
