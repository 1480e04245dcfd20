"""`medmonai adapt`: threshold and temperature of a trained model, locked again at another site."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from medmonai.data.describe import require_switch
from medmonai.deployment import Model, load_model

from .adaptation import Adaptation, adapted, require_settings
from .adapted_folder import ADAPTATION, require_new, write_adapted
from .labeled import list_labeled
from .measured import MeasuredCases, measure
from .used_cases import UsedCases


def adapt(
    model: str | Path,
    table: str | Path,
    *,
    output: str | Path,
    rule: str = "",
    width: float = 0.1,
    confidence: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Adaptation:
    """Choose threshold and temperature of a trained model again on labeled cases of another site,
    and write the adapted model into a new folder. The model itself stays as it is.

    The new folder is a model for `predict`, `export` and `serve`. adaptation.md has both operating
    points with their intervals, adaptation.json the numbers, adapted_cases.csv the cases,
    which `evaluate_site` leaves out.

    Args:
        model: the folder of a fit, of a run, or of a bundle with weights.
        table: labeled images of the site: a table, a folder of class folders, or an npz file.
        output: the new folder.
        rule: how thresholds are chosen; "" for the rule of the model's own.
        width: of an interval, both sides together, for which the number of cases is given.
        confidence: nominal coverage of all intervals.
        seed: of the folds and the bootstrap.
        **options: of the table, as for `medmonai.fit`; skip_unreadable leaves out images that
            cannot be read.

    Raises:
        FileExistsError: the output exists.
        FileNotFoundError: no such model or table.
        ValueError: too few cases of a class, cases that the model has learned from, a model that
            was adapted before, other classes than the model's, or images that cannot be read.
    """
    folder = home_of(model)
    output = Path(output).expanduser()
    require_new(output, folder)
    loaded = load_model(folder)
    if (folder / ADAPTATION).is_file() or was_adapted(loaded):
        raise ValueError(
            f"{folder} was adapted already; name the model that it was made from, with all cases "
            "of the site: its network is the same."
        )
    require_settings(loaded.task, rule=rule, width=width, confidence=confidence, seed=seed)
    skip = options.pop("skip_unreadable", False)
    require_switch("skip_unreadable", skip)
    listed = list_labeled(table, loaded, options)
    cases = measure(loaded, listed, skip_unreadable=skip)
    _require_unseen(cases, UsedCases.read(folder), listed.source.name)
    adaptation = adapted(
        loaded,
        cases,
        site=listed.source.name,
        rule=rule,
        width=width,
        confidence=confidence,
        seed=seed,
    )
    write_adapted(folder, output, adaptation)
    return adaptation


def adapted_beside(model: str | Path) -> Path:
    """Return where an adapted model goes if no place is named: MODEL_adapted, beside the model.

    Args:
        model: a folder.

    Raises:
        ValueError: a file.
    """
    folder = home_of(model).resolve()
    return folder.with_name(f"{folder.name}_adapted")


def was_adapted(model: Model) -> bool:
    """Return whether the decision of a model was chosen on cases of a site."""
    return "adaptation" in (model.point.chosen_on, model.temperature.chosen_on)


def home_of(model: str | Path) -> Path:
    """Return the folder with the records of a model: of the fit, where model/ of a fit is named.

    Args:
        model: a folder.

    Raises:
        ValueError: a file.
    """
    folder = Path(model).expanduser()
    if folder.is_file():
        raise ValueError(
            f"{folder} is a file, without the records of its model; name the folder that it was "
            "exported from, and export an adapted model again."
        )
    above = folder.resolve().parent
    known = any((above / name).is_file() for name in ("fit.json", ADAPTATION))
    return above if folder.resolve().name == "model" and known else folder


def _require_unseen(cases: MeasuredCases, used: UsedCases, source: str) -> None:
    """Refuse cases that the networks learned from or were chosen on."""
    for reason, mask in used.found(cases).items():
        rows = mask.nonzero()[0]
        first = cases.table.ids[rows[0]]
        raise ValueError(
            f"{source}: {len(rows)} of {len(cases)} cases, first {first}, cannot be used: "
            f"{reason}; remove them, a threshold chosen on them would not hold at the site."
        )
