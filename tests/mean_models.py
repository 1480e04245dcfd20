"""Models whose logits are linear in the mean gray value, so that predictions follow by hand."""

from __future__ import annotations

import torch

from medmonai.data import ImageForm
from medmonai.deployment import Model
from medmonai.engines import FlipAveragingInferer
from medmonai.metrics import default_operating_point, default_temperature
from medmonai.networks import Ensemble
from medmonai.task import Task
from medmonai.transforms import BatchCompose, ScaleIntensityRange


class OfMean(torch.nn.Module):
    """logits[c] = slopes[c] * mean + shifts[c], where the mean of the image lies in [0, 1]."""

    def __init__(self, slopes, shifts):
        super().__init__()
        self.slopes = torch.nn.Parameter(torch.tensor(slopes, dtype=torch.float32))
        self.shifts = torch.nn.Parameter(torch.tensor(shifts, dtype=torch.float32))

    def forward(self, x):
        return x.flatten(1).mean(dim=1, keepdim=True) * self.slopes + self.shifts


def mean_model(
    kind="binary",
    *,
    slopes=(4.0,),
    shifts=(-2.0,),
    class_names=("normal", "lesion"),
    size=(8, 8),
    channels=1,
    form=None,
    temperatures=None,
    **fields,
):
    """A `Model` of `OfMean`; several rows of `shifts` make an ensemble."""
    task = Task(kind, len(class_names))
    several = isinstance(shifts[0], tuple)
    network = OfMean(slopes, shifts[0] if several else shifts)
    if several:
        network = Ensemble(network, members=len(shifts), temperatures=temperatures)
        for member, shift in zip(network.members, shifts):
            member.shifts.data = torch.tensor(shift)
    scaling = ScaleIntensityRange(a_min=0.0, a_max=255.0, b_min=0.0, b_max=1.0)
    return Model(
        network.eval(),
        form=ImageForm(size, in_channels=channels, **(form or {})),
        inferer=FlipAveragingInferer(),
        task=task,
        class_names=class_names,
        **{
            "point": default_operating_point(task),
            "temperature": default_temperature(task, scores="probabilities"),
            "preprocessing": BatchCompose([scaling]),
            "familiar": None,
            "batch_size": 4,
            "device": torch.device("cpu"),
            **fields,
        },
    )
