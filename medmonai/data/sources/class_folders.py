"""Images in folders of classes: root/{train,val,test}/{CLASS}/* or root/{CLASS}/*."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.data.class_names import (
    check_classes,
    folded,
    in_split_order,
    spelling_note,
    split_of,
    task_of,
)
from medmonai.data.datalist import About, LeftOut, Listing, logged_notes
from medmonai.data.files import (
    AGAIN,
    NOT_READ,
    DicomFolders,
    find_in_folders,
    is_hidden,
    sub_folders,
    unread_kinds,
)
from medmonai.data.positive_class import default_note, ordered_classes, require_binary
from medmonai.task import Task

from .groups import CaseGroups

logger = logging.getLogger("medmonai.data")
_NO_IMAGE = "a folder without an image"
_SHOWN = 3
_TABLES = (".csv", ".tsv", ".xlsx", ".xlsm")


@dataclass
class _CasesMet:
    """Cases in the order found: path inside the root, folder name of the class, split ("" if the
    folders give none).
    """

    cases: list[tuple[str, str, str]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def list_class_folders(
    root: str | Path,
    *,
    name: str,
    class_names: Sequence[str] | Mapping[str, str] | None = None,
    positive_class: str | None = None,
    task: Task | str = "auto",
    groups: CaseGroups | Mapping[str, Any] | None = None,
    dicom_folders: DicomFolders = "series",
    about: About | Mapping[str, Any] | None = None,
) -> Listing:
    r"""List the images of a folder of classes, without opening them.

    The folders are `root/{train,val,test}/{CLASS}/*` (val may also be named valid or validation),
    or `root/{CLASS}/*`, which `split_listing` divides. Folders below CLASS are read too.
    torchvision's `ImageFolder` knows neither splits nor groups, and treats every folder as a class.

    - Images are PNG, JPEG, TIFF, NIfTI, DICOM, MetaImage and NRRD files; a folder below CLASS that
      holds mostly DICOM files is one case, see `dicom_folders`.
    - An id is the path inside the root, so two files with the same name in two folders are two
      cases.
    - Folders whose names differ only in case or spaces ("Normal ", "NORMAL") are one class. If all
      names are numbers, those of equal value ("1", "1.0") are one class too. A note reports this.
    - Hidden files are skipped. Other files, folders without an image, folders next to train, val
      and test, and links to folders already read are left out, each with its reason. A note counts
      such links, and images in unsupported formats (BMP, ...).
    - Splits below the classes (root/{CLASS}/{train,test}, root/{SITE}/{train,test}/{CLASS}) are
      refused.

    Args:
        root: the folder.
        name: name of the set, for reports.
        class_names: the folder names of the classes in the order of their labels, or a mapping of
            folder -> name to show; default: the folders in alphabetical order.
        positive_class: of two classes, the one that becomes class 1, which recall, AUC and
            thresholds refer to; default: the last one.
        task: "auto" (binary for two classes, else multiclass), another kind, or a Task.
        groups: how to find the patient of each image; default: not known.
        dicom_folders: "series": a folder below CLASS that holds mostly DICOM files is one case;
            "files": each file is one.
        about: license, citation and known issues.

    Raises:
        FileNotFoundError: no such folder or table, or no image in it.
        TypeError: `groups` or `about` of the wrong type.
        ValueError: fewer than two classes, a folder that `class_names` lacks, a class without cases
            or only in test, a file name that does not match the pattern, or a case without a group
            in the table.

    Example:
        >>> list_class_folders(
        ...     "chest_xray", name="chest_xray", groups=CaseGroups(r"^([^_]+)_")
        ... )  # doctest: +SKIP
        Listing(chest_xray: 256 cases, 2 classes, train 180, val 16, test 60)
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is not a folder; give the one that holds train, val and test, or the "
            "classes."
        )
    grouping = CaseGroups.of(groups, argument="groups")
    description = About.of(about, argument="about")
    met = _find(folder, dicom_folders)
    _check_layout(name, folder, met)
    if not met.cases:
        raise _no_case(folder, met)
    counts = Counter(class_folder for _, class_folder, _ in met.cases)
    names, table = ordered_classes(counts, class_names, positive_class)
    _check_two_classes(name, names, met)
    paths, folders, in_splits = (np.array(column) for column in zip(*met.cases))
    labels = np.array([table[folded(class_folder)] for class_folder in folders.tolist()])
    splits = in_splits if in_splits[0] else None
    check_classes(name, labels, splits, names)
    stated_task = task_of(task, len(names))
    require_binary(stated_task, positive_class)
    unchosen = default_note(names, stated_task) if class_names is positive_class is None else ""
    notes = (*_notes(met), spelling_note(counts), unchosen)
    listing = Listing(
        tuple(folder / path for path in paths.tolist()),
        ids=paths,
        labels=labels,
        task=stated_task,
        class_names=names,
        splits=splits,
        left_out=tuple(met.left_out),
        notes=logged_notes(name, notes),
        groups=grouping.of_cases(paths.tolist(), folder),
        provenance=description.provenance(name, "folders of classes"),
    )
    return listing.subset(in_split_order(splits, paths))


def _check_two_classes(name: str, names: Sequence[str], met: _CasesMet) -> None:
    if len(names) >= 2:
        return
    path, folder, _ = met.cases[0]
    inside = f", or {folder!r} inside it" if "/" in path.removeprefix(f"{folder}/") else ""
    only = ", ".join(map(repr, names))
    empty = [out.name for out in met.left_out if out.reason == _NO_IMAGE]
    named = ", ".join(map(repr, empty[:_SHOWN]))
    unread = unread_kinds(met.left_out)
    without = f" (without an image: {named}{'; ' * bool(unread)}{unread})" if empty else ""
    raise ValueError(
        f"{name} holds one class, {only}{without}; two are needed: is its root the folder "
        f"above{inside}?"
    )


