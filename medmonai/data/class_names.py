"""What the names in a source mean: classes, splits, groups and paths, which may have several
spellings.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from medmonai.task import Task, kind_named

from .datalist import SPLITS

# Names of a split, in lower case.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "tune": "val",
    "tuning": "val",
    "test": "test",
    "testing": "test",
    "holdout": "test",
    "hold out": "test",
    "held out": "test",
}
# "1_train", "train_set", "Test data": what stands around the name of a split.
_AROUND_SPLIT = re.compile(
    r"(?:\d+[-_. ]+)?(.+?)(?:[-_ ]?set|[-_ ](?:sets|data|split|cohort|images))?"
)
_BLANK = {"", "nan", "na", "n/a", "<na>", "none", "null"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


def folded(name: str) -> str:
    """Return a name in the form used for comparison: stripped, runs of spaces as one, in lower
    case, letters composed.

    Example:
        >>> folded(" Normal  tissue ") == folded("NORMAL tissue")
        True
    """
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def is_blank(value: str) -> bool:
    """Return whether a table cell stands for a missing value: empty, or what programs write for it,
    in any case.

    Example:
        >>> [text for text in ("", "NaN", "N/A", "none", "0", "unknown") if is_blank(text)]
        ['', 'NaN', 'N/A', 'none']
    """
    return folded(value) in _BLANK


def path_key(name: str) -> str:
    r"""Return a path in the form used for comparison: "/" between its parts, no leading "./",
    letters composed (NFC).

    macOS decomposes the letters of file names, Windows writes backslashes.

    Example:
        >>> path_key(".\\im\\001.png"), path_key("cafe\u0301") == "caf\u00e9"
        ('im/001.png', True)
    """
    return re.sub(r"^(\./+)+", "", unicodedata.normalize("NFC", name.strip()).replace("\\", "/"))


def class_keys(names: Iterable[str]) -> dict[str, str]:
    """Return name -> its key for comparison: its value if all names are finite numbers, else the
    folded name.

    Example:
        >>> class_keys(["1", "1.0", "-1"])
        {'1': '1', '1.0': '1', '-1': '-1'}
        >>> class_keys(["1", "1.0", "x"])
        {'1': '1', '1.0': '1.0', 'x': 'x'}
    """
    keys = {name: folded(name) for name in names}
    if not all(map(_is_number, keys.values())):
        return keys
    return {name: f"{float(key) + 0.0:.17g}" for name, key in keys.items()}  # -0 is 0


def _is_number(key: str) -> bool:
    return _NUMBER.fullmatch(key) is not None and math.isfinite(float(key))


def one_spelling(counts: Mapping[str, int]) -> dict[str, str]:
    """Return key (`class_keys`) -> its most common spelling (ties: the first in the alphabet),
    tidied.

    Args:
        counts: cases of each spelling.

    Example:
        >>> one_spelling({"NORMAL": 90, "Normal ": 2, "PNEUMONIA": 5})
        {'normal': 'NORMAL', 'pneumonia': 'PNEUMONIA'}
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for spelling, key in class_keys(counts).items():
        spellings[key][" ".join(spelling.split())] += counts[spelling]
    return {
        key: min(counted, key=lambda name: (-counted[name], name))
        for key, counted in spellings.items()
    }


def spelling_note(spellings: Iterable[str]) -> str:
    """Return one sentence on names that were treated as the same; "" if every name has only one
    spelling.
    """
    spellings_of: dict[str, set[str]] = defaultdict(set)
    for spelling, key in class_keys(spellings).items():
        spellings_of[key].add(spelling)
    told = [
        " = ".join(repr(name) for name in sorted(names))
        for _, names in sorted(spellings_of.items())
        if len(names) > 1
    ]
    return (
        (
            "Spellings that differ in case, spaces or the way a number is written only were taken "
            f"for one class: {'; '.join(told)}."
        )
        if told
        else ""
    )


