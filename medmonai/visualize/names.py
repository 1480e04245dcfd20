"""Names and ids on a figure: they fit, stay different, and are never read as formulas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from unicodedata import east_asian_width

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shortened(names: Sequence[str], longest: int) -> list[str]:
    """Return names of at most `longest` characters, all different where the given ones are.

    A long name loses its end. Names that then look the same lose their middle instead; if they
    still do, they are numbered. Line breaks and tabs become spaces. The result is for matplotlib:
    a ``$`` is escaped, because it would start a formula, and a leading ``_`` gets a space before
    it, because a legend would leave the name out.

    Args:
        names: any texts.
        longest: characters, at least 8.

    Returns:
        One text per name, in the same order.

    Example:
        >>> shortened(["pneumonia, bacterial", "pneumonia, viral", "normal"], 12)
        ['pneumo\u2026erial', 'pneumo\u2026viral', 'normal']
    """
    clean = [" ".join(str(name).split()) for name in names]
    short = [
        name if len(name) <= longest else name[: longest - 1].rstrip(",;:") + ELLIPSIS
        for name in clean
    ]
    tail = (longest - 1) // 2
    for cut in (
        lambda i: clean[i][: longest - 1 - tail] + ELLIPSIS + clean[i][-tail:],
        lambda i: f"{clean[i][: longest - 5]}{ELLIPSIS} {i + 1}",
    ):
        counts = Counter(short)
        short = [
            cut(i) if counts[text] > 1 and len(clean[i]) > longest else text
            for i, text in enumerate(short)
        ]
    return [(" " if text.startswith("_") else "") + text.replace("$", r"\$") for text in short]


def wrapped(text: str, width: int, *, most: int = 5) -> list[str]:
    r"""Return lines of at most `width` characters that hold the whole text.

    Line breaks of the text are kept. A long line is broken behind a space or one of ``/_-.`` if
    possible. Characters of East Asian scripts count twice, because they are drawn that wide. Of a
    line that takes more than `most` lines, the end is kept: ids of one source begin alike. A ``$``
    is escaped, as in `shortened`.

    Example:
        >>> wrapped("disease/p031_chest.nii.gz\nis normal", 16)
        ['disease/p031_', 'chest.nii.gz', 'is normal']
    """
    lines: list[str] = []
    for part in text.splitlines():
        broken = _broken(" ".join(part.split()), width)
        if len(broken) > most:
            broken = [ELLIPSIS + broken[-most][1:], *broken[1 - most :]]
        lines += broken
    return [line.replace("$", r"\$") for line in lines]


def _broken(rest: str, width: int) -> list[str]:
    lines = []
    while True:
        ends = list(accumulate(2 if east_asian_width(c) in "WF" else 1 for c in rest))
        if not ends or ends[-1] <= width:
            return [*lines, rest]
        longest = max(1, sum(end <= width for end in ends))
        good = max((i + 1 for i in range(longest) if rest[i] in " /_-."), default=0)
        cut = longest if rest[longest] == " " or 2 * good < longest else good
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
