"""The known name that a mistyped one comes closest to."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str], *, cutoff: float = 0.5) -> str | None:
    """Return the known name that is most alike, by `difflib`, or None if none is.

    Args:
        name: what somebody wrote.
        known: what could have been meant.
        cutoff: how alike they must be, 0 to 1; lower where a suggestion costs nothing.

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
    """Return "did you mean X?" for the nearest known name, or another sentence where none is near.

    Args:
        name: what somebody wrote.
        known: what could have been meant.
        show: how the near name is shown, as a format with one place: "{!r}", "--{}".
        otherwise: the other sentence.
        cutoff: see `nearest`.

    Example:
        >>> did_you_mean("--sed", ["--seed", "--size"], show="{}")
        'did you mean --seed?'
    """
    near = nearest(name, known, cutoff=cutoff)
    return f"did you mean {show.format(near)}?" if near is not None else otherwise
