"""Groups that a set lacks: read from a table and used to correct its splits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from medmonai.data.class_names import is_blank
from medmonai.data.cohort import Cohort
from medmonai.data.datalist import SPLITS
from medmonai.tables import read_text_table


def with_known_groups(cohort: Cohort, table: str | Path | None) -> Cohort:
    """Return a split with the groups of a table, without the cases whose group is in an earlier
    split.

    Use this for sets whose published splits divide patients or lesions: 641 lesions of DermaMNIST
    are in both train and test. The training split stays complete. Val loses the cases that share a
    group with train; test loses those that share one with train or val.

    Args:
        cohort: one split of a set whose ids are NAME-SPLIT-NUMBER, as `load_medmnist` makes them.
        table: a table with the columns `id` and `group` and a row for every case of all splits;
            None returns the cohort unchanged.

    Raises:
        FileNotFoundError: no such table.
        ValueError: a column or an id is missing, an id occurs twice, or no case is left.
    """
    if table is None:
        return cohort
    read = read_text_table(table, wanted=("id", "group"))
    ids = np.array(read.column("id", "column"))
    groups = np.array(read.identifiers("group", "column"))
    known = dict(zip(ids.tolist(), groups.tolist()))
    if len(known) < len(ids):
        names, counts = np.unique(ids, return_counts=True)
        raise ValueError(
            f"{read.name}: id {str(names[counts.argmax()])!r} occurs {counts.max()} times; give a "
            "case one row."
        )
    without = [name for name in cohort.ids.tolist() if is_blank(known.get(name, ""))]
    if without:
        raise ValueError(
            f"{read.name}: {len(without)} of {len(cohort)} cases of {cohort.split} have no group, "
            f"first {without[0]!r}; give every case one (ids are those of predictions tables, such "
            f"as {cohort.ids[0]})."
        )
    own = np.array([known[name] for name in cohort.ids.tolist()])
    earlier = tuple(
        f"{cohort.provenance.name}-{split}-" for split in SPLITS[: SPLITS.index(cohort.split)]
    )
    seen = {group for name, group in known.items() if earlier and name.startswith(earlier)}
    kept = np.array([group not in seen for group in own.tolist()])
    if not kept.any():
        raise ValueError(
            f"{read.name}: every case of {cohort.split} shares its group with an earlier split; "
            "nothing is left."
        )
    note = f"Groups of {cohort.split}: taken from {read.name}."
    if not kept.all():
        note += (
            f" {int((~kept).sum())} of {len(kept)} cases share theirs with an earlier split and "
            "were left out."
        )
    provenance = replace(cohort.provenance, facts=(*cohort.provenance.facts, note))
    grouped = replace(cohort, groups=own, provenance=provenance)
    return grouped if kept.all() else grouped.subset(kept)
