"""What a verdict of a comparison is about, in the one wording that console, files, reports and
studies share.
"""

from __future__ import annotations

from collections.abc import Sequence

from .verdicts import Comparison


def verdict_scope(comparisons: Sequence[Comparison]) -> str:
    """Say what the verdicts hold for: the scores of these trained models on other patients, not
    their recipes.

    Args:
        comparisons: of one call of `compare_tables`; `seeds_a` and `seeds_b` count the trainings
            behind each side.

    Returns:
        One paragraph; "" for no comparison.
    """
    counts = sorted({count for c in comparisons for count in (c.seeds_a, c.seeds_b)})
    if not counts:
        return ""
    about = "What the verdict is about: these networks' scores on other patients"
    if counts == [1]:
        return (
            f"{about}, one training each; not the recipe. Training a recipe again can change the "
            "scores as much: even two trainings of one recipe can differ. To compare recipes, "
            "train several seeds of each."
        )
    each = (
        f"{counts[0]} trainings each"
        if len(counts) == 1
        else f"{counts[0]} to {counts[-1]} trainings each"
    )
    return (
        f"{about}, averaged over {each}; not the recipe. Neither interval nor p holds what "
        "training again would change: the spread over seeds shows that."
    )
