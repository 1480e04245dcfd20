"""Images in folders of classes: root/{train,val,test}/{CLASS}/* or root/{CLASS}/*."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medmonai.task import Task

from .class_names import check_classes, class_table, folded, in_split_order, spelling_note, split_of, task_of
from .cohort import Provenance
from .file_walk import find_images, is_hidden, sub_folders
from .groups import groups_by_pattern, groups_from_table
from .listing import LeftOut, Listing

logger = logging.getLogger("medmonai.data")


@dataclass
class _Found:
    """Cases as they are met: path inside the root, folder name of the class, split ("" if the folders give none)."""

    cases: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def list_class_folders(
    root: str | Path, *, name: str, class_names: Sequence[str] | Mapping[str, str] | None = None, task: Task | str = "auto",
    group_pattern: str | None = None, group_table: str | Path | None = None, licence: str = "", citation: str = "",
    known_issues: Sequence[str] = (),
) -> Listing:
    r"""List the images of a folder of classes, without opening them.

    The folders are `root/{train,val,test}/{CLASS}/*`, where val may be called valid or validation, or `root/{CLASS}/*`,
    which `split_listing` divides. Folders below CLASS are read too. torchvision's `ImageFolder` knows neither splits nor
    groups, and takes every folder for a class.

    - Images are PNG, JPEG, TIFF, NIfTI and DICOM files; a folder below CLASS that holds DICOM files only is one case.
    - An id is the path inside the root, so files of one name in two folders are two cases.
    - Folders whose names differ in case or spaces only ("Normal ", "NORMAL") are one class; a note says so.
    - Hidden files are passed over; other files, folders without an image, folders beside train, val and test, and links to
      folders that are read already are left out, each with its reason.

    Args:
        root: the folder.
        name: of the set, for reports.
        class_names: the classes in the order of their labels, as the folders are called, or folder -> name to show;
            default: the folders in alphabetical order. Class 1 is the positive class of a binary task.
        task: "auto" (binary for two classes, else multiclass), another kind, or a Task.
        group_pattern: regular expression that is searched in each file name (a series: the folder's name); its first
            group is the patient: `r"^(\d+)_"`, `r"^([^_]+)_"`, `r"(person\d+|IM-\d+)"`.
        group_table: a CSV with a header: id or file name, and a column `group` (else the second one).
        licence: of the images.
        citation: papers to cite.
        known_issues: one sentence each on what is known to be wrong with the set.

    Raises:
        FileNotFoundError: no such folder or table, or no image in it.
        ValueError: fewer than two classes, a folder that `class_names` lacks, a class without a case or in test only, a file
            name without the pattern, a case without a group in the table.

    Example:
        >>> list_class_folders("chest_xray", name="chest_xray", group_pattern=r"^([^_]+)_")  # doctest: +SKIP
        Listing(chest_xray: 256 cases, 2 classes, train 180, val 16, test 60)
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; give the one that holds train, val and test, or the classes.")
    found = _find(folder)
    if not found.cases:
        raise FileNotFoundError(f"{folder} holds no image in a folder of a class ({len(found.left_out)} other files or "
                                "folders); root/{train,val,test}/{CLASS}/* or root/{CLASS}/* is needed.")
    counts = Counter(class_folder for _, class_folder, _ in found.cases)
    names, table = class_table(counts, class_names)
    if len(names) < 2:
        raise ValueError(f"{name} holds one class, {names[0]!r}; two are needed: is its root the folder above?")
    paths, folders, splits = (np.array(column) for column in zip(*found.cases))
    labels = np.array([table[folded(class_folder)] for class_folder in folders.tolist()])
    splits = splits if splits[0] else None
    check_classes(name, labels, splits, names)
    if group_pattern is not None and group_table is not None:
        raise ValueError("group_pattern and group_table are both given; give one of them.")
    groups = None
    if group_pattern is not None:
        groups = groups_by_pattern(paths.tolist(), group_pattern)
    elif group_table is not None:
        groups = groups_from_table(paths.tolist(), _beside(folder, group_table))
    notes = [*found.notes, spelling_note(counts)]
    for note in filter(None, notes):
        logger.warning("%s: %s", name, note)
    provenance = Provenance(name, licence=licence, citation=citation, source="folders of classes",
                            known_issues=tuple(known_issues))
    listing = Listing(
        tuple(folder / path for path in paths.tolist()), ids=paths, labels=labels, task=task_of(task, len(names)),
        class_names=names, provenance=provenance, groups=groups, splits=splits, left_out=tuple(found.left_out),
        notes=tuple(filter(None, notes)),
    )
    return listing.subset(in_split_order(splits, paths))


def _find(root: Path) -> _Found:
    found, names = _Found(), sub_folders(root)
    splits = {name: split for name in names if (split := split_of(name))}
    if not splits:
        _find_classes(root, "", "", found)
        return found
    beside = [name for name in names if name not in splits]
    for name in beside:
        found.left_out.append(LeftOut(name, "a folder beside train, val and test"))
    if beside:
        found.notes.append(f"Folders beside train, val and test were not read: {', '.join(map(repr, beside))}.")
    _leave_out_files(root, "", found)
    for name, split in splits.items():
        _find_classes(root / name, f"{name}/", split, found)
    return found


def _find_classes(folder: Path, prefix: str, split: str, found: _Found) -> None:
    _leave_out_files(folder, prefix, found)
    for name in sub_folders(folder):
        inside = find_images(folder / name, inside=f"{prefix}{name}/")
        found.left_out += inside.left_out
        found.cases += [(f"{prefix}{name}/{path}", name, split) for path in inside.cases]
        if not inside.cases:
            found.left_out.append(LeftOut(f"{prefix}{name}", "a folder without an image"))


def _leave_out_files(folder: Path, prefix: str, found: _Found) -> None:
    """Note the files that lie in no folder of a class."""
    files = sorted(path.name for path in folder.iterdir() if not is_hidden(path.name) and not path.is_dir())
    found.left_out += [LeftOut(prefix + name, "in no folder of a class") for name in files]


def _beside(root: Path, table: str | Path) -> Path:
    path = Path(table).expanduser()
    return root / path if not path.is_file() and (root / path).is_file() else path
