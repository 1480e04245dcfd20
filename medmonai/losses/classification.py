"""Cross-entropy for every kind of task, on this package's logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from medmonai.task import Task, kind_named

from .class_weights import balanced_class_weights
from .labels import check_logits, class_numbers, plain, zeros_and_ones


class TaskLoss(nn.Module):
    """Cross-entropy of a task: binary from one logit, one of several classes, or several labels.

    With t the smoothed target, w the weight of the true class (1 without class_weights) and eps the
    smoothing:

        binary (one logit z): the two-class cross-entropy of the logits (0, z), which is the binary
                              cross-entropy
        multiclass, ordinal:  sum_i w_i (-sum_c t_ic log softmax(z_i)_c) / sum_i w_i,
                              t = (1-eps) onehot + eps/C
        multilabel:           sum_il w_l BCE(z_il, t_il) / sum_il w_l,
                              t = (1-eps) y + eps/2

    So the loss of a case is least where p = t, whatever the weights. `torch.nn.CrossEntropyLoss`
    does the second line, but with both options weighs the smoothed part eps/C by the weights of all
    classes, which moves that minimum toward the heavy ones. `BCEWithLogitsLoss` knows no label
    smoothing, wants float labels of the logits' shape, and broadcasts (B, 1) against (B,).
    Everything is float32 inside, also under autocast.

    Args:
        task: a `Task`, or its kind as a string (then `num_classes` is needed, except for "binary").
        num_classes: classes, or labels of a multilabel task, if `task` is a string.
        label_smoothing: eps in [0, 1).
        class_weights: one positive number a class (binary: two), or a label: how much its cases, or
            its column, count; "balanced" lets every class of `labels` count alike (see
            `balanced_class_weights`).
        labels: the labels of all training cases; used by "balanced" only.

    Raises:
        ValueError: an argument outside the above, or "balanced" for a multilabel task; in
            `forward`: logits not (B, num_outputs), or labels that do not fit (their values are read
            on the CPU only; on CUDA a class number out of range is a device-side assert and a
            multilabel value other than 0 and 1 a NaN loss).

    Example:
        >>> TaskLoss("binary")(torch.zeros(2, 1), torch.tensor([0, 1]))
        tensor(0.6931)
        >>> TaskLoss("multiclass", num_classes=4, label_smoothing=0.1)(
        ...     torch.zeros(3, 4), torch.tensor([0, 1, 3])
        ... )
        tensor(1.3863)
    """

    def __init__(
        self,
        task: Task | str,
        *,
        num_classes: int | None = None,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | Literal["balanced"] | None = None,
        labels: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        if isinstance(task, str):
            if num_classes is None and task != "binary":
                raise ValueError(
                    f"task={task!r} needs num_classes; give it, or a medmonai.task.Task."
                )
            task = Task(kind_named(task), 2 if num_classes is None else num_classes)
        elif num_classes not in (None, task.num_classes):
            raise ValueError(f"num_classes={num_classes} contradicts {task}; leave it out.")
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f"label_smoothing={label_smoothing} is not possible; use a number in [0, 1)."
            )
        self.task, self.label_smoothing = task, float(label_smoothing)
        self.class_weights: torch.Tensor | None
        self.register_buffer(
            "class_weights", self._weights(class_weights, labels), persistent=False
        )

    def _weights(
        self, class_weights: Sequence[float] | str | None, labels: np.ndarray | None
    ) -> torch.Tensor | None:
        if class_weights is None:
            return None
        if isinstance(class_weights, str):
            if class_weights != "balanced" or labels is None:
                raise ValueError(
                    f"class_weights={class_weights!r} with "
                    f"labels={'None' if labels is None else '...'}; use 'balanced' together with "
                    "the labels of the training cases, or numbers."
                )
            class_weights = balanced_class_weights(labels, self.task)
        weights = torch.as_tensor(class_weights, dtype=torch.float32)
        wanted = self.task.num_classes
        if weights.shape != (wanted,) or not bool((torch.isfinite(weights) & (weights > 0)).all()):
            raise ValueError(
                f"class_weights={class_weights} is not possible; a {self.task.kind} task of "
                f"{wanted} classes needs {wanted} positive numbers."
            )
        return weights

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean loss, a scalar.

        Args:
            logits: (B, num_outputs), tensor or MetaTensor.
            labels: class numbers (B,) or (B, 1) of any dtype; multilabel: (B, L) of 0 and 1.
        """
        logits = plain(logits)
        check_logits(logits, self.task.num_outputs)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        with torch.autocast(logits.device.type, enabled=False):
            if not self.task.exclusive:
                return self._multilabel(logits, labels)
            numbers = class_numbers(
                labels, batch=logits.shape[0], num_classes=self.task.num_classes
            )
            if self.task.num_outputs == 1:
                # softmax(0, z) is (1 - sigmoid(z), sigmoid(z)): so weights and smoothing mean the
                # same for two classes.
                logits = torch.cat([torch.zeros_like(logits), logits], dim=1)
            losses = F.cross_entropy(
                logits, numbers, label_smoothing=self.label_smoothing, reduction="none"
            )
            if self.class_weights is None:
                return losses.mean()
            # torch's own `weight` would weigh the smoothed part by each class c instead of by the
            # true one: with a class 19 times as heavy and a smoothing of .1, the loss of a certain
            # negative is then least at p = .5.
            weights = self.class_weights.to(logits.dtype)[numbers]
            return (losses * weights).sum() / weights.sum()

    def _multilabel(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        targets = zeros_and_ones(labels, shape=logits.shape, dtype=logits.dtype)
        targets = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(0)
        if self.class_weights is None:
            return loss.mean()
        weights = self.class_weights.to(loss.dtype)
        return (loss * weights).sum() / weights.sum()

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        weights = (
            None
            if self.class_weights is None
            else [round(weight, 4) for weight in self.class_weights.tolist()]
        )
        return f"{self.task}, label_smoothing={self.label_smoothing}, class_weights={weights}"