def class_table(
    counts: Mapping[str, int], class_names: Sequence[str] | Mapping[str, str] | None
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the class names in the order of the labels, and folded name in the source -> label.

    If all names are numbers, they are compared by value: 1 and 1.0 are one class.

    Args:
        counts: cases of each spelling in the source.
        class_names: the classes in the order of their labels, or a mapping of name in the source ->
            name to show. None takes those of the source in alphabetical order, numbers first and by
            value.

    Raises:
        ValueError: two names that mean the same class, or a name in the source that `class_names`
            lacks.

    Example:
        >>> class_table({"1": 3, "0": 5}, {"0": "no tumour", "1": "tumour"})
        (('no tumour', 'tumour'), {'0': 0, '1': 1})
    """
    if class_names is None:
        spelled = one_spelling(counts)
        order = sorted(
            spelled, key=lambda key: (0, float(key), key) if _is_number(key) else (1, 0, key)
        )
        labels = {key: label for label, key in enumerate(order)}
        keys = class_keys(counts)
        return tuple(spelled[key] for key in order), {
            folded(name): labels[key] for name, key in keys.items()
        }
    shown = (
        dict(class_names)
        if isinstance(class_names, Mapping)
        else {name: name for name in class_names}
    )
    given = [str(name) for name in shown]
    keys = class_keys([*given, *counts])
    labels = {keys[name]: label for label, name in enumerate(given)}
    if isinstance(class_names, str):
        raise ValueError(
            f"class_names={class_names!r} is one name; give all classes in the order of their "
            f"labels, such as {','.join(sorted(one_spelling(counts).values())[:3])}."
        )
    if len(labels) < len(class_names):
        raise ValueError(
            f"class_names={class_names!r}; different names are needed (case and spaces do not "
            "count)."
        )
    unknown = {name: n for name, n in counts.items() if keys[name] not in labels}
    if unknown:
        raise ValueError(
            f"class_names={given} lack "
            f"{', '.join(map(repr, sorted(one_spelling(unknown).values())))} "
            f"({sum(unknown.values())} cases); add it there or take these cases out of the source."
        )
    return tuple(map(str, shown.values())), {
        folded(name): labels[key] for name, key in keys.items()
    }


def task_of(task: Task | str, num_classes: int) -> Task:
    """Return the task: "auto" means binary for two classes and multiclass for more; otherwise give
    the name of a kind or a Task.
    """
    if isinstance(task, Task):
        return task
    if task == "auto":
        return Task("binary" if num_classes == 2 else "multiclass", num_classes)
    return Task(kind_named(task), num_classes)


def check_classes(
    name: str, labels: np.ndarray, splits: np.ndarray | None, class_names: Sequence[str]
) -> None:
    """Raise ValueError if a class has no cases at all, or has cases only in test while train or val
    has cases of other classes.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    absent = [class_names[c] for c in np.flatnonzero(counts == 0).tolist()]
    if absent:
        raise ValueError(
            f"{name}: no case of class {', '.join(map(repr, absent))}; give class_names without "
            "it, or add cases."
        )
    if splits is None or not (splits != "test").any():
        return
    for c, class_name in enumerate(class_names):
        where = set(splits[labels == c].tolist())
        if where == {"test"}:
            raise ValueError(
                f"{name}: class {class_name!r} has its {counts[c]} cases in test only, so nothing "
                "could learn it; add training cases or take the class out."
            )


def split_of(value: str) -> str | None:
    """Return "train", "val" or "test" for a split name such as "Validation " or "1_train_set"; None
    for any other word, also for those that mean different splits to different people
    ("development", "evaluation", "external").

    Example:
        >>> [split_of(word) for word in ("Training Set", "dev", "hold-out", "external")]
        ['train', 'val', 'test', None]
    """
    core = _AROUND_SPLIT.fullmatch(folded(value))
    return SPLIT_NAMES.get(re.sub("[-_]", " ", core.group(1))) if core else None


def in_split_order(splits: np.ndarray | None, ids: np.ndarray) -> np.ndarray:
    """Return the rows sorted by split (train, val, test), then by id."""
    if splits is None:
        return np.argsort(ids, kind="stable")
    return np.lexsort((ids, np.array([SPLITS.index(split) for split in splits.tolist()])))
