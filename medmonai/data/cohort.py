"""The common form of every source of cases: an array of images, and what is known about each
row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from typing import Any

import numpy as np

from medmonai.notebook import Card, InNotebook, one_line
from medmonai.task import Task

from .case_columns import (
    as_column,
    as_mask,
    check_case_ids,
    check_covariates,
    check_finite_pixels,
    check_images,
)
from .image_place import ImagePlace, check_places
from .thumbnails import one_of_each, thumbnail

MOST_THUMBNAILS = 8


@dataclass(frozen=True, repr=False)
class Provenance(InNotebook):
    """Where a data set comes from, its license, and its known issues.

    Args:
        name: name of the set, for example "pneumoniamnist".
        version: version of the set or of the recipe that made it.
        licence: license of the images, as the source states it.
        citation: papers to cite.
        source: URL, or a description of how the images were made.
        checksum: algorithm and digest of the file, for example "md5:28209eda..."; "" if it was not
            verified.
        known_issues: one sentence for each problem with the set as published; shown when the set is
            loaded and included in reports.
        facts: one sentence for each fact about these images or step applied to them: resampled,
            left out, grouped, subsampled.
    """

    name: str
    _: KW_ONLY
    version: str = ""
    licence: str = ""
    citation: str = ""
    source: str = ""
    checksum: str = ""
    known_issues: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values."""
        return {**asdict(self), "known_issues": list(self.known_issues), "facts": list(self.facts)}

    def __repr__(self) -> str:
        issues = len(self.known_issues)
        said = [
            one_line(self.name) + (f" {one_line(self.version)}" if self.version else ""),
            one_line(self.licence, 60),
            f"{issues} known issue{'s' * (issues > 1)}" if issues else "",
        ]
        return f"Provenance({', '.join(filter(None, said))})"

    def _card(self) -> Card:
        said = {name: value for name, value in asdict(self).items() if isinstance(value, str)}
        return Card(f"Provenance of {self.name}", said, notes=(*self.known_issues, *self.facts))


