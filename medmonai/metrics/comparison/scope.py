"""The scope of a comparison's verdict, in the wording shared by console, files, reports and
studies.
"""

from __future__ import annotations

from collections.abc import Sequence

from .verdicts import Comparison


def verdict_scope(comparisons: Sequence[Comparison]) -> str:
    """State the scope of the verdicts: the scores of these trained models on other patients, not
    their recipes.

    Args:
        comparisons: comparisons of one call of `compare_tables`; `seeds_a` and `seeds_b` count the
            training runs of each side.

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
            "scores as much: even two training runs of one recipe can differ. To compare recipes, "
            "train several seeds of each."
        )
    each = (
        f"{counts[0]} trainings each"
        if len(counts) == 1
        else f"{counts[0]} to {counts[-1]} trainings each"
    )
    return (
        f"{about}, averaged over {each}; not the recipe. Neither interval nor p includes what "
        "training again would change: the spread over seeds shows that."
    )
