"""Which cases a training epoch shows, and in what order: balancing as a plan of indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Strategy = Literal["none", "oversample", "cap", "target", "dual"]


def _generator(seed: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, epoch]))


def _repeat_to(members: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `length` of the members as whole permutations and then part of one, so that the counts
    of any two cases differ by at most one.
    """
    rounds = -(-length // len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:length]


@dataclass(frozen=True)
class Balance:
    """How the classes are balanced in an epoch of training. Every plan depends only on (seed,
    epoch).

    ============ ===================================================================================
    strategy     an epoch shows
    ============ ===================================================================================
    none         every case once
    oversample   every class as often as the largest one; a case at most once more often than
                 another of its class
    cap          at most `cap` cases of each class, drawn again each epoch
    target       exactly `target` cases of each class: large classes drawn again each epoch, small
                 ones repeated
    dual         batches that all hold `positive_rate` positives; as many batches as the class that
                 needs most
    ============ ===================================================================================

    MONAI's `DistributedWeightedRandomSampler` draws with replacement, so an epoch misses about a
    third of the cases. LibAUC's `DualSampler` uses the global NumPy generator and cannot be
    resumed. Do not use a Balance for validation or test.

    Args:
        strategy: one of the five above.
        cap: maximum number of cases per class in an epoch, for "cap".
        positive_rate: fraction of positives in a batch, for "dual"; rounded to whole cases, with at
            least one of each class.
        target: number of cases per class in an epoch, for "target".

    Raises:
        ValueError: an unknown strategy, or a value outside its range.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> plan = Balance("oversample").plan(labels, batch_size=4, seed=0, epoch=1)
        >>> np.bincount(labels[plan]).tolist()
        [4, 4]
    """

    strategy: Strategy = "none"
    cap: int | None = None
    positive_rate: float = 0.5
    target: int | None = None

    def __post_init__(self) -> None:
        if self.strategy not in get_args(Strategy):
            raise ValueError(
                f"balance strategy {self.strategy!r} is unknown; use one of "
                f"{', '.join(get_args(Strategy))}."
            )
        for name, cases in (("cap", self.cap), ("target", self.target)):
            if (self.strategy == name) != (cases is not None):
                hint = (
                    f"give {name}, the cases of a class"
                    if cases is None
                    else f"give --train#balance#{name} None too"
                )
                raise ValueError(
                    f"balance strategy {self.strategy!r} with {name}={cases}; {name} belongs to "
                    f"{name!r} and only there; {hint}."
                )
            if cases is not None and (
                isinstance(cases, bool) or not isinstance(cases, int) or cases < 1
            ):
                raise ValueError(
                    f"{name}={cases!r}; a whole number of at least 1 case of a class is needed."
                )
        if not 0 < self.positive_rate < 1:
            raise ValueError(
                f"positive_rate={self.positive_rate}; a share between 0 and 1 (exclusive) is "
                "needed."
            )

    def plan(self, labels: np.ndarray, *, batch_size: int, seed: int, epoch: int) -> np.ndarray:
        """Return the int64 indices of an epoch in the order they are shown; "dual" returns whole
        batches.

        Args:
            labels: (N,) classes; only "none" accepts (N, L) labels.
            batch_size: cases per batch over all ranks; used by "dual".
            seed: the seed of the run.
            epoch: the epoch, from 1.

        Raises:
            ValueError: labels that the strategy cannot balance (multilabel, one class only, not
                binary for "dual").
        """
        rng = _generator(seed, epoch)
        if self.strategy == "none":
            return rng.permutation(len(labels))
        members = self._members(labels)
        if self.strategy == "dual":
            return self._dual_plan(members, batch_size, rng)
        largest = max(len(m) for m in members)
        if self.strategy in ("oversample", "target"):
            drawn = [_repeat_to(m, self.target or largest, rng) for m in members]
        else:
            drawn = [rng.permutation(m)[: self.cap] for m in members]
        return rng.permutation(np.concatenate(drawn))

    def _members(self, labels: np.ndarray) -> list[np.ndarray]:
        if labels.ndim != 1:
            raise ValueError(
                f"balance strategy {self.strategy!r} needs one class per case; these labels have "
                f"shape {labels.shape}. Use 'none' for multilabel tasks."
            )
        members = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        if len(members) < 2 or (self.strategy == "dual" and len(members) != 2):
            wanted = "exactly two classes" if self.strategy == "dual" else "at least two classes"
            raise ValueError(
                f"balance strategy {self.strategy!r} needs {wanted}; the labels hold "
                f"{len(members)}."
            )
        return members

    def _dual_plan(
        self, members: list[np.ndarray], batch_size: int, rng: np.random.Generator
    ) -> np.ndarray:
        if batch_size < 2:
            raise ValueError(f"batch_size={batch_size}; balance strategy 'dual' needs at least 2.")
        positives = min(max(round(self.positive_rate * batch_size), 1), batch_size - 1)
        share = (batch_size - positives, positives)
        batches = max(-(-len(m) // s) for m, s in zip(members, share))
        parts = [
            _repeat_to(m, batches * s, rng).reshape(batches, s) for m, s in zip(members, share)
        ]
        return np.concatenate(parts, axis=1).reshape(-1)
