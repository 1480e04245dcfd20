"""Recalibration: a temperature (and, for sigmoids, biases) fitted on validation and applied to
another table.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, log_softmax, logsumexp

from medmonai.predictions import Predictions
from medmonai.task import Task

from .calibration import sums_in_words

FLOOR = 1e-12  # probabilities are kept this far from 0 and 1 before their logarithm
LIMITS = (0.02, 50.0)  # of the temperature


@dataclass(frozen=True)
class Temperature:
    """Divisor of the logits and what is added after, with where they come from.

    Args:
        temperature: T > 0; above 1 makes scores less certain.
        bias: one per sigmoid (binary: one, multilabel: one per label); empty for a softmax.
        n: cases it was fitted on.
        chosen_on: ``validation``, ``adaptation`` (cases of another site, see `medmonai.sites`), or
            ``none`` for (1, 0), which changes nothing.
        scores: what it is for: ``probabilities``, whose logits it takes, or ``logits``
            (`Predictions.score_kind`).

    Raises:
        ValueError: a temperature that is not above 0, a bias that is not finite, an unknown
            `chosen_on` or `scores`.

    Example:
        >>> Temperature.from_dict(Temperature(1.5, (0.2,), 524).as_dict()).temperature
        1.5
    """

    temperature: float
    bias: tuple[float, ...]
    n: int
    chosen_on: str = "validation"
    scores: str = "probabilities"

    def __post_init__(self) -> None:
        bias = tuple(float(value) for value in self.bias)
        if not 0 < self.temperature < math.inf or not all(map(math.isfinite, bias)):
            raise ValueError(
                f"temperature={self.temperature}, bias={bias}; use a number above 0, and finite "
                "biases."
            )
        if self.chosen_on not in ("validation", "adaptation", "none") or self.n < 0:
            raise ValueError(
                f"chosen_on={self.chosen_on!r}, n={self.n}; use 'validation', 'adaptation' or "
                "'none', and cases from 0 up."
            )
        if self.scores not in ("probabilities", "logits"):
            raise ValueError(
                f"scores={self.scores!r}; a temperature is for 'probabilities' or for 'logits'."
            )
        object.__setattr__(self, "temperature", float(self.temperature))
        object.__setattr__(self, "bias", bias)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self) | {"bias": list(self.bias)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Temperature:
        """Read what `as_dict` wrote.

        Raises:
            ValueError: a missing or an unknown field.
        """
        if set(fields) != {"temperature", "bias", "n", "chosen_on", "scores"}:
            raise ValueError(
                f"fields {sorted(fields)}; a temperature has temperature, bias, n, chosen_on and "
                "scores."
            )
        return cls(
            float(fields["temperature"]),
            tuple(fields["bias"]),
            int(fields["n"]),
            str(fields["chosen_on"]),
            str(fields["scores"]),
        )


def default_temperature(task: Task, *, scores: str) -> Temperature:
    """Return the temperature no one fitted, T = 1 without bias: applied to logits, their plain
    sigmoid or softmax.

    Example:
        >>> default_temperature(Task("binary", 2), scores="logits").bias
        (0.0,)
    """
    return Temperature(1.0, (0.0,) * _sigmoids(task), 0, "none", scores)


def fit_temperature(validation: Predictions) -> Temperature:
    """Fit the temperature with the smallest NLL on a validation table.

    - Sigmoid tasks (binary, multilabel): p' = sigmoid(z / T + b), z = logit(p), one T and one b a
      column: Platt scaling. AUC margin losses leave the level of the scores free, so T alone would
      not do.
    - Softmax tasks (multiclass, ordinal): p' = softmax(z / T), z = log p, no bias.

    In a table of logits (another tool's) z is what stands there; binary: column 1 - column 0, as
    softmax of two has it.

    The targets are Platt's: (m + 1) / (m + 2) instead of 1 for a case of a class (of either side of
    a label) with m cases, the rest shared by the other classes. Without them a validation table
    with no case decided wrong has T = 0.

    A sigmoid column keeps the order of its cases and so its AUC; a softmax keeps the decided class
    of each case. T stays within 0.02 to 50; a fit that ends there, as for scores that rank the
    wrong way round, is warned about.

    Args:
        validation: a table with labels, of other cases than those it is for.

    Returns:
        The temperature, for the kind of scores that `validation` has; store `as_dict()` with the
        model.

    Raises:
        ValueError: no labels; probabilities of exclusive classes that do not add up to 1.

    References:
        Platt, Advances in Large Margin Classifiers (1999); Guo et al., ICML 2017, arXiv:1706.04599.
    """
    if validation.y_true is None:
        raise ValueError("validation has no y_true; a temperature is fitted on labeled cases.")
    _check_sums(validation)
    task = validation.task
    columns = validation.task.one_hot(validation.y_true)
    z = _logits(validation)
    if _sigmoids(task):
        temperature, bias = _fit_sigmoid(columns[:, -_sigmoids(task) :], z)
    else:
        temperature = _fit_softmax(_softmax_targets(columns), z)
        bias = ()
    if temperature in LIMITS:
        warnings.warn(
            f"temperature={temperature:g} is a limit: validation scores may rank the wrong way "
            "round, or hardly differ.",
            UserWarning,
            stacklevel=2,
        )
    return Temperature(temperature, bias, len(validation), scores=validation.score_kind)


def apply_temperature(predictions: Predictions, temperature: Temperature) -> Predictions:
    """Return the table with recalibrated probabilities; labels, ids and groups stay.

    Args:
        predictions: a table of the scores that the temperature is for.
        temperature: from `fit_temperature` on other cases.

    Raises:
        ValueError: a temperature for logits and a table of probabilities or the other way round,
            not one bias a column, probabilities of exclusive classes that do not add up to 1.

    Example:
        >>> p = Predictions(["a"], None, [[0.2, 0.8]], Task("binary", 2), ("normal", "sick"))
        >>> apply_temperature(p, Temperature(2.0, (0.0,), 10)).positive_scores.round(6).tolist()
        [0.666667]
    """
    task = predictions.task
    wanted = _sigmoids(predictions.task)
    if temperature.scores != predictions.score_kind:
        raise ValueError(
            f"a temperature for {temperature.scores}, a table of {predictions.score_kind}: scores "
            f"range from {predictions.y_score.min():g} to {predictions.y_score.max():g}; fit it on "
            "scores of the same kind."
        )
    _check_sums(predictions)
    if len(temperature.bias) != wanted:
        raise ValueError(
            f"bias={temperature.bias}; a {task.kind} task of {task.num_classes} classes needs "
            f"{wanted}."
        )
    z = _logits(predictions) / temperature.temperature
    if not wanted:
        return replace(predictions, y_score=np.exp(log_softmax(z, axis=1)))
    z = z + np.array(temperature.bias)
    return replace(
        predictions, y_score=np.hstack([expit(-z), expit(z)]) if task.kind == "binary" else expit(z)
    )


def _check_sums(predictions: Predictions) -> None:
    if predictions.score_kind == "probabilities" and not predictions.calibratable:
        raise ValueError(f"no temperature for these scores: {sums_in_words(predictions.y_score)}")


def _log(p: np.ndarray) -> np.ndarray:
    return np.log(np.clip(p, FLOOR, 1))


def _sigmoids(task: Task) -> int:
    """Sigmoids of the task, each with a bias: none of a softmax."""
    return 0 if task.kind in ("multiclass", "ordinal") else task.num_outputs


def _logits(predictions: Predictions) -> np.ndarray:
    """What a temperature divides (N, outputs); the (1 - p) column keeps digits that 1 - p has lost
    near p = 1.
    """
    kind = predictions.task.kind
    scores = predictions.y_score
    probable = predictions.score_kind == "probabilities"
    if kind == "multilabel":
        return _log(scores) - _log(1 - scores) if probable else scores
    z = _log(scores) if probable else scores
    return z[:, 1:] - z[:, :1] if kind == "binary" else z


def _softmax_targets(columns: np.ndarray) -> np.ndarray:
    rest = 1 / (columns.sum(axis=0) + 2)
    own = (columns @ rest)[:, None]
    return np.where(columns == 1, 1 - own, own / (columns.shape[1] - 1))


def _fit_softmax(targets: np.ndarray, logits: np.ndarray) -> float:
    """T with the smallest cross-entropy to the targets, which is convex in 1/T."""
    # here: slow to import, and only tables with validation cases need it
    from scipy.optimize import minimize_scalar

    def nll(log_temperature: float) -> float:
        z = logits * np.exp(-log_temperature)
        return float(np.mean(logsumexp(z, axis=1) - np.sum(targets * z, axis=1)))

    low, high = np.log(LIMITS)
    minimum = minimize_scalar(nll, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    best = float(minimum.x)  # pyright: ignore[reportAttributeAccessIssue]  # SciPy has no stubs: a result seems an object
    return next(
        (limit for limit in LIMITS if abs(np.log(limit) - best) < 1e-6), float(np.exp(best))
    )


def _fit_sigmoid(columns: np.ndarray, z: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """T and the biases with the smallest cross-entropy to Platt's targets, convex in (1/T, b)."""
    from scipy.optimize import minimize

    positives = columns.sum(axis=0)
    targets = np.where(
        columns == 1, (positives + 1) / (positives + 2), 1 / (len(columns) - positives + 2)
    )
    scale = max(float(z.std()), 1e-3)

    def solve(free: np.ndarray, fixed: float | None) -> np.ndarray:
        def terms(x: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            slope, bias = (x[0], x[1:]) if fixed is None else (fixed, x)
            u = z / scale * slope + bias
            p = expit(u)
            error = p - targets
            weight = p * (1 - p)
            hessian = np.diag(
                np.concatenate([[np.sum(weight * (z / scale) ** 2)], weight.sum(axis=0)])
            )
            hessian[0, 1:] = hessian[1:, 0] = np.sum(weight * z / scale, axis=0)
            gradient = np.concatenate([[np.sum(error * z / scale)], error.sum(axis=0)])
            first = 0 if fixed is None else 1
            return (
                float(np.sum(np.logaddexp(0, u) - targets * u)) / u.size,
                gradient[first:] / u.size,
                hessian[first:, first:] / u.size,
            )

        return minimize(
            lambda x: terms(x)[0],
            free,
            jac=lambda x: terms(x)[1],
            hess=lambda x: terms(x)[2],
            method="trust-exact",
            options={"gtol": 1e-10, "initial_trust_radius": 1.0, "max_trust_radius": 1e3},
        ).x

    start = np.log((positives + 1) / (len(columns) - positives + 1))
    best = solve(np.concatenate([[1.0], start]), None)
    slope = float(np.clip(best[0] / scale, 1 / LIMITS[1], 1 / LIMITS[0]))
    if slope == best[0] / scale:
        return 1 / slope, tuple(map(float, best[1:]))
    limit = LIMITS[1] if slope == 1 / LIMITS[1] else LIMITS[0]
    return limit, tuple(map(float, solve(start, slope * scale)))
