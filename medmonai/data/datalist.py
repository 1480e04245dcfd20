"""The cases of a source of image files before any is decoded: one row per case."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path

import numpy as np

from medmonai.notebook import Card, InNotebook, one_line
from medmonai.task import Task

from .case_columns import check_case_ids
from .case_files import CaseFiles, channel_files
from .cohort import Provenance
from .options import Options

logger = logging.getLogger("medmonai.data")
SPLITS = ("train", "val", "test")
MOST_LEFT_OUT = 5  # shown in a notebook


@dataclass(frozen=True)
class LeftOut:
    """A file or row that is not a case, and why.

    Args:
        name: path inside the source, or row of a table; never an absolute path.
        reason: one line.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class About(Options):
    """What reports say about a data set besides its name.

    Args:
        licence: license of the images.
        citation: papers to cite.
        known_issues: one sentence for each known problem of the data set.
    """

    licence: str = ""
    citation: str = ""
    known_issues: Sequence[str] = ()

    def provenance(self, name: str, source: str) -> Provenance:
        """Return the provenance of a data set with this name, from this kind of source."""
        return Provenance(
            name,
            licence=self.licence,
            citation=self.citation,
            source=source,
            known_issues=tuple(self.known_issues),
        )


@dataclass(frozen=True, eq=False)
class Listing(InNotebook):
    """Cases of a source that are still files: the path of each image and everything known about it.

    `list_class_folders` and `list_image_table` make one, `split_listing` says which split a case
    belongs to, and `load_listing` decodes it into Cohorts. MONAI's data lists are dictionaries with
    a path and a label; they have no place for groups, splits and omitted files.

    Args:
        files: one per case: an image file, the folder of a DICOM series, or a tuple of them with
            one for each of the `modalities`, None where it is missing.
        ids: (N,) distinct strings: the path inside the source, so that an id leads back to its
            file.
        labels: integers, (N,) or, if multilabel, (N, L).
        task: what is predicted.
        class_names: one name per class or label, in the order of the labels.
        provenance: where the files come from.
        groups: (N,) patient or lesion of each case as str, or None if not known.
        splits: (N,) "train", "val" or "test" of each case, or None if not assigned yet.
        metadata: further columns, name -> (N,) str (sex, age, site); "" where a value is missing.
        left_out: files or rows of the source that are not cases.
        notes: one sentence for each thing that a reader of a result should know.
        modalities: name of each channel, if it is a file of its own.
        planned: id -> split of all cases that `split_listing` divided, including cases left out
            later because they could not be read.

    Raises:
        TypeError: ids, groups or a metadata column with a dtype that is not allowed.
        ValueError: no cases, columns of different lengths, duplicate ids, labels outside the task,
            or an unknown split.
    """

    files: tuple[CaseFiles, ...]
    _: KW_ONLY
    ids: np.ndarray
    labels: np.ndarray
    task: Task
    class_names: tuple[str, ...]
    provenance: Provenance
    groups: np.ndarray | None = None
    splits: np.ndarray | None = None
    metadata: Mapping[str, np.ndarray] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    planned: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keep = object.__setattr__  # the way a frozen dataclass sets its own fields
        if len(self.files) == 0:
            raise ValueError(
                f"{self.provenance.name} holds no case; {len(self.left_out)} were left out."
            )
        keep(self, "files", tuple(self.files))
        keep(self, "ids", check_case_ids(self.ids, len(self.files)))
        keep(self, "labels", self.task.check_labels(self.labels))
        self._check_modalities()
        columns = {
            "labels": self.labels,
            "groups": self.groups,
            "splits": self.splits,
            **self.metadata,
        }
        for name, values in columns.items():
            if values is not None and len(values) != len(self.files):
                raise ValueError(
                    f"{name} hold {len(values)} rows and files {len(self.files)}; give one per "
                    "file."
                )
        unknown = (
            set() if self.splits is None else set(np.unique(self.splits).tolist()) - set(SPLITS)
        )
        if unknown:
            raise ValueError(f"splits hold {sorted(unknown)}; {', '.join(SPLITS)} are allowed.")

    def _check_modalities(self) -> None:
        wanted = len(self.modalities) or 1
        for case, name in zip(self.files, self.ids):
            held = channel_files(case)
            if len(held) != wanted or not any(held):
                raise ValueError(
                    f"case {str(name)!r} has the files {[file and file.name for file in held]}; "
                    f"{wanted} are needed, one for each of modalities={list(self.modalities)}, and "
                    "None for those that are missing, but not for all."
                )

    def __len__(self) -> int:
        return len(self.files)

    def subset(self, rows: Sequence[int] | np.ndarray) -> Listing:
        """Return the cases at the given rows (or where a boolean mask is true), in that order."""
        chosen = np.asarray(rows)
        chosen = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        pick = {
            name: None if (values := getattr(self, name)) is None else values[chosen]
            for name in ("ids", "labels", "groups", "splits")
        }
        metadata = {name: values[chosen] for name, values in self.metadata.items()}
        return replace(
            self, files=tuple(self.files[row] for row in chosen), metadata=metadata, **pick
        )

    def __repr__(self) -> str:
        cases = (
            []
            if self.splits is None
            else [f"{split} {int((self.splits == split).sum())}" for split in SPLITS]
        )
        places = "".join(f", {part}" for part in cases)
        return one_line(
            f"Listing({self.provenance.name}: {len(self)} cases, "
            f"{len(self.class_names)} classes{places})"
        )

    def _card(self) -> Card:
        hot = self.task.one_hot(self.labels)
        columns = {"cases": np.ones(len(self), dtype=bool)}
        if self.splits is not None:
            columns |= {split: self.splits == split for split in SPLITS}
        groups = None if self.groups is None else len(np.unique(self.groups))
        left_out = [f"left out: {one.name}: {one.reason}" for one in self.left_out[:MOST_LEFT_OUT]]
        if len(self.left_out) > MOST_LEFT_OUT:
            left_out.append(f"... and {len(self.left_out) - MOST_LEFT_OUT} more left out")
        return Card(
            f"{self.provenance.name}: {len(self)} files",
            {"task": self.task.kind, "groups": groups, "metadata": ", ".join(self.metadata)},
            header=("class", *columns),
            rows=[
                (name, *(int(one[rows].sum()) for rows in columns.values()))
                for name, one in zip(self.class_names, hot.T)
            ],
            notes=(*self.notes, *left_out),
        )


def logged_notes(name: str, notes: Sequence[str]) -> tuple[str, ...]:
    """Return the nonempty notes about a source, after logging each as a warning."""
    kept = tuple(filter(None, notes))
    for note in kept:
        logger.warning("%s: %s", name, note)
    return kept


def in_dataset_dir(dataset_dir: str | Path | None, name: str = "") -> Path:
    """Return the folder of a set, or a file in it; bundles check their `dataset_dir` with this.

    Raises:
        FileNotFoundError: no folder is given, or it does not contain the file.
    """
    wanted = name or "the images"
    if not dataset_dir:
        raise FileNotFoundError(
            f"dataset_dir is not given; name the folder that holds {wanted}: --dataset_dir DIR."
        )
    path = Path(dataset_dir).expanduser() / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; --dataset_dir has to name the folder that holds {wanted}."
        )
    return path