@dataclass(frozen=True, eq=False)
class Cohort(InNotebook):
    """Cases of one split: images, labels, ids and provenance. It is a map-style torch dataset
    (`len`, `cohort[i]`).

    The constructor checks once that every Cohort has matching lengths, unique ids, labels that fit
    the task, and finite pixels. It never copies the images; a memmap stays on disk. MONAI keeps a
    list of dictionaries with file names, which must be decoded and checked case by case during
    training.

    Args:
        images: (N, C, *spatial) with two or three spatial axes; uint8, int16 or float32; array or
            memmap.
        labels: integers, (N,) or, if multilabel, (N, L); stored as int64.
        ids: (N,) distinct strings.
        task: what is predicted.
        class_names: one name per class (or label), in the order of the labels.
        provenance: where the images come from.
        split: "train", "val", "test" or another name.
        groups: (N,) patient or lesion of each case, or None if not known.
        metadata: further columns, name -> (N,) str (sex, age, site); "" where a value is missing.
        places: (N,) where each volume's grid lies in the space of its file, or None if not known.
        covariates: (N, values) or, for the members of an ensemble, (N, members, values): what a
            network sees beside the images, see `medmonai.data.with_covariates`; stored as float32.

    Raises:
        TypeError: images, ids, groups or a metadata column with a dtype that is not allowed.
        ValueError: no cases, wrong or different lengths, duplicate ids, labels outside the task, or
            NaN or infinite pixels.

    Example:
        >>> cohort = Cohort(
        ...     np.zeros((2, 1, 4, 4), np.uint8),
        ...     labels=[0, 1],
        ...     ids=["a", "b"],
        ...     task=Task("binary", 2),
        ...     class_names=("normal", "lesion"),
        ...     provenance=Provenance("example"),
        ...     split="train",
        ... )
        >>> len(cohort), cohort.spatial_size, cohort.class_counts()
        (2, (4, 4), {'normal': 1, 'lesion': 1})
    """

    images: np.ndarray
    _: KW_ONLY
    labels: np.ndarray
    ids: np.ndarray
    task: Task
    class_names: tuple[str, ...]
    provenance: Provenance
    split: str
    groups: np.ndarray | None = None
    metadata: Mapping[str, np.ndarray] = field(default_factory=dict)
    places: tuple[ImagePlace, ...] | None = None
    covariates: np.ndarray | None = None

    def __post_init__(self) -> None:
        check_images(self.images)
        keep = object.__setattr__  # the way a frozen dataclass sets its own fields
        keep(self, "ids", check_case_ids(self.ids, len(self.images)))
        keep(self, "labels", self.task.check_labels(self.labels))
        keep(self, "class_names", _check_class_names(self.class_names, self.task))
        if self.groups is not None:
            keep(self, "groups", as_column(self.groups, "groups", "biuU"))
        keep(
            self,
            "metadata",
            {
                name: as_column(values, f"metadata {name!r}", "U")
                for name, values in self.metadata.items()
            },
        )
        for name, values in (
            ("labels", self.labels),
            ("groups", self.groups),
            *self.metadata.items(),
        ):
            if values is not None and len(values) != len(self.images):
                raise ValueError(
                    f"{name} hold {len(values)} rows and images {len(self.images)}; give one an "
                    "image."
                )
        keep(self, "places", check_places(self.places, len(self.images)))
        keep(self, "covariates", check_covariates(self.covariates, len(self.images)))
        check_finite_pixels(self.images, self.ids)

    @property
    def in_channels(self) -> int:
        """Number of channels of an image."""
        return int(self.images.shape[1])

    @property
    def spatial_size(self) -> tuple[int, ...]:
        """Number of voxels along each spatial axis."""
        return tuple(int(n) for n in self.images.shape[2:])

    @property
    def spatial_dims(self) -> int:
        """2 for images, 3 for volumes."""
        return self.images.ndim - 2

    def class_counts(self) -> dict[str, int]:
        """Return the number of cases of each class; for a multilabel task, the positives of each
        label.
        """
        return dict(zip(self.class_names, self.task.one_hot(self.labels).sum(axis=0).tolist()))

    def require_every_class(self) -> None:
        """Raise if a class has no cases, or a label of a multilabel task has no positives or no
        negatives.

        Raises:
            ValueError: a class is missing; the message names the split, the missing classes and the
                counts.
        """
        counts = self.class_counts()
        full = len(self) if not self.task.exclusive else len(self) + 1
        missing = [name for name, n in counts.items() if n in (0, full)]
        if missing:
            kind = "class" if self.task.exclusive else "positive or no negative case of label"
            raise ValueError(
                f"{self.provenance.name} {self.split}: no {kind} "
                f"{', '.join(map(repr, missing))} among its {len(self)} cases (counts: {counts}); "
                "check the labels or draw the split again."
            )

    def subset(self, indices: Sequence[int] | np.ndarray) -> Cohort:
        """Return the cases at the given indices (or where a boolean mask is true), in that order.

        A run of consecutive cases stays a view of the images, on disk if they are on disk; any
        other selection copies its images.

        Raises:
            IndexError: an index outside the cohort.
            TypeError: indices that are neither integers nor a mask.
            ValueError: no indices, or an index that occurs twice.
        """
        chosen = np.asarray(indices)
        if chosen.dtype == bool:
            chosen = np.flatnonzero(as_mask(chosen, len(self)))
        if chosen.size and chosen.dtype.kind not in "iu":
            raise TypeError(
                f"indices have dtype {chosen.dtype}; whole numbers or a boolean mask are needed."
            )
        # wraps negative indices, checks the range
        chosen = np.arange(len(self))[chosen.astype(np.int64)]
        run = chosen.size > 0 and np.array_equal(
            chosen, np.arange(chosen[0], chosen[0] + chosen.size)
        )
        images = self.images[chosen[0] : chosen[-1] + 1] if run else self.images[chosen]
        groups = None if self.groups is None else self.groups[chosen]
        metadata = {name: values[chosen] for name, values in self.metadata.items()}
        places = None if self.places is None else tuple(self.places[row] for row in chosen)
        return replace(
            self,
            images=images,
            labels=self.labels[chosen],
            ids=self.ids[chosen],
            groups=groups,
            metadata=metadata,
            places=places,
            covariates=None if self.covariates is None else self.covariates[chosen],
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one case: its image (C, *spatial) in the dtype it is stored in, label (int64) and
        id.
        """
        import torch  # imported here: describing a source does not need it

        label = torch.as_tensor(np.array(self.labels[index]))
        return {
            "image": torch.from_numpy(np.array(self.images[index])),
            "label": label,
            "id": str(self.ids[index]),
        }

    def __repr__(self) -> str:
        return one_line(
            f"Cohort({self.provenance.name} {self.split}: {len(self)} cases, {self.in_channels} x "
            f"{self.spatial_size} {self.images.dtype}, {self.task.kind} {self.class_counts()})",
            most=500,
        )

    def _card(self) -> Card:
        hot = self.task.one_hot(self.labels)
        rows = one_of_each(hot, MOST_THUMBNAILS)
        captions = {
            row: ", ".join(name for name, on in zip(self.class_names, hot[row]) if on) or "none"
            for row in rows
        }
        groups = None if self.groups is None else len(np.unique(self.groups))
        facts = {
            "images": f"{len(self)} x {self.in_channels} x {self.spatial_size} {self.images.dtype}",
            "task": self.task.kind,
            "groups": groups,
            "metadata": ", ".join(self.metadata),
            "licence": self.provenance.licence,
        }
        return Card(
            f"{self.provenance.name}, {self.split}: {len(self)} cases",
            facts,
            header=("class", "cases"),
            rows=list(self.class_counts().items()),
            pictures=[(captions[row], thumbnail(np.asarray(self.images[row]))) for row in rows],
            notes=self.provenance.known_issues,
        )


def _check_class_names(names: Sequence[str], task: Task) -> tuple[str, ...]:
    names = (names,) if isinstance(names, str) else tuple(names)
    named = all(isinstance(name, str) and name for name in names)
    if len(names) != task.num_classes or len(set(names)) != len(names) or not named:
        raise ValueError(
            f"class_names={names!r}; this {task.kind} task needs {task.num_classes} different "
            "names."
        )
    return names
