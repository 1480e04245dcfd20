"""Which epoch's weights are kept, and when validation has too few cases to choose among all."""

from __future__ import annotations

from typing import Any

from .choice import Choice
from .look import Look

# Cases of the rarest class in validation: with fewer, the standard error of an AUC near .9 is above
# .02, and the best of all epochs is often an early one that was lucky.
_ENOUGH = 100


def kept_weights_choice(look: Look, validation_cases: int) -> tuple[dict[str, Any], Choice]:
    """Choose the epochs among which the best validation AUC decides.

    Args:
        look: at the data.
        validation_cases: of one member.

    Returns:
        "keep_best" of the recipe, and the choice.
    """
    if look.task.kind != "binary":
        return {}, Choice("weights kept", "of the epoch with the best validation AUC", "one stage")
    rarest = round(validation_cases * look.rarest / max(look.training_cases, 1))
    if rarest >= _ENOUGH:
        reason = f"validation has about {rarest} cases of the rarest class"
        return {"keep_best": "run"}, Choice(
            "weights kept", "of the epoch with the best validation AUC, of both stages", reason
        )
    reason = f"validation has about {rarest} cases of the rarest class, too few to compare stages"
    return {"keep_best": "stage"}, Choice(
        "weights kept", "of the epoch of the AUC stage with the best validation AUC", reason
    )
