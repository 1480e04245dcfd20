"""How the images of a training are distributed, so that those of another site can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.data import Cohort
from medmonai.data.describe import image_statistics
from medmonai.data.files import DecodedCase
from medmonai.run_files import parts_of, read_record

FILE = "training_values.json"
_MOST = 5000  # values of a measurement that are kept
_DIGITS = 6


def measurements(case: DecodedCase) -> dict[str, float]:
    """Return what is compared between sites: gray level, contrast, size and spacing of an image.

    Brightness and contrast are mean and standard deviation of the gray levels that the network
    sees, 0 to 255. Sizes are those of the file, in pixels or voxels; spacing is in mm, NaN where
    the file states none.

    Args:
        case: the decoded image.
    """
    values = {"brightness": float(case.image.mean()), "contrast": float(case.image.std())}
    axes = axis_names(len(case.size))
    values |= {f"size, {axis}": float(n) for axis, n in zip(axes, case.size)}
    if len(axes) == 3:
        stated = None if case.place is None else case.place.original_spacing
        values |= {
            f"spacing, {axis}": float("nan") if stated is None else float(stated[number])
            for number, axis in enumerate(axes)
        }
    return values


def training_values(
    cohorts: Sequence[Cohort], sizes: Sequence[Sequence[int]]
) -> dict[str, np.ndarray]:
    """Return the measurements of training images, as `measurements` names them: one value for each
    patient, the mean over the images, where patients are known, else one for each image; sizes are
    those of the sampled files, whoever they belong to.

    Args:
        cohorts: of the training.
        sizes: voxels of sampled files along each axis.
    """
    statistics = [image_statistics(cohort.images) for cohort in cohorts]
    columns = {
        "brightness": np.concatenate([one.means for one in statistics]),
        "contrast": np.concatenate([one.sds for one in statistics]),
    }
    axes = axis_names(len(cohorts[0].spatial_size))
    places = [place for cohort in cohorts for place in cohort.places or ()]
    if len(places) == len(columns["brightness"]):
        spacings = np.array([place.original_spacing for place in places])
        columns |= {f"spacing, {axis}": spacings[:, i] for i, axis in enumerate(axes)}
    groups = [cohort.groups for cohort in cohorts if cohort.groups is not None]
    known = np.concatenate(groups).astype(str) if len(groups) == len(cohorts) else None
    values = {name: patient_means(column, known) for name, column in columns.items()}
    if len(sizes):
        values |= {f"size, {axis}": np.array(sizes, float)[:, i] for i, axis in enumerate(axes)}
    return values


def write_training_values(values: Mapping[str, np.ndarray], path: Path) -> None:
    """Write measurements as JSON: at most 5,000 of each, `rounded`, each sorted by itself, so that
    they lead back to no patient.
    """
    rng = np.random.default_rng(0)
    kept = {
        name: np.sort(column if len(column) <= _MOST else rng.choice(column, _MOST, replace=False))
        for name, column in values.items()
    }
    write_json({name: rounded(column).tolist() for name, column in kept.items()}, path)


def rounded(values: np.ndarray) -> np.ndarray:
    """Return values with the digits that a record keeps: what is compared with them has to have as
    many, or an equal spacing (0.7421875) would differ in all images.

    Args:
        values: (N,).
    """
    return np.array([float(f"{value:.{_DIGITS}g}") for value in values], np.float64)


def read_training_values(path: Path) -> dict[str, np.ndarray]:
    """Read what `write_training_values` wrote; empty where there is no such file.

    Raises:
        ValueError: a damaged file.
    """
    stored = read_record(path)
    with parts_of(path):
        return {name: np.array(values, np.float64) for name, values in stored.items()}


def patient_means(values: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    """Return the mean of each patient's values, in the order of the patients' names; the values
    themselves where patients are not known.

    Args:
        values: (N,).
        groups: (N,) patients; None if not known.
    """
    if groups is None:
        return np.asarray(values, np.float64)
    number = np.unique(groups, return_inverse=True)[1].reshape(-1)
    return np.bincount(number, weights=values) / np.bincount(number)


def axis_names(dims: int) -> tuple[str, ...]:
    """Return how the axes of files are called."""
    return ("height", "width") if dims == 2 else ("axis 1", "axis 2", "axis 3")
