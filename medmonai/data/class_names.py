"""What the words of a source say: classes, splits and groups, spelled in more than one way."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from medmonai.task import Task

from .listing import SPLITS

# Names of a split, in lower case.
SPLIT_NAMES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
               "testing": "test"}


def folded(name: str) -> str:
    """Return a name as it is compared: without spaces around it, runs of spaces as one, in lower case.

    Example:
        >>> folded(" Normal  tissue ") == folded("NORMAL tissue")
        True
    """
    return " ".join(name.split()).casefold()


def one_spelling(counts: Mapping[str, int]) -> dict[str, str]:
    """Return folded name -> the spelling that most cases have (among equals the first in the alphabet), spaces tidied.

    Args:
        counts: cases of each spelling.

    Example:
        >>> one_spelling({"NORMAL": 90, "Normal ": 2, "PNEUMONIA": 5})
        {'normal': 'NORMAL', 'pneumonia': 'PNEUMONIA'}
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for spelling, n in counts.items():
        spellings[folded(spelling)][" ".join(spelling.split())] += n
    return {key: min(found, key=lambda name: (-found[name], name)) for key, found in spellings.items()}


def spelling_note(spellings: Iterable[str]) -> str:
    """Return one sentence on names that were taken for the same; "" if every name has one spelling."""
    found: dict[str, set[str]] = defaultdict(set)
    for spelling in spellings:
        found[folded(spelling)].add(spelling)
    told = [" = ".join(repr(name) for name in sorted(names)) for _, names in sorted(found.items()) if len(names) > 1]
    return f"Spellings that differ in case or spaces only were taken for one class: {'; '.join(told)}." if told else ""


def class_table(
    counts: Mapping[str, int], class_names: Sequence[str] | Mapping[str, str] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the names of the classes in the order of the labels, and folded name in the source -> label.

    Args:
        counts: cases of each spelling in the source.
        class_names: the classes in the order of their labels; a mapping says name in the source -> name to show; None
            takes those of the source in alphabetical order (numbers by size).

    Raises:
        ValueError: two names that are one, or a name in the source that `class_names` lacks.

    Example:
        >>> class_table({"1": 3, "0": 5}, {"0": "no tumour", "1": "tumour"})
        (('no tumour', 'tumour'), {'0': 0, '1': 1})
    """
    spelled = one_spelling(counts)
    if class_names is None:
        keys = sorted(spelled, key=lambda key: (0, int(key), key) if key.isdecimal() else (1, 0, key))
        return tuple(spelled[key] for key in keys), {key: label for label, key in enumerate(keys)}
    given = dict(class_names) if isinstance(class_names, Mapping) else {name: name for name in class_names}
    table = {folded(str(key)): label for label, key in enumerate(given)}
    if isinstance(class_names, str) or len(table) < len(class_names):
        raise ValueError(f"class_names={class_names!r}; different names are needed (case and spaces do not count).")
    unknown = sorted(spelled[key] for key in set(spelled) - set(table))
    if unknown:
        n = sum(n for name, n in counts.items() if folded(name) not in table)
        raise ValueError(f"class_names={list(given)} lack {', '.join(map(repr, unknown))} ({n} cases); add it there or take "
                         "these cases out of the source.")
    return tuple(str(name) for name in given.values()), table


def task_of(task: Task | str, num_classes: int) -> Task:
    """Return the task: "auto" is binary for two classes and multiclass for more; else a kind's name or a Task."""
    if isinstance(task, Task):
        return task
    return Task("binary" if num_classes == 2 else "multiclass", num_classes) if task == "auto" else Task(task, num_classes)


def check_classes(name: str, labels: np.ndarray, splits: np.ndarray | None, class_names: Sequence[str]) -> None:
    """Raise ValueError if a class has no case at all, or cases in test only while train or val have cases of others."""
    counts = np.bincount(labels, minlength=len(class_names))
    absent = [class_names[c] for c in np.flatnonzero(counts == 0)]
    if absent:
        raise ValueError(f"{name}: no case of class {', '.join(map(repr, absent))}; give class_names without it, or add cases.")
    if splits is None or not (splits != "test").any():
        return
    for c, class_name in enumerate(class_names):
        where = set(splits[labels == c].tolist())
        if where == {"test"}:
            raise ValueError(f"{name}: class {class_name!r} has its {counts[c]} cases in test only, so nothing could learn it; "
                             "add training cases or take the class out.")


def split_of(value: str) -> str | None:
    """Return "train", "val" or "test" for a name of one, such as "Validation "; None for any other word."""
    return SPLIT_NAMES.get(folded(value))


def in_split_order(splits: np.ndarray | None, ids: np.ndarray) -> np.ndarray:
    """Return the rows in the order train, val, test, then by id."""
    if splits is None:
        return np.argsort(ids, kind="stable")
    return np.lexsort((ids, [SPLITS.index(split) for split in splits.tolist()]))
