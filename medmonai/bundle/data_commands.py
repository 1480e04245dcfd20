"""`python -m medmonai data describe` and `data check`: from what a person names to lines, JSON and
figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.data import Audit, Cohort, audit_cohorts, dataset_names, write_audit
from medmonai.data.datalist import Listing
from medmonai.data.decoding import preview_cohort
from medmonai.data.describe import (
    SourceDescription,
    decoded,
    describe_cohorts,
    describe_listing,
    open_source,
)
from medmonai.visualize import (
    image_sizes_figure,
    label_distribution_figure,
    samples_figure,
    save_figure,
)

from .places import find_bundle

_CHECKED_SIZE = 128  # voxels along an axis at which images are compared


def describe_source(
    source: str,
    options: Mapping[str, Any] | None = None,
    *,
    output: str | Path | None = None,
    most_headers: int = 1000,
) -> SourceDescription:
    """Describe a source: cases, classes, splits, sizes.

    With `output`, describe.json, figures/labels, figures/samples and, if sizes differ,
    figures/sizes are written there. Files are not decoded: sizes and modes come from at most
    `most_headers` headers, and the figure shows a few cases of each class. Nothing that is written
    names a folder of this machine or a patient. The figures hold images.

    Args:
        source: a MedMNIST name, a bundle, a folder of class folders, or a CSV or TSV file.
        options: ids of a bundle's config, else see `medmonai.data.describe.source.open_source`.
        output: a folder, made if missing; an earlier description in it is overwritten.
        most_headers: files whose header is read.

    Raises:
        FileNotFoundError: no such source.
        ValueError: an option that the source does not take, or data that it refuses.
    """
    opened = _opened(source, options or {})
    described = (
        describe_listing(opened, most_headers=most_headers)
        if isinstance(opened, Listing)
        else describe_cohorts(opened)
    )
    if output is None:
        return described
    headers = described.headers
    totals = None
    if isinstance(opened, list):
        shown = opened[0]
    else:
        assert headers is not None  # a listing of files is described by their headers
        shown = preview_cohort(opened, headers)
        totals = {
            name: sum(counts[name] for counts in described.counts.values())
            for name in opened.class_names
        }
    figures = {
        "samples": samples_figure(shown, cases=totals),
        "labels": label_distribution_figure(described.counts, cases=described.cases),
    }
    if headers is not None and len(np.unique(headers.sizes, axis=0)) > 1:
        figures["sizes"] = image_sizes_figure(headers.sizes)
    folder = Path(output)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        save_figure(figure, folder / "figures" / name, overwrite=True)
    write_json(described.as_dict(), folder / "describe.json")
    return described


def check_source(
    source: str, options: Mapping[str, Any] | None = None, *, output: str | Path | None = None
) -> Audit:
    """Audit the splits of a source, see `audit_cohorts`; with `output` also write the audit as JSON
    and its pairs as CSV.

    Files are decoded at 128 voxels along each axis ("check_size"), those of a bundle as the bundle
    decodes them. A source without splits is audited as a whole, for duplicates within it. The notes
    hold what was noticed while the files were read, such as 8 and 16 bits under one range of gray
    values.

    Args:
        source: see `describe_source`.
        options: the same; for files also "check_size", "intensity_range" as in `ImageForm`, and
            "skip_unreadable" and "cache_dir" as in `load_listing`.
        output: a JSON file; the CSV lies beside it under the same name.

    Raises:
        FileNotFoundError, ValueError: see `describe_source`.
    """
    cohorts = _cohorts(source, dict(options or {}))
    facts = dict.fromkeys(fact for cohort in cohorts for fact in cohort.provenance.facts)
    audit = replace(audit_cohorts(cohorts), notes=tuple(facts))
    if output is not None:
        write_audit(audit, output)
    return audit


def _opened(source: str, options: Mapping[str, Any]) -> Listing | list[Cohort]:
    if _is_bundle(source):
        # here: it needs MONAI, other sources do not
        from .cohorts import bundle_cohorts, bundle_listing
        from .overrides import split_overrides

        split_overrides(source, options)
        listing = bundle_listing(source, options)
        return bundle_cohorts(source, options) if listing is None else listing
    return open_source(source, options)


def _cohorts(source: str, options: dict[str, Any]) -> list[Cohort]:
    if _is_bundle(source):
        from .cohorts import bundle_cohorts
        from .overrides import split_overrides

        split_overrides(source, options)
        return bundle_cohorts(source, options)
    how = {
        name: options.pop(name)
        for name in ("check_size", "intensity_range", "skip_unreadable", "cache_dir")
        if name in options
    }
    opened = open_source(source, options)
    if isinstance(opened, list):
        return opened
    return decoded(opened, size=how.pop("check_size", _CHECKED_SIZE), **how)


def _is_bundle(source: str) -> bool:
    """Whether a source is a bundle; a name that is a MedMNIST set's too is the set."""
    named = Path(source).exists() or source not in dataset_names()
    return named and (find_bundle(source) / "configs" / "train.json").is_file()
