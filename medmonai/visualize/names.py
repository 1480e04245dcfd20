"""Names and ids on a figure: short enough for their place, still different, and never read as
formulas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_FILE_ENDING = re.compile(r"\.(nii|nii\.gz|png|jpe?g|tiff?|dcm|npz)$", re.IGNORECASE)
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def shortened(names: Sequence[str], longest: int) -> list[str]:
    """Names of at most `longest` characters, all different where the given ones are.

    A long name loses its end; where two then look alike, they lose their middle instead, and at
    last get a number. Line breaks and tabs become spaces. The result is for matplotlib: a ``$`` is
    escaped (or it would start a formula) and a leading ``_`` gets a space before it (or a legend
    would leave the name out).

    Args:
        names: any texts.
        longest: characters, at least 8.

    Returns:
        One text a name, in the same order.

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


def short_id(case_id: str, longest: int) -> str:
    """Return what tells a case from others: its id, or the file's name without folder and ending; a
    long one keeps its end.

    Ids of files from one source start alike, and all end in ".nii.gz".

    Example:
        >>> short_id("disease/p031_chest.nii.gz", 12), short_id("disease/p031_chest.nii.gz", 6)
        ('p031_chest', '\u2026chest')
    """
    name = _FILE_ENDING.sub("", case_id.rsplit("/", 1)[-1]) or case_id
    return name if len(name) <= longest else ELLIPSIS + name[-longest + 1 :]
