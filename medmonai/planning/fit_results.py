"""The members of a fit as one model: its weights, its decision, its evaluation and its verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.bundle import bundle_cohorts
from medmonai.data import Cohort, CovariateEncoder, MemberEncoders, read_covariates
from medmonai.data.describe import image_statistics
from medmonai.deployment import Familiar, training_values, write_training_values
from medmonai.engines import load_checkpoint, save_atomically
from medmonai.metrics import (
    Comparison,
    Temperature,
    choose_operating_point,
    compare_tables,
    fit_temperature,
)
from medmonai.networks import ensemble_state
from medmonai.predictions import Predictions, write_predictions
from medmonai.report import Evaluation, evaluate, write_comparison, write_evaluation
from medmonai.run_files import read_record

from .covariates import COVARIATES, carrier
from .diagnosis import Circumstances, diagnose, read_course
from .division import Division
from .frozen_baseline import FROZEN
from .images_alone import IMAGES
from .look import Look
from .pooling import member_temperatures, pooled

BASELINE = "random forest"
NETWORK = "network"


def write_fit(
    folder: Path,
    members: Sequence[Mapping[str, tuple[Predictions, Predictions]]],
    division: Division,
    *,
    overrides: Mapping[str, Any],
    seen: Look,
    known: Circumstances,
) -> None:
    """Write the model of all members, its predictions and their evaluation; metrics.json comes
    last.

    Args:
        folder: the folder of the fit, with its trained members.
        members: for each, NETWORK, BASELINE and perhaps COVARIATES, IMAGES, FROZEN -> its
            (validation, test) predictions.
        division: of the cases.
        overrides: with which the bundle finds the training images.
        seen: the look at the training files.
        known: what a diagnosis of the training is told.
    """
    networks = [member[NETWORK] for member in members]
    _write_ensemble(division.members, folder, member_temperatures(networks, division))
    _write_encoders(division.members, folder)
    cohorts = [
        cohort
        for cohort in bundle_cohorts(folder / "model", overrides)
        if cohort.split != "test" or division.kind == "rotation"  # some member learned from it
    ]
    familiar = _familiar(cohorts, seen)
    models = folder / "model" / "models"
    familiar.write(models / "training_images.json")
    sizes = seen.sizes or [seen.size] * sum(map(len, cohorts))
    write_training_values(training_values(cohorts, sizes), models / "training_values.json")
    test, held_out = pooled(networks, division)
    references = {
        name: pooled([member[name] for member in members], division)[0]
        for name in members[0]
        if name != NETWORK
    }
    tables = {NETWORK: test, **references}
    write_predictions(test, folder / "predictions_test.csv", overwrite=True)
    # In a rotation, every case was scored by a member that had not learned from it. These scores
    # choose the decision of the model; the figures of the report do not use it.
    validation = None if division.kind == "rotation" else held_out
    if validation is not None:
        write_predictions(validation, folder / "predictions_val.csv", overwrite=True)
    _write_decision(held_out, folder)
    comparisons = compare_tables(tables)
    write_comparison(comparisons, folder, overwrite=True)
    evaluation = evaluate(test, validation=validation)
    write_evaluation(
        evaluation,
        folder,
        data=read_record(folder / "members" / "0" / "metrics.json").get("data", {}),
        references={name.replace(" ", "_"): table for name, table in references.items()},
        verdict=verdict(tables, comparisons),
        diagnosis=_diagnosed(folder, division, evaluation, comparisons[0], known),
    )


def _means_of(images: np.ndarray, channel: int) -> np.ndarray:
    """Return the mean of one channel of each image (N,), an image at a time."""
    return np.array([image[channel].mean() for image in images])


def _familiar(cohorts: Sequence[Cohort], seen: Look) -> Familiar:
    """Return what the training images looked like; see `write_fit`."""
    channels = [level.channel for level in seen.levels] if len(seen.levels) > 1 else []
    stated = seen.evidence
    described = [image_statistics(cohort.images) for cohort in cohorts]
    familiar = Familiar.of(
        np.concatenate([one.means for one in described]),
        np.concatenate([one.sds for one in described]),
        sizes=seen.sizes or [seen.size],
        colored=seen.colored,
        spacings=[place.original_spacing for cohort in cohorts for place in cohort.places or ()],
        channels={
            name: np.concatenate([_means_of(cohort.images, number) for cohort in cohorts])
            for number, name in enumerate(channels)
        },
    )
    return replace(
        familiar,
        modalities=() if stated is None else stated.codes,
        body_parts=() if stated is None else stated.body_parts,
    )


def _write_decision(held_out: Predictions, folder: Path) -> None:
    """Write the threshold and the temperature of the model, chosen on held-out scores."""
    write_json(
        {
            "class_names": list(held_out.class_names),
            "operating_point": choose_operating_point(held_out).as_dict(),
            "temperature": fit_temperature(held_out).as_dict(),
        },
        folder / "model" / "models" / "decision.json",
    )


def _diagnosed(
    folder: Path,
    division: Division,
    evaluation: Evaluation,
    comparison: Comparison,
    known: Circumstances,
) -> dict[str, Any] | None:
    """Return why the training failed; None if it did not."""
    auc = evaluation.metrics["auc"]
    diagnosis = diagnose(
        [read_course(folder / "members" / str(k) / "history.csv") for k in range(division.members)],
        evaluation.test,
        auc,
        replace(known, baseline_auc=auc["estimate"] - comparison.difference),
    )
    return None if diagnosis is None else diagnosis.as_dict()


def verdict(tables: Mapping[str, Predictions], comparisons: Sequence[Comparison]) -> str:
    """Return in a few sentences whether the network is worth its training and, where it sees
    covariates, whether it is better than those alone and which of both carries the AUC.

    Args:
        tables: NETWORK, BASELINE and perhaps COVARIATES, IMAGES, FROZEN -> test predictions.
        comparisons: of all pairs, in their order.
    """
    of_pair = {(one.a, one.b): one for one in comparisons}
    if COVARIATES not in tables:
        what = f"a {BASELINE} on texture features that was trained on the same cases"
        said = [_verdict(of_pair[NETWORK, BASELINE], what)]
        if FROZEN in tables:
            what = "a logistic regression on the features of its frozen weights"
            said.append(_verdict(of_pair[NETWORK, FROZEN], what))
        return " ".join(said)
    said = [
        _verdict(of_pair[NETWORK, COVARIATES], "a classifier of the covariates alone"),
        carrier(tables, comparisons, network=NETWORK, images=IMAGES),
    ]
    return " ".join(said)


def _verdict(comparison: Comparison, other: str) -> str:
    measured = (
        f"AUC difference {comparison.difference:+.3f} ({comparison.low:+.3f} to "
        f"{comparison.high:+.3f}, n = {comparison.n}{_corrected(comparison)})"
    )
    what = f"{other}: {measured}."
    if comparison.verdict == "better":
        return f"The network is better than {what}"
    if comparison.verdict == "worse":
        return f"The network is worse than {what} Do not use it as it is."
    return (
        f"The network is not distinguishable from {what} That it is worth its training has not "
        "been shown."
    )


def _corrected(comparison: Comparison) -> str:
    """Return the p value that a verdict among several comparisons rests on."""
    if comparison.p_holm is None or comparison.p_holm == comparison.p_value:
        return ""
    shown = "< 0.001" if comparison.p_holm < 0.001 else f"= {comparison.p_holm:.3f}"
    return f"; p {shown} after Holm's correction"


def _write_encoders(members: int, folder: Path) -> None:
    """Write the encoders of all members beside their weights, where they see covariates."""
    paths = [folder / "members" / str(k) / "models" / "covariates.json" for k in range(members)]
    encoders = map(read_covariates, filter(Path.is_file, paths))
    singles = [one for one in encoders if isinstance(one, CovariateEncoder)]
    if singles:
        MemberEncoders(tuple(singles)).write(folder / "model" / "models" / "covariates.json")


def _write_ensemble(members: int, folder: Path, temperatures: Sequence[Temperature] | None) -> None:
    """Write the weights of all members as one network, and its inference.json."""
    states = [
        load_checkpoint(folder / "members" / str(member) / "models" / "model.pt")
        for member in range(members)
    ]
    save_atomically(ensemble_state(states), folder / "model" / "models" / "model.pt")
    path = folder / "model" / "configs" / "inference.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    outer = config["network_def"]
    wrapped = outer["_target_"] == "medmonai.networks.ClassLogits"
    network = outer["network"] if wrapped else outer
    if network["_target_"] != "medmonai.networks.Ensemble":
        ensemble = {
            "_target_": "medmonai.networks.Ensemble",
            "network": network,
            "members": members,
        }
        if temperatures is not None:
            ensemble |= {
                "temperatures": [one.temperature for one in temperatures],
                "biases": [list(one.bias) or [0.0] for one in temperatures],
            }
        config["network_def"] = {**outer, "network": ensemble} if wrapped else ensemble
        write_json(config, path)
