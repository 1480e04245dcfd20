"""What a plan is made from: the source as it is described, and gray values of a sample of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.cohort import Cohort
from medmonai.data.containers import by_name
from medmonai.data.datalist import Listing
from medmonai.data.describe import (
    SourceDescription,
    completed_options,
    describe_cohorts,
    describe_listing,
    open_source,
    require_switch,
)
from medmonai.task import Task

from .arrangement import doubtful_field, several_in_a_folder, single_slices
from .evidence import Evidence, doubtful_classes, evidence, mixed_bits, one_label_each
from .grey_levels import (
    GreyLevels,
    channel_names,
    levels_lines,
    levels_of,
    none_readable,
    require_one_count,
    sample_case,
)
from .machine import Machine, this_machine

DECODING = ("skip_unreadable", "cache_dir")
SAMPLE = 60  # files that are decoded for the look


@dataclass(frozen=True, eq=False)
class Look:
    """The data and the machine in the numbers that the rules of a plan read.

    Args:
        source: as it was named: a folder, a table, a MedMNIST name.
        options: of the source, see `medmonai.data.describe.open_source`.
        description: counts, groups, columns, sizes, notes.
        listing: of image files; None of a MedMNIST set.
        spatial_dims: 2 or 3.
        in_channels: 1, 3 where an image is in color, or the channels of a case with its indicators
            of missing ones.
        size: median voxels along each axis.
        sizes: of the sampled files; None of a MedMNIST set.
        colored: whether images are in color: (False,), (True,) or both.
        spacing: median millimeters along each axis of the volumes that state them; None where
            fewer than all of the sample do.
        levels: gray values of the sampled training images, of each channel; one entry for gray
            images and for all colors together.
        decode_seconds: measured, of a file with all cores; 0 of a MedMNIST set.
        machine: cores, memory, GPU.
        spacings: of the sampled files, like `sizes`; () where `spacing` is None.
        evidence: what the headers of the files say; None of a MedMNIST set.
        cohorts: the splits of a MedMNIST set.
        checks: what the examination of the images found, see `medmonai.planning.examination`.
        decoding: options of the decoding of files: skip_unreadable, cache_dir.
        units: (N,) number of each case of the listing: cases with the same number have the same
            patient, or are copies; None before the examination.
    """

    source: str
    _: KW_ONLY
    options: Mapping[str, Any]
    description: SourceDescription
    listing: Listing | None
    spatial_dims: int
    in_channels: int
    size: tuple[int, ...]
    sizes: tuple[tuple[int, ...], ...] | None
    colored: tuple[bool, ...]
    spacing: tuple[float, ...] | None
    levels: tuple[GreyLevels, ...]
    decode_seconds: float
    machine: Machine
    spacings: tuple[tuple[float, ...], ...] = ()
    evidence: Evidence | None = None
    cohorts: tuple[Cohort, ...] = ()
    checks: tuple[str, ...] = ()
    decoding: Mapping[str, Any] = field(default_factory=dict)
    units: np.ndarray | None = None

    @property
    def cores(self) -> int:
        """CPU cores that this process may use."""
        return self.machine.cores

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self.description.task

    @property
    def training_cases(self) -> int:
        """Cases that are not set aside for a test that the source gives."""
        return sum(n for split, n in self.description.cases.items() if split != "test")

    @property
    def class_totals(self) -> dict[str, int]:
        """Class (label) -> its cases among those of `training_cases`."""
        totals: dict[str, int] = {}
        for split, counts in self.description.counts.items():
            for name, n in counts.items():
                totals[name] = totals.get(name, 0) + (n if split != "test" else 0)
        return totals

    @property
    def rarest(self) -> int:
        """Cases of the rarest class (label) among those of `training_cases`."""
        return min(self.class_totals.values())

    @property
    def given_splits(self) -> tuple[str, ...]:
        """Splits that the source gives: "train", "val", "test"; () where it gives none."""
        return tuple(split for split in ("train", "val", "test") if split in self.description.cases)

    @property
    def in_color(self) -> bool:
        """Whether the channels are colors."""
        return self.in_channels == 3 and len(self.levels) == 1 and True in self.colored

    @property
    def indicators(self) -> tuple[int, ...]:
        """The channels that a case lacks."""
        headers = self.description.headers
        return () if headers is None else headers.indicators

    @property
    def modality(self) -> str:
        """What the images are, as far as their headers and gray values say."""
        if self.evidence is None:
            return "as the set is described"
        return self.evidence.modality(
            spatial_dims=self.spatial_dims,
            colored=self.colored if self.in_color or self.spatial_dims == 3 else (False,),
            hounsfield=any(level.hounsfield for level in self.levels),
        )

    def lines(self) -> list[str]:
        """Return the look for a person to read, a name and what was seen on each line."""
        lines = [*self.description.lines(), f"channels: {self.in_channels}"]
        if self.spacing is not None:
            lines.append(f"spacing: median {' x '.join(f'{mm:.3g}' for mm in self.spacing)} mm")
        lines.append(f"modality: {self.modality}")
        lines += levels_lines(self.levels)
        lines += [] if self.evidence is None else self.evidence.lines()
        lines += mixed_bits(self.description.headers) if len(self.levels) == 1 else []
        lines += doubtful_classes(self.description.class_names)
        lines += doubtful_field(self.size, self.spacing)
        if self.listing is not None:
            lines += [*several_in_a_folder(self.listing), *one_label_each(self.listing)]
        headers = self.description.headers
        lines += [] if headers is None else single_slices(headers)
        return [*lines, *self.checks, f"machine: {self.machine.line()}"]


def look(source: str, options: Mapping[str, Any] | None = None, *, seed: int = 0) -> Look:
    """Look at a source: its description, and the gray values of at most 60 training images.

    Args:
        source: a folder of class folders, a table of images, an npz file, or a MedMNIST name.
        options: see `medmonai.data.describe.open_source`; for files also "skip_unreadable" and
            "cache_dir", see `medmonai.data.load_listing`.
        seed: of the sample.

    Raises:
        FileNotFoundError: no such source.
        ValueError: an option that the source does not take, data that it refuses, or 2D and 3D
            images mixed.
    """
    given = {name.replace("-", "_"): value for name, value in (options or {}).items()}
    decoding = {}
    if Path(source).expanduser().exists():
        decoding = {name: given.pop(name) for name in DECODING if name in given}
        require_switch("skip_unreadable", decoding.get("skip_unreadable", False))
    options, note = completed_options(source, given)
    opened = open_source(source, options)
    if note and isinstance(opened, Listing):
        opened = replace(opened, notes=(note, *opened.notes))
    if isinstance(opened, Listing):
        return replace(_look_at_files(source, options, opened, seed=seed), decoding=decoding)
    train = opened[0]
    sample = np.random.default_rng(seed).permutation(len(train))[:SAMPLE]
    values = np.asarray(train.images[np.sort(sample)])
    return Look(
        source,
        options=options,
        description=describe_cohorts(opened),
        listing=None,
        spatial_dims=len(train.spatial_size),
        in_channels=train.in_channels,
        size=tuple(train.spatial_size),
        sizes=None,
        colored=(train.in_channels == 3,),
        spacing=None,
        levels=(GreyLevels.of(values, eight_bits=values.dtype == np.uint8),),
        decode_seconds=0.0,
        cohorts=tuple(opened),
        machine=this_machine(),
    )


def _look_at_files(source: str, options: Mapping[str, Any], listing: Listing, *, seed: int) -> Look:
    # Whatever its size, a given validation split is divided again together with the training split.
    description = describe_listing(listing, advise=False)
    headers = description.headers
    assert headers is not None  # a listing of files is described by their headers
    if headers.other_axes:
        raise ValueError(
            f"{source} mixes images of {headers.spatial_dims} axes with {headers.other_axes} of "
            f"another number of axes ({', '.join(by_name(headers.kinds))}); a network takes one "
            "kind. Name a folder, or rows of a table, with one kind."
        )
    if not len(headers.sizes) or not headers.sizes.any():
        raise ValueError(f"none of the images of {source} can be read: {headers.unreadable[0]}")
    require_one_count(headers, source)
    rows = _training_rows(listing, source)
    rng = np.random.default_rng(seed)
    begun = time.perf_counter()
    names = channel_names(headers, listing.modalities)
    samples = [
        sample
        for row in rng.permutation(rows)[:SAMPLE]
        if (sample := sample_case(listing.files[row], headers, len(names), rng)) is not None
    ]
    seconds = (time.perf_counter() - begun) / max(len(samples), 1)
    if not samples:
        raise none_readable(listing.files[rows[0]], headers, source)
    spacings = [sample.spacing for sample in samples]
    known = all(spacing is not None for spacing in spacings) and headers.spatial_dims == 3
    machine = this_machine()
    # Gray pictures are often saved as RGB; a plan for colors would turn and tint them.
    as_gray = names == ("",) and not any(sample.colors_differ for sample in samples)
    return Look(
        source,
        options=options,
        description=description,
        listing=listing,
        spatial_dims=headers.spatial_dims,
        in_channels=1 if as_gray else headers.in_channels,
        sizes=tuple(sample.size for sample in samples),
        colored=tuple({*headers.colored, False}) if as_gray else headers.colored,
        size=tuple(int(n) for n in np.median([sample.size for sample in samples], axis=0)),
        spacing=tuple(np.median(np.array(spacings), axis=0).tolist()) if known else None,
        spacings=tuple(one for one in spacings if one is not None) if known else (),
        levels=levels_of(samples, names),
        decode_seconds=seconds / machine.cores,
        evidence=evidence(listing, seed=seed),
        machine=machine,
    )


def _training_rows(listing: Listing, source: str) -> np.ndarray:
    """Return the rows outside the test split."""
    if listing.splits is None:
        return np.arange(len(listing))
    rows = np.flatnonzero(listing.splits != "test")
    if not len(rows):
        raise ValueError(
            f"all {len(listing)} cases of {source} are in its test split, so nothing can be "
            "learned; add training cases, or give the cases without a split: fit then divides them."
        )
    return rows
