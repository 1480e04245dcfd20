"""Saliency of a run: which cases are shown, their maps, and the check that the maps depend on what
was learned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from medmonai.atomic_files import write_json
from medmonai.data import Cohort, ImagePlace, ResidentLoader
from medmonai.engines import (
    find_target_layer,
    grad_cam,
    occlusion_map,
    randomization_check,
    write_saliency_nifti,
)
from medmonai.networks import fixed_covariates
from medmonai.predictions import Predictions
from medmonai.report import ExplainedCases
from medmonai.visualize import confident_mistakes

# Cases in the figure, and cases that the randomization check averages over.
_SHOWN = {2: 8, 3: 4}
_CHECKED = {2: 12, 3: 6}


def cases_to_explain(predictions: Predictions, decided: np.ndarray, *, count: int) -> np.ndarray:
    """Return row numbers: by turns one of the surest mistakes and the surest correct decision of
    each class.

    Args:
        predictions: a table with labels.
        decided: the decisions on it.
        count: the largest number of rows.
    """
    wrong = decided != predictions.y_true
    right = ~(wrong if wrong.ndim == 1 else wrong.any(axis=1))
    queues = [confident_mistakes(predictions, decided, count=count).tolist()]
    for is_class, score in zip(predictions.task.one_hot(decided).T, predictions.y_score.T):
        rows = np.flatnonzero(right & (is_class == 1))
        queues.append(rows[np.argsort(-score[rows], kind="stable")].tolist())
    in_turn = dict.fromkeys(
        row for places in zip_longest(*queues) for row in places if row is not None
    )
    return np.array(list(in_turn)[:count], dtype=np.int64)


def write_saliency(
    network: nn.Module,
    *,
    loader: ResidentLoader,
    cohort: Cohort,
    predictions: Predictions,
    decided: np.ndarray,
    folder: Path,
    target_layer: str | None = None,
    seed: int = 0,
) -> ExplainedCases:
    """Write saliency.json and, for volumes, saliency/ID_METHOD.nii.gz; return the maps to draw.

    A volume's map is on the grid of its file where the cohort knows its place, else
    on the network's.

    The maps are for the decided class (multilabel: the label with the highest score). The
    randomization check, of Grad-CAM, stands in the figure and in saliency.json.

    Args:
        network: the trained network, not wrapped.
        loader: of the cohort's cases; its transform is applied, without randomness.
        cohort: the test cases.
        predictions: their table.
        decided: the decisions on it.
        folder: the run folder.
        target_layer: the layer that Grad-CAM looks at; by default `find_target_layer` chooses.
        seed: of the random weights.
    """
    dims = cohort.spatial_dims
    rows = cases_to_explain(predictions, decided, count=_CHECKED[dims])
    inputs = _as_the_network_gets_them(cohort.images[rows], loader, seed)
    of_each = decided[rows] if decided.ndim == 1 else predictions.y_score[rows].argmax(axis=1)
    classes = of_each.tolist()
    cases = [_case(predictions, row, c) for row, c in zip(rows.tolist(), classes)]
    shown = slice(0, _SHOWN[dims])
    covariates = _covariates_of(loader, rows)
    with fixed_covariates(network):
        layer = target_layer or find_target_layer(network, inputs.shape[2:])
        cam = at_covariates(partial(grad_cam, target_layer=layer), covariates)
        # No overlap in volumes: overlapping windows take eight times as long there.
        occluded = partial(occlusion_map, overlap=0.5 if dims == 2 else 0.0)
        occlude = at_covariates(occluded, covariates)
        maps = {
            "saliency": cam(network, inputs, class_index=classes)[shown],
            "occlusion": occlude(network, inputs[shown], class_index=classes[shown]),
        }
        maps = {name: _as_stored(values, cohort.spatial_size) for name, values in maps.items()}
        check = None
        if len(rows) > 1:
            check = randomization_check(
                network, inputs, class_index=classes, repeats=3, seed=seed, method=cam
            )
    said = [check.line, check.caveat] if check else []
    lines = [
        f"Grad-CAM on layer {layer} and occlusion, for the decided class, divided by each map's "
        "maximum: maps of two images do not compare in strength.",
        *said,
    ]
    checked = check.as_dict() if check else None
    content = {"lines": lines, "layer": layer, "cases": cases, "check": checked}
    write_json(content, folder / "saliency.json")
    if dims == 3:
        places = [cohort.places[row] if cohort.places else None for row in rows[shown]]
        _write_volumes(maps, [str(case["id"]) for case in cases], places, folder / "saliency")
    titles = [_title(case) for case in cases[shown]]
    notes = {"saliency": "\n".join(said)}
    return ExplainedCases(np.asarray(cohort.images[rows[shown]]), maps, titles, notes)


def at_covariates(
    method: Callable[..., np.ndarray], covariates: torch.Tensor | None
) -> Callable[..., np.ndarray]:
    """Return a method of saliency that shows each image to the network with the covariates of its
    own case, which stay as they are.

    Args:
        method: (network, images, class_index=...) -> maps (N, 1, *spatial).
        covariates: (N, values) of the cases; None for a network without covariates.
    """
    if covariates is None:
        return method

    def of_each_case(
        network: nn.Module, images: torch.Tensor, *, class_index: Sequence[int]
    ) -> np.ndarray:
        maps = []
        for i, chosen in enumerate(class_index):
            with fixed_covariates(network, covariates[i]):
                maps.append(method(network, images[i : i + 1], class_index=[chosen]))
        return np.concatenate(maps)

    return of_each_case


def _covariates_of(loader: ResidentLoader, rows: np.ndarray) -> torch.Tensor | None:
    covariates = loader.cohort.covariates
    return None if covariates is None else torch.from_numpy(covariates[rows]).to(loader.device)


def _as_the_network_gets_them(
    images: np.ndarray, loader: ResidentLoader, seed: int
) -> torch.Tensor:
    """Return images on the loader's device, changed by its transform."""
    stored = torch.from_numpy(np.asarray(images)).to(loader.device)
    if loader.transform is None:
        return stored.float()
    return loader.transform.batch(stored, torch.Generator().manual_seed(seed))