def _inside_note(cases: Sequence[tuple[str, str, str]]) -> str:
    """Return a sentence on folders that all classes hold: the classes may lie a level deeper."""
    inside: dict[str, set[str]] = {}
    for path, class_folder, split in cases:
        below = path.split("/")[2 if split else 1 :]
        inside.setdefault(class_folder, set()).add(below[0] if len(below) > 1 else "")
    first, *others = inside.values()
    if len(first) < 2 or "" in first or any(one != first for one in others):
        return ""
    names = ", ".join(map(repr, sorted(first)[:3])) + ("" if len(first) <= 3 else ", ...")
    return (
        f"Each of the {len(inside)} class folders holds the folders {names}; if these are the "
        "classes, move them up, or name the classes in a table."
    )


def _no_case(folder: Path, met: _CasesMet) -> FileNotFoundError:
    held = unread_kinds(met.left_out) or f"{len(met.left_out)} other files or folders"
    return FileNotFoundError(
        f"{folder} holds no image in a class folder ({held}); root/{{train,val,test}}/{{CLASS}}/* "
        f"or root/{{CLASS}}/* is needed{_table_hint(folder, met.left_out)}."
    )


def _table_hint(folder: Path, left_out: Sequence[LeftOut]) -> str:
    """Return what to do where the classes are in a table beside the images."""
    tables = [one.name for one in left_out if Path(one.name).suffix.lower() in _TABLES]
    if not tables:
        return ""
    return (
        f", or a table: give {folder / tables[0]} as the source if it has the classes, with "
        f"--images {folder}"
    )


def _find(root: Path, dicom_folders: DicomFolders) -> _CasesMet:
    met = _CasesMet()
    names = sub_folders(root)
    splits = {name: split for name in names if (split := split_of(name))}
    beside = [name for name in names if name not in splits] if splits else []
    for name in beside:
        met.left_out.append(LeftOut(name, "a folder beside train, val and test"))
    if beside:
        met.notes.append(
            f"Folders beside train, val and test were not read: {', '.join(map(repr, beside))}."
        )
    _leave_out_files(root, "", met)
    classes = [("", name, "") for name in names] if not splits else []
    # a folder before any link to it
    for split in sorted(splits, key=lambda name: (root / name).is_symlink()):
        _leave_out_files(root / split, f"{split}/", met)
        classes += [(f"{split}/", name, splits[split]) for name in sub_folders(root / split)]
    folders = [(root / prefix / name, f"{prefix}{name}/") for prefix, name, _ in classes]
    walked = find_in_folders(
        folders, above=[root, *(root / name for name in splits)], dicom_folders=dicom_folders
    )
    for (prefix, name, split), inside in zip(classes, walked):
        met.left_out += inside.left_out
        met.cases += [(f"{prefix}{name}/{path}", name, split) for path in inside.cases]
        if not inside.cases and LeftOut(f"{prefix}{name}", AGAIN) not in inside.left_out:
            met.left_out.append(LeftOut(f"{prefix}{name}", _NO_IMAGE))
    return met


def _check_layout(name: str, root: Path, met: _CasesMet) -> None:
    """Refuse split folders in the wrong place: their cases would be split again, or would have no
    class.
    """
    classes = list(dict.fromkeys(class_folder for _, class_folder, _ in met.cases))
    if (
        len(classes) == 1
        and not met.cases[0][2]
        and (inside := list(filter(split_of, sub_folders(root / classes[0]))))
    ):
        raise ValueError(
            f"{name}: all images lie in the folder {classes[0]!r}, and that holds "
            f"{', '.join(inside)}; name {classes[0]!r} itself as the root."
        )
    deep: dict[str, None] = {}
    for path, _, split in met.cases:
        parts = path.split("/")
        deep.update(
            {
                "/".join(parts[: i + 1]): None
                for i in range(2 if split else 1, len(parts))
                if split_of(parts[i])
            }
        )
    if deep:
        raise ValueError(
            f"{name}: {next(iter(deep))!r} has the name of a split and lies below a class "
            f"({len(deep)} such folders); root/{{train,val,test}}/{{CLASS}}/* is the layout: move "
            "them, or rename what is not a split."
        )


def _notes(met: _CasesMet) -> list[str]:
    """Return what was noted, and sentences on links to folders already read, on images in
    unsupported formats, and on folders that all classes hold.
    """
    left_out = met.left_out
    links = [out.name for out in left_out if out.reason == AGAIN]
    others = [out.name for out in left_out if out.reason.startswith(NOT_READ)]
    notes = list(met.notes)
    if links:
        notes.append(f"Links to folders that are read already were left out: {_some(links)}.")
    if others:
        kinds = ", ".join(sorted({Path(name).suffix.lower() for name in others}))
        notes.append(f"Images of a kind that is not read ({kinds}) were left out: {_some(others)}.")
    inside = _inside_note(met.cases)
    return [*notes, inside] if inside else notes


def _some(names: Sequence[str]) -> str:
    return f"{names[0]!r}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _leave_out_files(folder: Path, prefix: str, met: _CasesMet) -> None:
    """Record the files outside all class folders."""
    files = sorted(
        path.name for path in folder.iterdir() if not is_hidden(path.name) and not path.is_dir()
    )
    met.left_out += [LeftOut(prefix + name, "in no folder of a class") for name in files]
