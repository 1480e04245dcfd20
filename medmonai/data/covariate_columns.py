"""One covariate as numbers for a network: a measurement such as age, or a category such as sex."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from medmonai.tables import number_of, numbers_of

from .class_names import folded, is_blank, one_spelling

Kind = Literal["number", "category"]
# How far outside the training range, in parts of its width, a number is still like those of the
# training.
_MARGIN = 0.25


@dataclass(frozen=True)
class NumericCovariate:
    """A measurement: (x - mean) / sd, and 1 where it is missing.

    Mean and standard deviation are those of the training cases that have a value. A missing value
    is (0, 1): the mean, and said to be missing.

    Args:
        name: column of the table.
        mean: of the training cases.
        sd: their standard deviation; 1 where all are equal.
        low: their smallest value.
        high: their largest value.
        missing: training cases without a value.
    """

    name: str
    _: KW_ONLY
    mean: float
    sd: float
    low: float
    high: float
    missing: int

    @classmethod
    def fit(cls, name: str, texts: Sequence[str]) -> NumericCovariate:
        """Note mean, standard deviation and range of the training cases."""
        values = _as_numbers(texts)
        known = values[np.isfinite(values)]
        missing = len(values) - len(known)
        if not len(known):
            return cls(name, mean=0.0, sd=1.0, low=0.0, high=0.0, missing=missing)
        sd = float(known.std())
        return cls(
            name,
            mean=float(known.mean()),
            sd=sd if sd > 0 else 1.0,
            low=float(known.min()),
            high=float(known.max()),
            missing=missing,
        )

    @property
    def num_values(self) -> int:
        """Values of a case: the scaled number, and whether it is missing."""
        return 2

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 (N, 2)."""
        values = _as_numbers(texts)
        known = np.isfinite(values)
        scaled = (np.where(known, values, self.mean) - self.mean) / self.sd
        return np.stack([scaled, ~known], axis=1).astype(np.float32)

    def remark(self, text: str) -> str:
        """Return how a value is unlike those of the training; "" where it is not."""
        if is_blank(text):
            return "" if self.missing else f"{self.name} is missing, in training never"
        value = _number(text)
        if math.isnan(value):
            return f"{self.name} {text!r} is not a number and counts as missing"
        margin = _MARGIN * (self.high - self.low)
        if self.low - margin <= value <= self.high + margin:
            return ""
        return f"{self.name} {value:g}, in training {self.low:g} to {self.high:g}"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values."""
        return {
            "name": self.name,
            "kind": "number",
            "mean": self.mean,
            "sd": self.sd,
            "low": self.low,
            "high": self.high,
            "missing": self.missing,
        }

    def layout(self) -> dict[str, Any]:
        """Return the part that does not depend on the training cases."""
        return {"name": self.name, "kind": "number"}


@dataclass(frozen=True)
class CategoricalCovariate:
    """A category: 1 in the place of its name, or in the last place where it is missing or was not
    among the training cases.

    Names that differ only in case or spaces are one; numbers of equal value (1, 1.0) are one, too.

    Args:
        name: column of the table.
        categories: names, in the order of their places.
        counts: training cases of each. A name without one counts as not seen in training.
        missing: training cases without a value, or with a name that is not among the categories.
    """

    name: str
    _: KW_ONLY
    categories: tuple[str, ...]
    counts: tuple[int, ...]
    missing: int

    @classmethod
    def fit(
        cls, name: str, texts: Sequence[str], *, categories: Sequence[str] | None = None
    ) -> CategoricalCovariate:
        """Note the categories of the training cases.

        Args:
            name: column of the table.
            texts: values of the training cases.
            categories: names, in the order of their places; default: those of the training cases,
                in alphabetical order.
        """
        named = names_of(texts) if categories is None else list(categories)
        counts = Counter(map(_key, texts))
        counted = tuple(counts[_key(category)] for category in named)
        return cls(name, categories=tuple(named), counts=counted, missing=len(texts) - sum(counted))

    @property
    def num_values(self) -> int:
        """Values of a case: one per category, and one for all else."""
        return len(self.categories) + 1

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 (N, categories + 1)."""
        place = self._places()
        other = len(self.categories)
        chosen = [place.get(_key(text), other) for text in texts]
        return np.eye(other + 1, dtype=np.float32)[chosen]

    def remark(self, text: str) -> str:
        """Return how a value is unlike those of the training; "" where it is not."""
        if is_blank(text):
            return "" if self.missing else f"{self.name} is missing, in training never"
        return "" if _key(text) in self._places() else f"{self.name} {text!r}, in training never"

    def _places(self) -> dict[str, int]:
        seen = enumerate(zip(self.categories, self.counts))
        return {_key(category): place for place, (category, count) in seen if count}

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values."""
        return {
            **self.layout(),
            "counts": list(self.counts),
            "missing": self.missing,
        }

    def layout(self) -> dict[str, Any]:
        """Return the part that does not depend on the training cases."""
        return {"name": self.name, "kind": "category", "categories": list(self.categories)}


Covariate = NumericCovariate | CategoricalCovariate


def covariate_of(stored: dict[str, Any]) -> Covariate:
    """Return the covariate that `as_dict` described."""
    fields = {name: value for name, value in stored.items() if name != "kind"}
    if stored["kind"] == "number":
        return NumericCovariate(**fields)
    lists = {name: tuple(fields[name]) for name in ("categories", "counts")}
    return CategoricalCovariate(**{**fields, **lists})


def kind_of(texts: Sequence[str]) -> Kind:
    """Return "number" where every cell that is not blank is a number, else "category".

    Raises:
        ValueError: numbers that can be read in two ways, see `medmonai.tables.numbers_of`.

    Example:
        >>> kind_of(["61", "", "58.5"]), kind_of(["61", "old"])
        ('number', 'category')
    """
    filled = [text for text in texts if not is_blank(text)]
    return "number" if filled and numbers_of(filled) is not None else "category"


def names_of(texts: Sequence[str]) -> list[str]:
    """Return the categories among some texts in alphabetical order, each in its most common
    spelling.
    """
    spelled = one_spelling(Counter(text for text in texts if not is_blank(text)))
    return sorted(spelled.values(), key=folded)


def _key(text: str) -> str:
    value = _number(text)
    return "" if is_blank(text) else folded(text) if math.isnan(value) else f"{value + 0.0:.17g}"


def _number(text: str) -> float:
    return number_of(text, mark="," if "," in text else ".")


def _as_numbers(texts: Sequence[str]) -> np.ndarray:
    return np.array([_number(text) for text in texts], dtype=float)
