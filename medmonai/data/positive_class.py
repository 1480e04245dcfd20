"""The positive class of a binary set: class 1, the last in the order of the labels."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from medmonai.task import Task

from .class_names import class_keys, class_table, folded
from .cohort import Cohort

# Common names of the negative class in English, German, French, Spanish and Italian.
_HEALTHY = frozenset(
    name.replace("_", " ")
    for name in (
        "normal norm healthy negative neg no none absent control controls benign clear false "
        "no_finding no_findings without_finding ohne_befund o.b. ob unauffällig gesund nein "
        "negativ kein keine kontrolle gutartig uninfected unremarkable nondemented unaffected - − "
        "normale sain non négatif negatif bénin témoin sans_anomalie sano sana negativo benigno "
        "sin_hallazgos nessun_reperto"
    ).split()
)
# Names such as "no tumour", or "NonCOVID": the name of the other class after a negation.
_WITHOUT = re.compile(r"(no|not|without|kein|keine|ohne|sans|sin|senza) .")
_NEGATION = re.compile(
    r"(?<![^\W_])(non|no|not|un|without|kein|keine|nicht|ohne|sans|sin|senza)[ -]*"
)


def positive_last(
    class_names: Sequence[str] | Mapping[str, str], positive_class: str | None
) -> Any:
    """Return the names of two classes with the positive one last, as a list, or as a mapping if a
    mapping was given.

    Args:
        class_names: the classes in any order, or name in the source -> name to show.
        positive_class: its name in the source or its name to show, ignoring case and spaces; None
            changes nothing.

    Raises:
        ValueError: no class of that name, or not exactly two classes.

    Example:
        >>> positive_last(["abnormal", "normal"], "Abnormal")
        ['normal', 'abnormal']
        >>> positive_last({"0": "tumour", "1": "no tumour"}, "tumour")
        {'1': 'no tumour', '0': 'tumour'}
    """
    shown = (
        dict(class_names)
        if isinstance(class_names, Mapping)
        else {name: name for name in class_names}
    )
    if positive_class is None:
        return class_names
    if len(shown) != 2:
        raise ValueError(
            f"positive_class={positive_class!r} and {len(shown)} classes; two are needed. Of more, "
            "each is evaluated against the rest."
        )
    chosen = [name for name in shown if _is_called(positive_class, name, shown)]
    chosen = chosen or [
        name for name in shown if _is_called(positive_class, shown[name], shown.values())
    ]
    if not chosen:
        raise ValueError(
            f"positive_class={positive_class!r} is not a class; there are "
            f"{' and '.join(map(repr, map(str, shown.values())))}."
        )
    last = {name: shown[name] for name in sorted(shown, key=lambda name: name == chosen[0])}
    return last if isinstance(class_names, Mapping) else list(last)


def _is_called(wanted: str, name: str, names: Iterable[str]) -> bool:
    keys = class_keys([str(wanted), *map(str, names)])
    return keys[str(wanted)] == keys[str(name)]


def check_positive_class(
    class_names: Sequence[str] | Mapping[str, str], positive_class: str | None, *, what: str = ""
) -> None:
    """Raise ValueError if the stated order of two classes does not end in the stated positive
    class.

    Args:
        class_names: the classes in the order of their labels.
        positive_class: name of the positive class; None accepts any.
        what: where both are stated, for the error message.
    """
    ordered = positive_last(class_names, positive_class)
    if list(ordered) != list(class_names):
        said, meant = (
            list(map(str, n.values() if isinstance(n, Mapping) else n))
            for n in (class_names, ordered)
        )
        raise ValueError(
            f"{what}class_names={said} put {said[-1]!r} last, which makes it the positive class, "
            f"and positive_class={positive_class!r} says another; give class_names={meant}, or one "
            "of the two only."
        )


def ordered_classes(
    counts: Mapping[str, int],
    class_names: Sequence[str] | Mapping[str, str] | None,
    positive_class: str | None,
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return what `class_table` returns, with the positive class last.

    Args:
        counts: cases of each spelling in the source.
        class_names: see `class_table`; a stated order must end in the positive class.
        positive_class: the class that becomes class 1; None takes the last one.

    Raises:
        ValueError: see `class_table`; also no class of that name, not exactly two classes, or a
            stated order that ends in another class.

    Example:
        >>> ordered_classes({"sick": 3, "well": 5}, None, "sick")
        (('well', 'sick'), {'well': 0, 'sick': 1})
    """
    if class_names is not None:
        check_positive_class(class_names, positive_class)
        return class_table(counts, class_names)
    names, table = class_table(counts, None)
    return (
        (names, table)
        if positive_class is None
        else class_table(counts, positive_last(names, positive_class))
    )


