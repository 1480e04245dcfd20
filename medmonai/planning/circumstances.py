"""What a diagnosis of a training is told about the data and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .diagnosis import Circumstances, chance_loss, least_loss
from .division import Division
from .forecast import cases_of_a_member
from .look import Look


def circumstances(look: Look, division: Division, recipe: Mapping[str, Any]) -> Circumstances:
    """Return the circumstances of a fit.

    Args:
        look: at the data.
        division: of the cases.
        recipe: recipe.json of the fit.
    """
    smoothing = float(recipe.get("label_smoothing") or 0.0)
    balanced = recipe.get("balance") == "oversample"
    size = np.max(recipe.get("dataset", {}).get("size", 0))
    task = look.task
    totals = np.array(list(look.class_totals.values()), float)
    shares = totals / max(look.training_cases, 1)
    outputs = task.num_classes if task.exclusive else 2
    findings = () if look.evidence is None else look.evidence.findings
    return Circumstances(
        cases_of_a_member(look, division)[0],
        chance_loss=chance_loss(shares, exclusive=task.exclusive, balanced=balanced),
        least_loss=least_loss(smoothing, outputs),
        given_test=division.kind != "rotation",
        size=int(size),
        file_size=max(look.size),
        shortcut=(findings[0].field, findings[0].v) if findings else None,
        findings=tuple(
            check.removeprefix("warning: ") for check in look.checks if check[:7] == "warning"
        ),
    )