def _title(case: Mapping[str, Any]) -> str:
    """Return the id of a case and, below it, the class of its map, the score and whether that was
    right.
    """
    said = "right" if case["right"] else f"wrong: is {case['true']}"
    return f"{case['id']}\n{case['decided']}, {case['score']:.2f}\n{said}"


def _as_stored(maps: np.ndarray, spatial_size: tuple[int, ...]) -> np.ndarray:
    """Return maps (N, 1, *spatial) of images that the transform enlarged on the grid of the images
    as they are stored.
    """
    if maps.shape[2:] == spatial_size:
        return maps
    pool = {2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}[len(spatial_size)]
    return pool(torch.from_numpy(maps), spatial_size).numpy()


def _write_volumes(
    maps: dict[str, np.ndarray], ids: list[str], places: list[ImagePlace | None], folder: Path
) -> None:
    folder.mkdir(exist_ok=True)
    for name, values in maps.items():
        method = {"saliency": "grad_cam"}.get(name, name)
        for case, volume, place in zip(ids, values, places):
            write_saliency_nifti(
                volume,
                folder / f"{case.replace('/', '_')}_{method}.nii.gz",
                place=place,
                overwrite=True,
            )


def _case(predictions: Predictions, row: int, c: int) -> dict[str, Any]:
    """Return a case as the report shows it: id, truth, the class that its map is for, the score of
    that class.
    """
    names = predictions.class_names
    truth = predictions.labels[row]
    true = (
        names[truth]
        if predictions.task.exclusive
        else "; ".join(n for n, on in zip(names, truth) if on) or "none"
    )
    right = bool(truth == c) if predictions.task.exclusive else bool(truth[c])
    return {
        "id": str(predictions.ids[row]),
        "true": true,
        "decided": names[c],
        "score": float(predictions.y_score[row, c]),
        "right": right,
    }