def require_binary(task: Task, positive_class: str | None) -> None:
    """Raise ValueError if a positive class is given for a task that does not have one."""
    if positive_class is not None and task.kind != "binary":
        raise ValueError(
            f"positive_class={positive_class!r} and a {task.kind} task; only a binary one has a "
            "positive class. Elsewhere each class is evaluated against the rest."
        )


def with_positive_class(cohort: Cohort, positive_class: str | None) -> Cohort:
    """Return a binary cohort with the named class as class 1, changing its labels accordingly.

    Raises:
        ValueError: another task, or no class of that name.

    Example:
        >>> import numpy as np
        >>> from medmonai.data import Provenance
        >>> from medmonai.task import Task
        >>> cohort = Cohort(
        ...     np.zeros((2, 1, 4, 4), np.uint8),
        ...     labels=[0, 1],
        ...     ids=["a", "b"],
        ...     task=Task("binary", 2),
        ...     class_names=("malignant", "benign"),
        ...     provenance=Provenance("set"),
        ...     split="train",
        ... )
        >>> turned = with_positive_class(cohort, "malignant")
        >>> turned.class_names, turned.labels.tolist()
        (('benign', 'malignant'), [1, 0])
    """
    if positive_class is None:
        return cohort
    require_binary(cohort.task, positive_class)
    names = tuple(positive_last(cohort.class_names, positive_class))
    return (
        cohort
        if names == cohort.class_names
        else replace(cohort, class_names=names, labels=1 - cohort.labels)
    )


def classes_line(class_names: Sequence[str], positive_class: str | None) -> str:
    """Return what a reader needs to know before any number: the positive class, or the classes in
    the order of their labels.
    """
    if positive_class is not None:
        return (
            f"positive class: {positive_class} (class 1, against {class_names[0]}); recall, "
            "specificity, AUC and thresholds are about it"
        )
    return f"order of the labels: {', '.join(f'{c} {name}' for c, name in enumerate(class_names))}"


def default_note(class_names: Sequence[str], task: Task) -> str:
    """Return one sentence if the positive class was not chosen and its name usually means "not
    ill"; otherwise "".

    Example:
        >>> default_note(["abnormal", "Normal"], Task("binary", 2))  # doctest: +ELLIPSIS
        "The positive class is 'Normal', the last in the alphabet: ...positive_class='abnormal' ..."
        >>> default_note(["NORMAL", "PNEUMONIA"], Task("binary", 2))
        ''
    """
    if task.kind != "binary":
        return ""
    negative, positive = class_names
    if not _means_not_ill(positive, negative) or _means_not_ill(negative, positive):
        return ""
    return (
        f"The positive class is {positive!r}, the last in the alphabet: recall, AUC and thresholds "
        f"are about it. If {negative!r} is what you look for, give "
        f"positive_class={negative!r} (--positive_class)."
    )


def _means_not_ill(name: str, other: str) -> bool:
    """Return whether a class has a name typical of negative classes, or the other class's name with
    a negation before it.
    """
    plain = _plain(name)
    rest = _NEGATION.sub("", _plain(name), count=1)
    negated = rest != plain and re.sub("[ -]", "", rest) == re.sub("[ -]", "", _plain(other))
    return (
        plain in _HEALTHY
        or _WITHOUT.match(plain) is not None
        or (negated and _plain(other) not in _HEALTHY)
    )


def _plain(name: str) -> str:
    return folded(unicodedata.normalize("NFC", name).replace("_", " "))
