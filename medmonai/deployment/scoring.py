"""From decoded images to probabilities, decisions and spreads, a batch at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from medmonai.data.files import DecodedCase
from medmonai.metrics import apply_temperature, decide
from medmonai.networks import Ensemble
from medmonai.predictions import Predictions
from medmonai.transforms import BatchCompose

from .exported import ExportedModel
from .inputs import GivenCase
from .model import Model


def scored(
    model: Model | ExportedModel, cases: Sequence[tuple[GivenCase, DecodedCase]]
) -> list[tuple[tuple[float, ...], str, float]]:
    """Return the probabilities, the decision and the spread of each case of a batch.

    Args:
        model: a loaded model.
        cases: with their decoded images.
    """
    if not cases:
        return []
    if isinstance(model, ExportedModel):
        return _scored_by_file(model, cases)
    whole, members = uncalibrated(model, cases)
    decided = decide(whole, model.point)
    names = whole.predicted_names(decided)
    calibrated = apply_temperature(whole, model.temperature).y_score
    spreads = np.std([apply_temperature(one, model.temperature).y_score for one in members], axis=0)
    chosen = (
        spreads[np.arange(len(spreads)), decided] if model.task.exclusive else spreads.max(axis=1)
    )
    return [
        (tuple(row.tolist()), decision, float(spread))
        for row, decision, spread in zip(calibrated, names, chosen)
    ]


def uncalibrated(
    model: Model, cases: Sequence[tuple[GivenCase, DecodedCase]]
) -> tuple[Predictions, list[Predictions]]:
    """Return the scores of a batch before the temperature, on which decisions are made: those of
    the model, and those of each member. Their ids are the numbers of the cases.

    Args:
        model: a loaded model.
        cases: with their decoded images, at least one.
    """
    images = torch.from_numpy(np.stack([case.image for _, case in cases]))
    with torch.inference_mode():
        x = prepared(model, images)
        beside = member_covariates(model, [given for given, _ in cases])
        logits = torch.stack(
            [model.inferer(x, *pair) for pair in zip(model.members, *beside)]
        ).double()
        if isinstance(model.network, Ensemble):
            logits = model.network.on_one_scale(logits)
    members = [_table(model, one.cpu()) for one in logits]
    return _table(model, logits.mean(dim=0).cpu()), members


def _scored_by_file(
    model: ExportedModel, cases: Sequence[tuple[GivenCase, DecodedCase]]
) -> list[tuple[tuple[float, ...], str, float]]:
    covariates = None
    if model.covariates is not None:
        names = model.covariates.names
        columns = {name: [given.covariates[name] for given, _ in cases] for name in names}
        covariates = model.covariates.encode(columns)
    probabilities, decided, spreads = model.scores(
        np.stack([case.image for _, case in cases]), covariates
    )
    ids = np.arange(len(cases)).astype(str)
    table = Predictions(ids, None, probabilities, model.task, model.class_names)
    return [
        (tuple(row.tolist()), decision, float(spread))
        for row, decision, spread in zip(probabilities, table.predicted_names(decided), spreads)
    ]


def prepared(model: Model, images: torch.Tensor) -> torch.Tensor:
    """Return a batch as the network takes it.

    Args:
        model: a loaded model.
        images: (B, C, *spatial) gray values, as they are decoded.
    """
    # Its door for batches: the other one takes a batch for one image of many channels.
    return BatchCompose([model.preprocessing]).batch(images.to(model.device), torch.Generator())


def member_covariates(model: Model, cases: Sequence[GivenCase]) -> list[list[torch.Tensor]]:
    """Return what each member takes beside the images: its encoded covariates; nothing where it
    takes none.

    Args:
        model: a loaded model.
        cases: with their covariates.
    """
    if model.covariates is None:
        return []
    columns = {name: [case.covariates[name] for case in cases] for name in model.covariates.names}
    values = torch.from_numpy(model.covariates.encode(columns)).to(model.device)
    if values.ndim == 2:
        return [[values] * len(model.members)]
    return [list(values.unbind(dim=1))]


def _table(model: Model, logits: torch.Tensor) -> Predictions:
    scores = model.task.probabilities(logits).numpy()
    # Numbers stand for the paths, which may hold anything.
    ids = np.arange(len(scores)).astype(str)
    return Predictions(ids, None, scores, model.task, model.class_names)
