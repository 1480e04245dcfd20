"""Pictures beside the numbers: the image as the network sees it, and where the network looks."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from medmonai.data.files import DecodedCase
from medmonai.data.image_place import ImagePlace
from medmonai.deployment import GivenCase, Model, PredictedCase, member_covariates, prepared
from medmonai.engines import grad_cam

_STRONGEST = 0.8  # opacity of the largest value of a map


def saliency_map(
    model: Model, case: DecodedCase, decided: int, covariates: Any = None
) -> np.ndarray:
    """Return the Grad-CAM map (*spatial) in [0, 1] of the decided class: the mean over the members.

    Args:
        model: a loaded model.
        case: the decoded image.
        decided: number of the class, or of the label.
        covariates: what each member takes beside the image; None where it takes nothing.
    """
    x = prepared(model, torch.from_numpy(np.array(case.image)[None]))
    members: Sequence[nn.Module] = model.members
    if covariates is not None:
        members = [_Beside(member, values) for member, values in zip(members, covariates)]
    maps = [grad_cam(member, x, class_index=decided)[0, 0] for member in members]
    mean = np.mean(maps, axis=0)
    return mean / mean.max() if mean.max() > 0 else mean


def decided_map(
    model: Model, given: GivenCase, image: DecodedCase, predicted: PredictedCase
) -> np.ndarray:
    """Return the map of `saliency_map` for the class that was decided; of the likeliest label where
    several labels were decided, or none.

    Args:
        model: a loaded model.
        given: names the case and has its covariates.
        image: the decoded image.
        predicted: what the model said of it.
    """
    names = list(model.class_names)
    if predicted.decision in names:
        decided = names.index(predicted.decision)
    else:
        decided = max(range(len(names)), key=predicted.probabilities.__getitem__)
    beside = member_covariates(model, [given])
    return saliency_map(model, image, decided, list(beside[0]) if beside else None)


class _Beside(nn.Module):
    """A network with its covariates held fixed."""

    covariates: torch.Tensor

    def __init__(self, network: nn.Module, covariates: torch.Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("covariates", covariates)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of the images."""
        return self.network(x, self.covariates.expand(len(x), -1))


def image_planes(case: DecodedCase) -> list[np.ndarray]:
    """Return the image as pictures (rows, columns) or (rows, columns, 3), uint8: one, or the slices
    of a volume along its last axis.

    Slices whose directions are known are turned as radiologists see them: the right side of the
    patient at the left, the front on top.
    """
    image = case.image
    colored = len(image) == 3 and image.ndim == 3
    values = np.moveaxis(image, 0, -1) if colored else image[0]
    return _planes(values, case.place, axes=2 if image.ndim == 3 else 3)


def map_planes(values: np.ndarray, place: ImagePlace | None) -> list[np.ndarray]:
    """Return a map (*spatial) in [0, 1] as pictures (rows, columns, 4), uint8, with transparency,
    slice by slice like the image.
    """
    import matplotlib

    color = matplotlib.colormaps["inferno"]
    return [_painted(plane, color) for plane in _planes(values, place, axes=values.ndim)]


def image_slices(case: DecodedCase) -> list[str]:
    """Return the pictures of `image_planes` as PNG, base64."""
    return [_png(plane) for plane in image_planes(case)]


def map_slices(values: np.ndarray, place: ImagePlace | None) -> list[str]:
    """Return the pictures of `map_planes` as PNG, base64."""
    return [_png(plane) for plane in map_planes(values, place)]


def _painted(plane: np.ndarray, color: Any) -> np.ndarray:
    painted = np.asarray(color(plane))
    painted[..., 3] = _STRONGEST * plane
    return np.round(255 * painted).astype(np.uint8)


def _planes(values: np.ndarray, place: ImagePlace | None, *, axes: int) -> list[np.ndarray]:
    if axes == 2:
        return [values]
    if place is not None and is_upright(place):
        signs = np.sign(np.diag(place.affine)[:2])
        # columns from the right side of the patient to the left, rows from the front to the back
        values = values[:: -int(signs[0]), :: -int(signs[1])].swapaxes(0, 1)
    return [values[:, :, k] for k in range(values.shape[2])]


def is_upright(place: ImagePlace) -> bool:
    """Return whether the axes of a grid are those of the patient, but for their directions."""
    directions = np.abs(place.affine[:3, :3])
    return bool((directions.argmax(axis=0) == np.arange(3)).all())


def _png(plane: np.ndarray) -> str:
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(plane)).save(held, "PNG")
    return base64.b64encode(held.getvalue()).decode("ascii")
