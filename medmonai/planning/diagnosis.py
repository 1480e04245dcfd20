"""Why a fit failed, as far as its history, its scores and its data tell."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from medmonai.predictions import Predictions
from medmonai.run_files import parts_of

Kind = Literal[
    "not finite",
    "equal scores",
    "below chance",
    "test unlike validation",
    "nothing learned",
    "overfitted",
    "too few cases",
    "shortcut",
]
# The way from the loss of a guess to the least loss: a network that has gone less than a tenth of
# it has not learned its training cases, and one that has gone half of it has.
_FLAT = 0.1
_LEARNED = 0.5
_LAST = 3  # epochs at the end whose mean loss counts: one epoch alone varies with its batches
_EQUAL = 1e-6  # range of the scores of a class, below which they are all equal
# An AUC above this whose interval reaches .5 is undecided rather than at chance. It is what an
# AUC of chance exceeds once in 20 times with 25 cases of each class.
_UNDECIDED = 0.64
_VALIDATION = 0.7  # above the largest of some 20 epochs at chance with 30 cases or more
_BASELINE = 0.6
_SHORTCUT = 0.9  # Cramér's V of a header field that nearly says the class
_LARGER = 1.5  # times the planned size: a finding may be lost when images are made smaller


@dataclass(frozen=True)
class Diagnosis:
    """What went wrong, or what makes a good result doubtful.

    Args:
        kind: of the failure.
        text: one to three sentences: what was checked, what is likely, what to do.
        evidence: the numbers that the rule was given.
    """

    kind: Kind
    text: str
    evidence: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-compatible values."""
        return asdict(self)


@dataclass(frozen=True)
class Course:
    """The training of one member, epoch by epoch.

    Args:
        losses: mean training loss of each epoch before the AUC stage, whose loss is no measure of
            the fit.
        validation_aucs: of each epoch; NaN where none was measured.
    """

    losses: tuple[float, ...]
    validation_aucs: tuple[float, ...]


@dataclass(frozen=True)
class Circumstances:
    """What the rules are told besides the training.

    Args:
        training_cases: of one member.
        chance_loss: loss of the best guess without an image.
        least_loss: loss of a certain and right answer, above 0 with label smoothing.
        given_test: whether the test split was given, and not drawn from the same cases.
        baseline_auc: of the random forest on texture features; NaN if unknown.
        size: longer side of the images that the network saw.
        file_size: longer side of the files.
        shortcut: header field that goes with the class, and Cramér's V.
        findings: what the look had found in the images, such as blank ones.
    """

    training_cases: int
    _: KW_ONLY
    chance_loss: float
    least_loss: float = 0.0
    given_test: bool = False
    baseline_auc: float = math.nan
    size: int = 0
    file_size: int = 0
    shortcut: tuple[str, float] | None = None
    findings: tuple[str, ...] = ()


def read_course(path: Path) -> Course:
    """Read history.csv of a run.

    Raises:
        ValueError: a damaged file.
    """
    with parts_of(path), path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
        return Course(
            tuple(float(row["train_loss"]) for row in rows if row["stage"] != "auc"),
            tuple(float(row["validation_auc"] or "nan") for row in rows),
        )


def chance_loss(shares: np.ndarray, *, exclusive: bool, balanced: bool) -> float:
    """Return the cross-entropy of the best guess without an image (nats).

    Args:
        shares: (C,) share of the cases that each class or label has.
        exclusive: whether a case has one class.
        balanced: whether all classes are shown equally often.

    Example:
        >>> shares = np.array([0.75, 0.25])
        >>> round(chance_loss(shares, exclusive=True, balanced=True), 3)
        0.693
        >>> round(chance_loss(shares, exclusive=True, balanced=False), 3)
        0.562
    """
    p = np.clip(shares, 1e-12, 1 - 1e-12)
    if not exclusive:
        return float(-(p * np.log(p) + (1 - p) * np.log(1 - p)).mean())
    return math.log(len(p)) if balanced else float(-(p * np.log(p)).sum())


def least_loss(smoothing: float, classes: int) -> float:
    """Return the least cross-entropy that label smoothing leaves (nats).

    Example:
        >>> round(least_loss(0.1, 2), 3), least_loss(0, 2)
        (0.199, 0.0)
    """
    true = 1 - smoothing + smoothing / classes
    other = smoothing / classes
    return -true * math.log(true) - (classes - 1) * other * math.log(other) if smoothing else 0.0


def diagnose(
    courses: Sequence[Course], test: Predictions, auc: Mapping[str, float], known: Circumstances
) -> Diagnosis | None:
    """Return why a fit failed, or what makes its result doubtful; None if neither is seen.

    Args:
        courses: of the members.
        test: predictions of the test cases.
        auc: "estimate", "low" and "high" of the test AUC.
        known: the circumstances.
    """
    losses = [loss for course in courses for loss in course.losses]
    wrong = sum(not math.isfinite(loss) for loss in losses)
    if wrong:
        text = (
            f"The training loss was not a number in {wrong} of {len(losses)} epochs. The learning "
            "rate may be too large, or some files hold extreme gray values: compare the gray "
            "values in plan.md, and lower learning_rate in recipe.json."
        )
        return Diagnosis("not finite", text, {"epochs": wrong})
    spread = float(np.ptp(test.y_score, axis=0).max())
    if spread < _EQUAL:
        text = (
            f"All {len(test)} test cases have the same score: the network does not see a "
            "difference between the images. It may have collapsed (lower learning_rate in "
            "recipe.json), or the intensity range in plan.md makes all images alike."
        )
        return Diagnosis("equal scores", text, {"range of scores": spread})
    if not math.isfinite(auc["estimate"]):
        return None
    if auc["low"] > 0.5:
        return _shortcut(auc, known)
    return _at_chance(courses, len(test), auc, known)


