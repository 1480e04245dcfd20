"""Covariates in a plan and a result: how they are read, what they reach alone, and what carries the
AUC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.baselines import covariate_weights, train_baseline
from medmonai.data import (
    Cohort,
    CovariateEncoder,
    covariate_layout,
    read_covariates,
    with_covariates,
)
from medmonai.data.describe import listing_call
from medmonai.metrics import Comparison, compare_tables, summarize
from medmonai.predictions import Predictions

from .choice import Choice
from .look import Look
from .network_rules import AskedNetwork

COVARIATES = "covariates alone"


def covariate_names(look: Look) -> list[str]:
    """Return the covariates that a source was opened with."""
    listed = listing_call(look.source, look.options)
    return [] if listed is None else [name for name in listed[1].get("covariates") or () if name]


def planned_covariates(look: Look) -> list[dict[str, Any]]:
    """Return name, kind and categories of the covariates that a source was opened with, as a recipe
    states them; [] without any.

    The categories are those outside a given test split. A member still counts those without a
    training case of its own as not seen.
    """
    names = covariate_names(look)
    if look.listing is None or not names:
        return []
    kept = np.ones(len(look.listing), bool)
    if look.listing.splits is not None:
        kept = look.listing.splits != "test"
    return covariate_layout({name: look.listing.metadata[name][kept] for name in names}, names)


def covariate_choice(look: Look, asked: AskedNetwork) -> tuple[list[dict[str, Any]], list[Choice]]:
    """Choose how covariates are read and where they join the network.

    Args:
        look: at the data.
        asked: the network that somebody asks for.

    Raises:
        ValueError: a network with pretrained weights.
    """
    columns = planned_covariates(look)
    if not columns:
        return [], []
    if asked.transfer:
        raise ValueError(
            "--covariates with --weights (or a network of timm): such a network takes no "
            "covariates; leave one of them out."
        )
    shown = ", ".join(f"{one['name']} ({_kind(one)})" for one in columns)
    return columns, [
        Choice(
            "covariates",
            shown,
            "scaled and numbered by the training cases of each member; they join the features of "
            "the image in front of the last layer, beginning with their logistic regression",
        )
    ]


def _kind(column: Mapping[str, Any]) -> str:
    count = len(column.get("categories", ()))
    return (
        "number" if column["kind"] == "number" else f"{count} categor{'y' if count == 1 else 'ies'}"
    )


def covariates_alone(
    cohorts: Sequence[Cohort], weights: Path, *, seed: int
) -> tuple[Predictions, Predictions]:
    """Return the (validation, test) tables of a classifier that sees the covariates alone.

    It is the logistic regression that the network begins with, so a network that is better has
    learned from the images. Where gradient boosting is better on the validation cases (DeLong's
    test at .05), as where a risk rises and falls again, it takes the place of the regression.

    Args:
        cohorts: train, validation and test.
        weights: of the network, beside which the encoder lies.
        seed: of the boosting.
    """
    encoder = read_covariates(weights)
    assert isinstance(encoder, CovariateEncoder)  # of one member
    train, validation, test = (with_covariates(cohort, encoder) for cohort in cohorts)
    fitted = np.array(covariate_weights(train, encoder))
    boosting = train_baseline(
        train, estimator="gradient_boosting", features="covariates", seed=seed
    )
    tables = {
        "boosting": boosting.predict(validation),
        "regression": _regressed(validation, fitted),
    }
    (compared,) = compare_tables(tables)
    if compared.verdict == "better":
        return tables["boosting"], boosting.predict(test)
    return tables["regression"], _regressed(test, fitted)


def _regressed(cohort: Cohort, fitted: np.ndarray) -> Predictions:
    """Return what a logistic regression says of encoded covariates."""
    import torch

    assert cohort.covariates is not None
    logits = cohort.covariates @ fitted[:, :-1].T + fitted[:, -1]
    scores = cohort.task.probabilities(torch.from_numpy(logits)).numpy()
    return Predictions(
        cohort.ids, cohort.labels, scores, cohort.task, cohort.class_names, cohort.groups
    )


def carrier(
    tables: Mapping[str, Predictions],
    comparisons: Sequence[Comparison],
    *,
    network: str,
    images: str,
) -> str:
    """Return in a sentence or two whether the images or the covariates carry the AUC.

    Args:
        tables: predictions of the network, of one that sees the images alone, and of `COVARIATES`,
            on the same cases.
        comparisons: of all pairs of them.
        network: name of the network in both.
        images: name of the network that sees the images alone.
    """
    of = {name: summarize(table)["auc"] for name, table in tables.items()}
    better = {(one.a, one.b): one.verdict for one in comparisons}
    better |= {(one.b, one.a): _turned(one.verdict) for one in comparisons}
    reached = {name: _shown(one) for name, one in of.items()}
    both, alone, picture = reached[network], reached[COVARIATES], reached[images]
    informative = {name: (one["low"] or 0.0) > 0.5 for name, one in of.items()}
    adds = better[network, COVARIATES] == "better"
    on_images = f"a network on the images alone reaches {picture}"
    if not informative[COVARIATES] and not adds and not informative[images]:
        return (
            "Neither images nor covariates carry an AUC that can be told from chance: the "
            f"covariates alone reach {alone}, {on_images}, and the network with both {both}."
        )
    if not informative[COVARIATES]:
        return (
            f"The images carry the AUC: the covariates alone reach {alone}, which cannot be told "
            f"from chance, {on_images}, and the network with both {both}."
        )
    if not adds:
        return (
            f"The covariates carry the AUC: alone they reach {alone}, {on_images}, and the network "
            f"with both {both}. That the images add to the covariates has not been shown."
        )
    if not informative[images]:
        return (
            f"The covariates carry most of the AUC ({alone} alone), and the images add to them: "
            f"the network with both reaches {both}, although {on_images}, which cannot be told "
            "from chance."
        )
    if better[network, images] == "better":
        return (
            f"Images and covariates both carry the AUC: {on_images}, the covariates alone reach "
            f"{alone}, and the network with both {both}."
        )
    return (
        f"The images carry the AUC: {on_images}, the covariates alone reach {alone}, and the "
        f"network with both {both}. That the covariates add to the images has not been shown."
    )


def _turned(verdict: str) -> str:
    return {"better": "worse", "worse": "better"}.get(verdict, verdict)


def _shown(auc: Mapping[str, Any]) -> str:
    return "an undefined AUC" if auc["estimate"] is None else f"{auc['estimate']:.3f}"
