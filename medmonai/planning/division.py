"""How the cases are divided: the splits that the source gives, or folds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from medmonai.data.datalist import Listing
from medmonai.data.splits import fold_numbers, require_every_class

from .choice import Choice
from .look import Look

_FEWEST = 15  # of the rarest class: three each for training, validation and test in five folds
FOLDS = 5
MEMBERS = 3  # of given splits
MORE_MEMBERS = 5  # of given splits, where the fit then takes at most so many minutes:
_MORE_MINUTES = 30.0

Kind = Literal["rotation", "folds", "given"]


@dataclass(frozen=True)
class Division:
    """How cases are divided.

    Args:
        kind: "rotation": fold k is the test and fold k + 1 the validation of member k; every case
            is scored once by a member that neither learned from it nor was chosen on it. "folds":
            the source gives a test split; fold k of the other cases is the validation of member k.
            "given": the splits of the source; the members differ by their seed.
        members: networks that are trained.
        seed: of the division.
    """

    kind: Kind
    members: int
    seed: int = 0


def ensembles(division: Division, minutes: float | None) -> list[tuple[Division, float]]:
    """Return the numbers of members that are tried in this order, each with the minutes that a plan
    with so many may take.

    Args:
        division: as `choose_division` returns it.
        minutes: what the fit may take; None for as long as the rules say.
    """
    given = division.kind == "given"
    counts = [MORE_MEMBERS, division.members, 1] if given else [division.members, 3]
    tried = [replace(division, members=n) for n in dict.fromkeys(counts)]
    if minutes is not None:
        return [(one, minutes) for one in tried]
    if given:
        return [(tried[0], _MORE_MINUTES), (division, math.inf)]
    return [(division, math.inf)]


def choose_division(look: Look, *, seed: int = 0) -> Division:
    """Choose how the cases are divided.

    Raises:
        ValueError: fewer than 15 cases (patients) of the rarest class.
    """
    rarest, name = min((n, name) for name, n in units_of_classes(look).items())
    if rarest < _FEWEST:
        unit = ("case" if look.description.groups is None else "patient") + "s" * (rarest != 1)
        once = " (copies of an image count once)" if rarest < _listed_units(look, name) else ""
        where = " outside the test split" if "test" in look.given_splits else ""
        raise ValueError(
            f"{look.source} has {rarest} {unit}{once} of class {name!r}{where}; at least {_FEWEST} "
            "are needed to train, validate and test on different ones. Add cases, merge the class "
            "with another, or leave it out."
        )
    if look.listing is None:
        return Division("given", MEMBERS, seed)
    return Division("folds" if "test" in look.given_splits else "rotation", FOLDS, seed)


def division_choice(look: Look, division: Division) -> Choice:
    """Return a division in words, with its reason."""
    members = division.members
    if division.kind == "given":
        more = f"; {members} members differ by their seed" if members > 1 else ""
        return Choice("division", "the given splits", f"the set has train, val and test{more}")
    if division.kind == "folds":
        return Choice(
            "division",
            f"{members} folds for validation, the given test split",
            f"the source sets a test split aside, which no choice looks at{_divided_again(look)}",
        )
    return Choice(
        "division",
        f"{members} folds, each once for test and once for validation",
        f"the source gives no test split{_divided_again(look)}",
    )


def decision_choice(look: Look, division: Division) -> Choice:
    """Return how the decision of the model is chosen, with its reason."""
    scores = {
        "rotation": "scores of members that did not learn from the case",
        "folds": "validation folds, put together",
        "given": "validation split",
    }
    by = "highest probability" if look.task.exclusive else "a threshold for each label"
    value = (
        "temperature, threshold (Youden)" if look.task.kind == "binary" else f"temperature, {by}"
    )
    return Choice("decision", value, f"on the {scores[division.kind]}; never on a test split")


def _divided_again(look: Look) -> str:
    given = "; its validation split is divided again with the training split"
    return given if "val" in look.given_splits else ""


def units_of_classes(look: Look) -> dict[str, int]:
    """Return class (label) -> its cases outside the test split; patients, where they are known.
    Copies of an image count once.
    """
    listing = look.listing
    if listing is None or (listing.groups is None and look.units is None):
        return look.class_totals
    kept = np.ones(len(listing), bool) if listing.splits is None else listing.splits != "test"
    hot = listing.task.one_hot(listing.labels)[kept].astype(bool)
    units = np.asarray(listing.groups if look.units is None else look.units)[kept]
    return {name: len(np.unique(units[column])) for name, column in zip(listing.class_names, hot.T)}


def _listed_units(look: Look, name: str) -> int:
    """Return the cases or patients of a class, copies included."""
    return units_of_classes(replace(look, units=None))[name]


def divided(
    listing: Listing, division: Division, member: int, *, units: np.ndarray | None = None
) -> Listing:
    """Return the listing with the splits that one member is trained, chosen and tested on.

    Args:
        listing: all cases, with the splits that the source gives.
        division: "rotation" or "folds".
        member: from 0.
        units: (N,) numbers of what stays together; None for the patients of the listing.

    Raises:
        ValueError: a class without a case in one of the splits, as few patients may cause.
    """
    given = np.full(len(listing), "train", "U5") if listing.splits is None else listing.splits
    splits = np.where(given == "test", "test", "train").astype("U5")
    rows = np.flatnonzero(splits != "test")
    if units is None and listing.groups is None:
        kept = np.arange(len(rows))
    else:
        together = np.asarray(listing.groups if units is None else units)[rows]
        kept = np.unique(together, return_inverse=True)[1].reshape(-1)
    numbers = fold_numbers(
        listing.labels[rows], kept, task=listing.task, folds=division.members, seed=division.seed
    )
    if division.kind == "folds":
        splits[rows[numbers == member]] = "val"
    else:
        splits[rows[numbers == member]] = "test"
        splits[rows[numbers == (member + 1) % division.members]] = "val"
    require_every_class(listing, splits)
    return replace(listing, splits=splits)