def _shortcut(auc: Mapping[str, float], known: Circumstances) -> Diagnosis | None:
    if known.shortcut is None or known.shortcut[1] < _SHORTCUT:
        return None
    field, v = known.shortcut
    text = (
        f"The class and the header field {field!r} go together (Cramér's V {v:.2f}, see plan.md): "
        f"this AUC of {_number(auc['estimate'])} may be that of the device or the file. Test on "
        "images of both classes from the same source before you rely on it."
    )
    return Diagnosis("shortcut", text, {"field": field, "v": v})


def _at_chance(
    courses: Sequence[Course], cases: int, auc: Mapping[str, float], known: Circumstances
) -> Diagnosis:
    best = [np.nanmax(c.validation_aucs) for c in courses if np.isfinite(c.validation_aucs).any()]
    validation = float(np.mean(best)) if best else math.nan
    interval = (
        f"{_number(auc['estimate'])}, interval {_number(auc['low'])} to {_number(auc['high'])}"
    )
    evidence = {**{name: auc[name] for name in ("estimate", "low", "high")},
                "validation": validation}  # fmt: skip
    if known.given_test and validation >= _VALIDATION:
        what = "below chance" if auc["high"] < 0.5 else "at chance"
        text = (
            f"The AUC is {_number(validation)} on the validation cases and {what} on the test "
            f"cases ({interval}). The test split may come from elsewhere (other devices, another "
            "definition of the classes), or its labels may be exchanged: compare its images and "
            "labels with those of the training."
        )
        return Diagnosis("test unlike validation", text, evidence)
    if auc["high"] < 0.5:
        text = (
            f"The AUC is below chance ({interval}). Where labels do not follow from the images, "
            "folds of few cases give such values, and turning the scores round would not help. If "
            "you expect the images to show the classes, check that the labels of some cases are "
            "not exchanged."
        )
        return Diagnosis("below chance", text, evidence)
    if auc["estimate"] >= _UNDECIDED:
        text = (
            f"The AUC cannot be told from chance ({interval}): {cases} test cases are too few. Add "
            "cases before you change the plan."
        )
        return Diagnosis("too few cases", text, evidence)
    return _of_loss(courses, interval, evidence, known)


def _of_loss(
    courses: Sequence[Course], interval: str, evidence: dict[str, Any], known: Circumstances
) -> Diagnosis:
    """Tell networks that did not learn their training cases from those that remembered them."""
    told = [course.losses for course in courses if course.losses]
    first = float(np.mean([losses[0] for losses in told])) if told else math.nan
    last = float(np.mean([np.mean(losses[-_LAST:]) for losses in told])) if told else math.nan
    start = max(first, known.chance_loss)
    share = (start - last) / (start - known.least_loss)
    evidence |= {"first loss": first, "last loss": last, "share of the way": share}
    loss = f"{first:.3f} to {last:.3f}, where a guess has {known.chance_loss:.3f}"
    if share >= _LEARNED:
        text = (
            f"The training loss fell ({loss}), and the AUC on other cases is at chance "
            f"({interval}): the network remembered its {known.training_cases} training cases. "
            f"There may be too few of them, or the labels do not follow from the images. "
            f"{_of_baseline(known)}"
        )
        return Diagnosis("overfitted", text, evidence)
    how = "did not fall" if share < _FLAT else "fell only part of the way"
    text = (
        f"The training loss {how} ({loss}), and the AUC is at chance ({interval}). The labels "
        f"may not follow from the images{_of_size(known)}. {_of_baseline(known)}"
    )
    return Diagnosis("nothing learned", text, evidence)


def _of_size(known: Circumstances) -> str:
    if known.size and known.file_size >= _LARGER * known.size:
        return (
            f", or the size of {known.size} pixels may hide the finding (the files have "
            f"{known.file_size:,})"
        )
    return ", or the training was too short"


def _of_baseline(known: Circumstances) -> str:
    seen = f" The look had found: {'; '.join(known.findings)}." if known.findings else ""
    if math.isnan(known.baseline_auc):
        return seen.strip()
    auc = _number(known.baseline_auc)
    if known.baseline_auc >= _BASELINE:
        return (
            f"The random forest reaches {auc}, so the images do tell something about the classes: "
            f"change the plan (size, epochs, learning_rate in recipe.json) before the data.{seen}"
        )
    return (
        f"The random forest on texture features reaches no more than {auc}, so the data are "
        f"likelier at fault than the network.{seen}"
    )


def _number(value: float) -> str:
    """Return an AUC as reports show it: .57.

    Example:
        >>> _number(0.567), _number(1.0)
        ('.57', '1.00')
    """
    return f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.2f}"
