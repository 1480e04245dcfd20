"""From a network's logits to calibrated probabilities and the class that is decided, as a
dictionary transform of MONAI.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from medmonai.metrics import apply_temperature, decide, read_decision
from medmonai.predictions import Predictions
from medmonai.task import Task

logger = logging.getLogger("medmonai.transforms")


class ClassProbabilities(MetaTensor):
    """Probabilities (C,) or (B, C) that know which classes are decided.

    MONAI Deploy's `MonaiBundleInferenceOperator` names the classes of a result by
    ``[channel_def[str(int(v))] for v in pred.flatten()]``: it takes a result for a list of class
    numbers. A list of probabilities becomes the first class again and again. Therefore `flatten`,
    and nothing else, returns the numbers of the decided classes here: one, or, of a multilabel
    task, those of the labels that are present. Parts, copies and results of sums flatten as ever.
    """

    _decided: tuple[weakref.ref[ClassProbabilities], torch.Tensor] | None = None

    def decide(self, decided: torch.Tensor) -> None:
        """Note the numbers of the decided classes."""
        # MONAI hands the attributes of a tensor on to what is computed from it
        self._decided = (weakref.ref(self), decided)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> torch.Tensor:
        """Return the numbers of the decided classes, one axis; see the class."""
        if self._decided is None or self._decided[0]() is not self:
            return super().flatten(start_dim, end_dim)
        return self._decided[1]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_decided"}


class ClassProbabilitiesd(MapTransform):
    """Turn logits into the probabilities and the decision of `medmonai predict`.

    The probabilities are calibrated by the stored temperature, with column c for class c. The class
    is decided at the stored operating point, on the scores before the temperature. MONAI's
    `Activationsd` knows no calibration, and `AsDiscreted` no threshold but one for all classes.

    Args:
        keys: the entries with logits (outputs,) or (B, outputs).
        task: what the network predicts.
        class_names: in the order of the labels.
        decision_path: the decision.json beside the weights. Without it nothing is calibrated and
            the decision is at 0.5 or by the highest score, which is logged as a warning.
        allow_missing_keys: pass over keys that the dictionary lacks.

    Raises:
        ValueError: a decision.json that is damaged or for other classes; when called, logits of
            another task.

    Example:
        >>> to_classes = ClassProbabilitiesd(
        ...     "pred", task=Task("multiclass", 3), class_names="abc", decision_path="none.json"
        ... )
        >>> made = to_classes({"pred": torch.tensor([0.0, 1.0, 3.0])})["pred"]
        >>> made.flatten().tolist(), round(float(made.sum()), 6)
        ([2], 1.0)
    """

    def __init__(
        self,
        keys: KeysCollection,
        *,
        task: Task,
        class_names: Sequence[str],
        decision_path: str | Path,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.task = task
        self.class_names = tuple(class_names)
        if not Path(decision_path).is_file():
            logger.warning(
                "%s does not exist: the probabilities are not calibrated, and the decision is at "
                "0.5 or by the highest score",
                decision_path,
            )
        self.point, self.temperature = read_decision(decision_path, task, self.class_names)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Transform the entries ``keys``; the others are handed on."""
        out = dict(data)
        for key in self.key_iterator(out):
            out[key] = self._probabilities(out[key])
        return out

    def _probabilities(self, logits: torch.Tensor) -> ClassProbabilities:
        one = logits.ndim == 1
        # a plain tensor: MONAI's follows its own rules for batches
        rows = torch.as_tensor(logits.detach()).as_subclass(torch.Tensor)
        scores = self.task.probabilities(rows[None] if one else rows).double().cpu().numpy()
        ids = np.arange(len(scores)).astype(str)
        table = Predictions(ids, None, scores, self.task, self.class_names)
        decided = decide(table, self.point)
        if self.task.kind == "multilabel":
            decided = np.nonzero(decided)[1]
        calibrated = apply_temperature(table, self.temperature).y_score
        values = torch.tensor(calibrated, dtype=torch.float32, device=logits.device)
        made = cast("ClassProbabilities", ClassProbabilities(values[0] if one else values))
        made.decide(torch.from_numpy(decided))
        return made
