"""What a cell of a label column means: a number, the name of a class, or a Boolean."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence

import numpy as np

from medmonai.tables import number_of, same_name, tidy
from medmonai.task import Task

logger = logging.getLogger("medmonai.predictions")

# "0_1", "01", "1e0" and digits of other scripts are not labels
_NUMBER = re.compile(r"(0|[1-9]\d*)([.,]0*)?", re.ASCII)
_TRUTH = {"true": 1, "false": 0}
_ANSWER = {**_TRUTH, "yes": 1, "no": 0}


def class_labels(
    texts: Sequence[str], lines: Sequence[int], task: Task, names: Sequence[str]
) -> tuple[np.ndarray, bool]:
    """Return the labels (N,) of a task with one class per case, and whether the cells hold class
    names.

    The cells hold label numbers (0, 1, 1.0), or class names, compared without case and surrounding
    spaces, or, in a binary task, True and False, which are 1 and 0. "yes" and "no" are accepted if
    there is a single score column or if these are the class names. If the classes have numbers as
    names that are not the labels, the cells must be names that cannot be labels, or vice versa.

    Args:
        texts: (N,) cells.
        lines: (N,) their lines in the file, for messages.
        task: binary, multiclass or ordinal.
        names: the class names, in the order of the labels.

    Raises:
        ValueError: a cell that is none of these, or a mixture of two kinds.

    Example:
        >>> class_labels(
        ...     ["Benign", "MALIGNANT"], [2, 3], Task("binary", 2), ["benign", "malignant"]
        ... )[0].tolist()
        [0, 1]
    """
    kinds = {"number": _number(task.num_classes), "name": _name(names)}
    if task.kind == "binary":
        one_score = names[0] == "negative" or names[0] == f"not {names[1]}"
        answers = _ANSWER if one_score else _TRUTH
        kinds["truth"] = lambda text: answers.get(text.casefold())
    texts = list(map(tidy, texts))
    read = {kind: [label(text) for text in texts] for kind, label in kinds.items()}
    missing = {
        kind: [row for row, label in enumerate(labels) if label is None]
        for kind, labels in read.items()
    }
    best = min(missing, key=lambda kind: len(missing[kind]))
    if missing[best]:
        row = missing[best][0]
        raise ValueError(
            f"row {lines[row]}, column 'y_true': {texts[row]!r} is not a label of a "
            f"{task.kind} task of {task.num_classes}; use 0 to {task.num_classes - 1} throughout, "
            f"or the classes' names {', '.join(map(repr, names))}."
        )
    whole = [kind for kind in read if not missing[kind]]
    if {"number", "name"} <= set(whole) and read["number"] != read["name"]:
        raise ValueError(
            f"column 'y_true' holds {', '.join(sorted(set(texts))[:5])}: are these class names "
            f"({', '.join(names)}) or label numbers from 0 to {task.num_classes - 1}? Give the "
            "classes names that are not numbers."
        )
    kind = whole[0]
    if kind == "truth":
        logger.info(
            "y_true: %s stands for %r.",
            "True" if "true" in map(str.casefold, texts) else "yes",
            names[1],
        )
    return np.array(read[kind], dtype=np.int64), kind == "name"


def truth_labels(texts: Sequence[str], lines: Sequence[int], column: str) -> np.ndarray:
    """Return 0 or 1 for each cell of a label of a multilabel task: accepts 0 and 1, True and False,
    yes and no.

    Raises:
        ValueError: another cell.
    """
    number = _number(2)
    read = []
    for text, line in zip(map(tidy, texts), lines):
        label = number(text)
        label = _ANSWER.get(text.casefold()) if label is None else label
        if label is None:
            raise ValueError(
                f"row {line}, column {column!r}: {text!r} is not a label of a multilabel task; use "
                "0 and 1, or True and False."
            )
        read.append(label)
    return np.array(read, dtype=np.int64)


def _number(count: int) -> Callable[[str], int | None]:
    def label(text: str) -> int | None:
        match = _NUMBER.fullmatch(text)
        return int(match[1]) if match and len(match[1]) < 9 and int(match[1]) < count else None

    return label


def _name(names: Sequence[str]) -> Callable[[str], int | None]:
    """Return the key by which names are matched: the exact spelling, or else without case if the
    names remain distinct.
    """
    exact = {name: place for place, name in enumerate(names)}
    values = [number_of(name) for name in names]
    if not np.isnan(values).any() and len(set(values)) == len(values):
        places = {value: place for place, value in enumerate(values)}
        return lambda text: places.get(number_of(text))
    folded = {same_name(name): place for name, place in exact.items()}
    if len(folded) < len(names):
        return exact.get
    return lambda text: exact.get(text, folded.get(same_name(text)))
