"""Logistic regression on the features of a frozen backbone: what its weights give by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from medmonai.baselines import train_baseline
from medmonai.data import Cohort
from medmonai.engines import frozen_features
from medmonai.predictions import Predictions

FROZEN = "frozen features"


def frozen_baseline(
    bundle: Path, cohorts: Sequence[Cohort], pretrained: str, *, seed: int
) -> list[Predictions]:
    """Train on the first cohort and predict the others.

    The backbone has the weights that the network starts from, and its input is prepared as the
    network's is, without augmentation.

    Args:
        bundle: of transfer learning.
        cohorts: for training, and then to predict.
        pretrained: the weights, as the bundle's id takes them.
        seed: of the classifier.

    Raises:
        FileNotFoundError: the weights are not there.
        ValueError: weights that do not fit.
    """
    from monai.bundle import ConfigParser

    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.json"))
    stated: dict[str, Any] = parser["network_def"]
    while "network" in stated:  # flips and an ensemble around it
        stated = stated["network"]
    parser["network_def"] = {**stated, "pretrained": pretrained, "freeze": "backbone"}
    network = parser.get_parsed_content("network_def")
    transform = parser.get_parsed_content("batch_preprocessing")
    train, *others = (frozen_features(cohort, network, transform=transform) for cohort in cohorts)
    trained = train_baseline(train, estimator="logistic_regression", seed=seed)
    return [trained.predict(cohort) for cohort in others]
