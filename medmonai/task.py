"""The task of a data set: the kind of label a case has, and everything that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:  # not needed to read a table of scores
    import torch

Kind = Literal["binary", "multiclass", "multilabel", "ordinal"]


def kind_named(name: str) -> Kind:
    """Return the kind of task with that name.

    Raises:
        ValueError: there is none.
    """
    for kind in get_args(Kind):
        if kind == name:
            return kind
    raise ValueError(f"kind={name!r} is not a task; use one of {', '.join(get_args(Kind))}.")


@dataclass(frozen=True)
class Task:
    """What is predicted, and what that determines: labels, outputs, activation, loss, positive
    column.

    ========== ================= =========== ========== ==================== =======================
    kind       labels            num_classes num_outputs activation          default loss
    ========== ================= =========== ========== ==================== =======================
    binary     (N,) in {0, 1}    2           1          sigmoid -> (1-p, p)  binary cross-entropy
    multiclass (N,) in 0..C-1    C           C          softmax              cross-entropy
    ordinal    (N,) in 0..C-1    C           C          softmax              cross-entropy
    multilabel (N, L) in {0, 1}  L           L          sigmoid per label    binary cross-entropy
    ========== ================= =========== ========== ==================== =======================

    Args:
        kind: one of the four above. Class 1 is the positive class of a binary task.
        num_classes: classes (binary: 2), or labels for a multilabel task.

    Raises:
        ValueError: unknown kind; a binary task without two classes; fewer than one label or two
            classes.

    Example:
        >>> Task("binary", 2).num_outputs
        1
        >>> Task("multiclass", 9).num_outputs
        9
    """

    kind: Kind
    num_classes: int

    def __post_init__(self) -> None:
        kind_named(self.kind)
        least = 1 if self.kind == "multilabel" else 2
        if self.num_classes < least or (self.kind == "binary" and self.num_classes != 2):
            wanted = "exactly 2" if self.kind == "binary" else f"at least {least}"
            raise ValueError(
                f"num_classes={self.num_classes} for a {self.kind} task; it needs {wanted}."
            )

    @property
    def num_outputs(self) -> int:
        """Number of logits per case: 1 for a binary task, otherwise one per class or label."""
        return 1 if self.kind == "binary" else self.num_classes

    @property
    def exclusive(self) -> bool:
        """Whether a case has exactly one class (everything but multilabel)."""
        return self.kind != "multilabel"

    @property
    def ranked_by(self) -> str:
        """What turns logits into the scores whose AUC is measured, each class against the rest:
        "sigmoid" or "softmax".
        """
        return "softmax" if self.exclusive and self.num_outputs > 1 else "sigmoid"

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Turn logits (B, num_outputs) into float32 scores (B, num_classes) in [0, 1].

        Binary logits become the two columns (1 - p, p), so that column c always belongs to class c.
        They may also be two, whose difference is the logit of class 1, as
        `medmonai.networks.ClassLogits` gives them.

        Raises:
            ValueError: the logits do not have shape (B, num_outputs).
        """
        import torch

        if self.kind == "binary" and logits.ndim == 2 and logits.shape[1] == 2:
            logits = logits[:, 1:] - logits[:, :1]
        if logits.ndim != 2 or logits.shape[1] != self.num_outputs:
            raise ValueError(
                f"logits have shape {tuple(logits.shape)}; a {self.kind} task of "
                f"{self.num_classes} classes needs (B, {self.num_outputs})."
            )
        logits = logits.float()
        if self.kind == "binary":
            # sigmoid(-z) instead of 1 - sigmoid(z): both columns keep full precision at their small
            # end.
            return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=1)
        return torch.sigmoid(logits) if self.kind == "multilabel" else torch.softmax(logits, dim=1)

    def check_labels(self, labels: np.ndarray, *, name: str = "labels") -> np.ndarray:
        """Return the labels as int64 in the task's shape, or raise an error that says what is
        wrong.

        Accepts (N,) or (N, 1) for exclusive tasks and (N, L) for multilabel ones; whole numbers in
        any numeric dtype.

        Raises:
            TypeError: the labels are not numbers.
            ValueError: wrong shape, a fraction or NaN, or a value outside the task.
        """
        labels = np.asarray(labels)
        if labels.dtype.kind not in "buif":
            raise TypeError(f"{name} have dtype {labels.dtype}; whole numbers are needed.")
        if self.exclusive and labels.ndim == 2 and labels.shape[1] == 1:
            labels = labels[:, 0]
        fits = (
            labels.ndim == 1
            if self.exclusive
            else labels.ndim == 2 and labels.shape[1] == self.num_classes
        )
        if not fits:
            wanted = "(N,) or (N, 1)" if self.exclusive else f"(N, {self.num_classes})"
            raise ValueError(
                f"{name} have shape {labels.shape}; a {self.kind} task needs {wanted}."
            )
        if labels.dtype.kind == "f" and not np.array_equal(labels, np.floor(labels)):
            raise ValueError(
                f"{name} contain fractions or NaN; a {self.kind} task needs whole numbers."
            )
        highest = self.num_classes - 1 if self.exclusive else 1
        if labels.size and (labels.min() < 0 or labels.max() > highest):
            raise ValueError(
                f"{name} range from {labels.min()} to {labels.max()}; a {self.kind} task of "
                f"{self.num_classes} classes allows 0 to {highest}."
            )
        return labels.astype(np.int64)

    def one_hot(self, labels: np.ndarray) -> np.ndarray:
        """Return (N, num_classes) int64, 1 where the case has the class or label: each class
        against the rest.

        Args:
            labels: as `check_labels` returns them.

        Example:
            >>> Task("multiclass", 3).one_hot(np.array([2, 0])).tolist()
            [[0, 0, 1], [1, 0, 0]]
        """
        return (
            (labels[:, None] == np.arange(self.num_classes)).astype(np.int64)
            if self.exclusive
            else labels
        )
