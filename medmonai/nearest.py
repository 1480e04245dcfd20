"""The known name closest to a mistyped one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """Return the most similar known name, by `difflib`, or None if none is close.

    Args:
        name: the name as written.
        known: the valid names.
        cutoff: required similarity, 0 to 1; lower it if a suggestion does no harm.

    Example:
        >>> nearest("resnet19", ["densenet121", "resnet18"]), nearest("cat", ["dog"])
        ('resnet18', None)
    """
    return next(iter(difflib.get_close_matches(str(name), list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(
    name: object,
    known: Iterable[str],
    *,
    show: str = "{!r}",
    otherwise: str = "",
    cutoff: float = 0.5,
) -> str:
    """Return "did you mean X?" for the nearest known name, or another sentence if none is close.

    Args:
        name: the name as written.
        known: the valid names.
        show: format for the suggested name: "{!r}", "--{}".
        otherwise: the other sentence.
        cutoff: see `nearest`.

    Example:
        >>> did_you_mean("--sed", ["--seed", "--size"], show="{}")
        'did you mean --seed?'
    """
    near = nearest(name, known, cutoff=cutoff)
    return f"did you mean {show.format(near)}?" if near is not None else otherwise
