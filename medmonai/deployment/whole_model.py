"""A trained model as one module: from an image as it was decoded to probabilities and decision."""

from __future__ import annotations

import copy
from typing import Any

import torch
from monai.transforms import Randomizable
from torch import nn

from medmonai.data import ImageForm
from medmonai.engines import FlipAveragingInferer, PrecisionInferer
from medmonai.metrics.calibration.temperature import FLOOR
from medmonai.networks import Ensemble
from medmonai.transforms import BatchCompose, BatchTransform

from .graph_levels import PictureLevels, VolumeLevels
from .model import Model

OUTPUT_NAMES = ("probabilities", "decision", "spread")


class WholeModel(nn.Module):
    """Everything between decoding and decision: window, size, normalization, all members, flips,
    temperatures, threshold.

    The result is that of `predict` in float32. What `predict` refuses has no result: probabilities
    and spread are NaN and the decision is -1 where the image holds NaN or infinite values.

    Args:
        model: a loaded model.

    Raises:
        ValueError: preprocessing or inferer that cannot be part of a file.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.form: ImageForm = model.form
        self.task = model.task
        volumes = len(model.form.spatial_size) == 3
        self.levels = (VolumeLevels if volumes else PictureLevels)(
            model.form, from_columns=bool(model.image_columns)
        )
        self.transforms = _transforms(model.preprocessing)
        self.flips = _flips(model.inferer)
        self.members = nn.ModuleList(copy.deepcopy(one).cpu() for one in model.members).eval()
        for weight in self.members.parameters():
            weight.data = weight.data.contiguous()  # files know no channels last
        ensemble = model.network if isinstance(model.network, Ensemble) else None
        self.scales = None if ensemble is None else ensemble.temperatures.double().cpu()
        self.shifts = None if ensemble is None else ensemble.biases.double().cpu()
        self.thresholds = torch.tensor(model.point.thresholds, dtype=torch.float64)
        self.temperature = model.temperature.temperature
        self.bias = torch.tensor(model.temperature.bias, dtype=torch.float64)
        self.input_names = (
            "image",
            *["spacing"] * (model.form.spacing is not None),
            *["present"] * bool(model.form.indicators),
            *["covariates"] * (model.covariates is not None),
        )

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return probabilities (B, classes) float32, decisions and spread (B,) float32.

        The decision is the number of the class, int64 (B,); of several labels 0 or 1 for each
        (B, labels).

        Args:
            *inputs: what `input_names` names: image (B, H, W, C) or (B, D, H, W[, C]), uint8 or
                float32 as the form asks; spacing (B, 3) float64 in millimeters; present
                (B, indicators) float32; covariates as `CovariateEncoder.encode` returns them.
        """
        given = dict(zip(self.input_names, inputs))
        x = self.levels(given["image"], given.get("spacing")).float()
        if "present" in given:
            x = self._with_indicators(x, given["present"])
        for transform in self.transforms:
            x = transform.apply(x, {})
        members = self._logits(x, given.get("covariates"))
        scores = self.task.probabilities(members.mean(dim=0))
        probabilities = self._calibrated(scores)
        decision = self._decided(scores)
        spread = self._spread(members, decision)
        # 0, or NaN where any gray value is not finite
        invalid = (given["image"].float() * 0).flatten(1).sum(dim=1)
        refused = invalid.isnan()[:, None] if decision.ndim == 2 else invalid.isnan()
        return (
            probabilities.float() + invalid[:, None],
            torch.where(refused, -1, decision),
            spread.float() + invalid,
        )

    def _with_indicators(self, x: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        shape = (*present.shape, *[1] * (x.ndim - 2))
        seen = present.float().reshape(shape)
        channels = list(x.unbind(dim=1))
        for place, channel in enumerate(self.form.indicators):
            channels[channel] = channels[channel] * seen[:, place]
        behind = 255 * seen * torch.ones_like(x[:, : len(self.form.indicators)])
        return torch.cat([torch.stack(channels, dim=1), behind], dim=1)

    def _logits(self, x: torch.Tensor, covariates: torch.Tensor | None) -> torch.Tensor:
        """Return the logits (members, B, outputs) on one scale, averaged over flips."""
        turned = torch.cat(
            [torch.flip(x, [a + 2 for a in axes]) if axes else x for axes in self.flips]
        )
        of_members = []
        for number, member in enumerate(self.members):
            if covariates is None:
                logits = member(turned)
            else:
                own = covariates if covariates.ndim == 2 else covariates[:, number]
                logits = member(turned, own.repeat(len(self.flips), 1))
            of_members.append(logits.double().unflatten(0, (len(self.flips), -1)).mean(dim=0))
        members = torch.stack(of_members)
        if self.scales is None or self.shifts is None:
            return members
        return members / self.scales + self.shifts

    def _calibrated(self, scores: torch.Tensor) -> torch.Tensor:
        """Return the scores after the temperature, as `medmonai.metrics.apply_temperature`."""
        p = scores.double().clamp(FLOOR, 1)
        if self.task.kind in ("multiclass", "ordinal"):
            return torch.softmax(torch.log(p) / self.temperature, dim=1)
        if self.task.kind == "multilabel":
            rest = (1 - scores.double()).clamp(FLOOR, 1)
            return torch.sigmoid((torch.log(p) - torch.log(rest)) / self.temperature + self.bias)
        z = torch.log(p[:, 1:]) - torch.log(p[:, :1])
        z = z / self.temperature + self.bias
        return torch.cat([torch.sigmoid(-z), torch.sigmoid(z)], dim=1)

    def _decided(self, scores: torch.Tensor) -> torch.Tensor:
        if self.task.kind in ("multiclass", "ordinal"):
            return scores.argmax(dim=1)
        above = (scores.double()[:, -len(self.thresholds) :] > self.thresholds).long()
        return above[:, 0] if self.task.kind == "binary" else above

    def _spread(self, members: torch.Tensor, decision: torch.Tensor) -> torch.Tensor:
        if len(self.members) == 1:
            return torch.zeros_like(members[0, :, 0])
        each = torch.stack(
            [self._calibrated(self.task.probabilities(one)) for one in members.unbind(dim=0)]
        )
        spreads = (each - each.mean(dim=0)).square().mean(dim=0).sqrt()
        if not self.task.exclusive:
            return spreads.amax(dim=1)
        return spreads.gather(1, decision[:, None])[:, 0]


def _transforms(preprocessing: Any) -> list[BatchTransform]:
    """Return the transforms before the network.

    Raises:
        ValueError: one that is random, or is not one of medmonai.transforms.
    """
    chain = preprocessing.transforms if isinstance(preprocessing, BatchCompose) else [preprocessing]
    for transform in chain:
        if not isinstance(transform, BatchTransform) or isinstance(transform, Randomizable):
            raise ValueError(
                f"preprocessing holds {type(transform).__name__}; only transforms of "
                "medmonai.transforms that are not random can be part of a file."
            )
    return list(chain)


def _flips(inferer: Any) -> list[tuple[int, ...]]:
    if type(inferer) not in (PrecisionInferer, FlipAveragingInferer):
        raise ValueError(
            f"inferer={type(inferer).__name__}; only FlipAveragingInferer and PrecisionInferer of "
            "medmonai.engines can be part of a file."
        )
    return list(getattr(inferer, "flips", [()]))
