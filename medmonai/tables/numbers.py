"""Numbers in tables: decimal points or commas, never thousands marks, and nothing else that Python
happens to read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from .cells import tidy

_NUMBER = {
    mark: re.compile(rf"[+-]?(\d+{sign}?\d*|{sign}\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
    for mark, sign in ((".", r"\."), (",", ","))
}
_GROUPED = re.compile(r"[+-]?\d{1,3}([.,]\d{3})+([.,]\d+)?", re.ASCII)  # 1,234,567 or 1.234,5
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+", re.ASCII)


def number_of(text: str, *, mark: Literal[".", ","] = ".") -> float:
    """Return the number that a text is, NaN where it is none, or one that is not finite.

    Python's `float` also reads "0_1" (as 1), digits of other scripts, "nan" and "infinity".

    Args:
        text: spaces around it do not count.
        mark: between whole part and fraction.

    Example:
        >>> [number_of(text) for text in ("0.5", " 1e-3 ", "0_1", "nan")]
        [0.5, 0.001, nan, nan]
        >>> number_of("0,93", mark=",")
        0.93
    """
    text = tidy(text)
    if not _NUMBER[mark].fullmatch(text):
        return math.nan
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else math.nan


def decimal_mark(texts: Iterable[str]) -> Literal[".", ","]:
    """Return the mark that stands before the fractions of some numbers: a comma if any has one,
    else a point.

    Raises:
        ValueError: points and commas, or commas that may mark thousands: 1,234 and nothing that
            shows which is meant.

    Example:
        >>> decimal_mark(["0,93", "1"]), decimal_mark(["0.93"])
        (',', '.')
    """
    texts = list(texts)
    marked = [text for text in map(tidy, texts) if "," in text]
    if not marked:
        return "."
    advice = "write numbers with a decimal point and without thousands marks."
    both = next((text for text in marked if "." in text or text.count(",") > 1), None)
    if both:
        raise ValueError(f"{both!r} holds thousands marks, or is not a number; {advice}")
    pointed = next(
        (text for text in texts if "." in text and not math.isnan(number_of(text))), None
    )
    if pointed:
        raise ValueError(
            f"{tidy(pointed)!r} has a decimal point and {marked[0]!r} a decimal comma; {advice}"
        )
    if all(map(_THOUSANDS.fullmatch, marked)):
        raise ValueError(
            f"{marked[0]!r} can be {marked[0].replace(',', '.')} or {marked[0].replace(',', '')}; "
            f"{advice}"
        )
    return ","


def numbers_of(texts: Sequence[str]) -> np.ndarray | None:
    """Return texts as numbers (N,), or None if one of them is not a number.

    Raises:
        ValueError: numbers that can be read in two ways; see `decimal_mark`.

    Example:
        >>> numbers_of(["61,5", "40"]).tolist(), numbers_of(["61", "old"])
        ([61.5, 40.0], None)
    """
    if not any("," in text for text in texts):
        values = np.array([number_of(text) for text in texts], dtype=float)
        return None if np.isnan(values).any() else values
    read = [number_of(text, mark="," if "," in text else ".") for text in texts]
    if any(
        math.isnan(value) and not _GROUPED.fullmatch(tidy(text)) for text, value in zip(texts, read)
    ):
        return None
    decimal_mark(texts)
    return np.array(read, dtype=float)
