"""The decision that lies beside trained weights: the operating point and the calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medmonai.metrics.calibration import Temperature, default_temperature
from medmonai.run_files import parts_of, read_record
from medmonai.task import Task

from .decisions import OperatingPoint, default_operating_point


def read_decision(
    path: str | Path, task: Task, class_names: Sequence[str]
) -> tuple[OperatingPoint, Temperature]:
    """Return the operating point and the temperature of a decision.json; the default ones if the
    file does not exist.

    Args:
        path: the file, as an evaluation or a fit leaves it beside the weights.
        task: of the weights.
        class_names: of the weights, in the order of the labels.

    Raises:
        ValueError: a damaged file, or one for other classes.

    Example:
        >>> point, temperature = read_decision("none.json", Task("binary", 2), ("normal", "sick"))
        >>> point.thresholds, temperature.temperature
        ((0.5,), 1.0)
    """
    stored = read_record(path)
    point = default_operating_point(task)
    temperature = default_temperature(task, scores="probabilities")
    if not stored:
        return point, temperature
    with parts_of(path):
        names = tuple(stored["class_names"])
        point = OperatingPoint.from_dict(stored["operating_point"])
        if stored["temperature"] is not None:
            temperature = Temperature.from_dict(stored["temperature"])
    if names != tuple(class_names):
        raise ValueError(f"{path} is for the classes {list(names)}, not {list(class_names)}.")
    return point, temperature
