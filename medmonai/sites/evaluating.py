"""A trained model evaluated on labeled images of another site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from medmonai.atomic_files import write_json
from medmonai.data.describe import require_switch
from medmonai.deployment import Model, load_model, model_place
from medmonai.engines import versions
from medmonai.metrics import subgroup_summary
from medmonai.predictions import write_predictions
from medmonai.report import (
    Evaluation,
    evaluate,
    holds_evaluation,
    remove_evaluation,
    write_evaluation,
)
from medmonai.run_files import file_sha256
from medmonai.tables import read_metadata

from .adapting import home_of, was_adapted
from .labeled import list_labeled
from .measured import MeasuredCases, measure
from .shift import shift
from .training_side import TrainingSide
from .used_cases import CASES, UsedCases

_RESULTS = ("metrics.json", "metrics.csv", "figures", "predictions_test.csv")
_UNKNOWN = (
    "Which images the networks have learned from is not recorded beside the model, so none of them "
    "could be left out; name the folder of the fit or the run."
)
_OTHERS = ("run.json", "fit.json", "adaptation.json")


def evaluate_site(
    model: str | Path,
    table: str | Path,
    *,
    output: str | Path,
    subgroups: tuple[str | Path, Sequence[str]] | None = None,
    other_hospital: bool = False,
    confidence: float = 0.95,
    seed: int = 0,
    overwrite: bool = False,
    **options: Any,
) -> Evaluation:
    """Evaluate a model on labeled images of a site, at its own threshold and temperature, and
    compare the site with the training.

    Nothing is chosen on the images that are evaluated. Cases that the model was adapted on, other
    images of their patients, and images that its networks learned from or were chosen on are left
    out, and counted in `metrics["left_out"]`. `metrics["shift"]` is what
    `medmonai.sites.shift.shift` returns.

    Args:
        model: the folder of a fit, a run, a bundle with weights, or an adapted model.
        table: labeled images: a table, a folder of class folders, or an npz file.
        output: the folder for metrics.json, metrics.csv, figures and predictions_test.csv.
        subgroups: a table with a column `id`, and its columns whose values are evaluated apart.
        other_hospital: ids and patients of the table are not those of the adaptation cases, so that
            equal names mean nothing; images are compared all the same.
        confidence: nominal coverage of all intervals.
        seed: of the bootstrap.
        overwrite: replace an earlier evaluation in the folder.
        **options: of the table, as for `medmonai.fit`.

    Raises:
        FileExistsError: the output holds another evaluation, or is the folder of a model.
        FileNotFoundError: no such model or table.
        ValueError: no case is left, other classes than the model's, or images that cannot be read.
    """
    output = Path(output).expanduser()
    folder = home_of(model)
    _require_no_model(output, folder)
    loaded = load_model(folder)
    used = _used(folder, loaded)
    training = TrainingSide.read(folder, loaded)
    skip = options.pop("skip_unreadable", False)
    require_switch("skip_unreadable", skip)
    listed = list_labeled(table, loaded, options)
    cases = measure(loaded, listed, skip_unreadable=skip)
    cases, left_out = _unused(cases, used, listed.source, other_hospital)
    test = cases.table
    evaluation = evaluate(
        test, decision=(loaded.point, loaded.temperature), confidence=confidence, seed=seed
    )
    if subgroups is not None:
        groups = read_metadata(subgroups[0], test.ids, columns=subgroups[1])
        evaluation.metrics["subgroups"] = {
            name: subgroup_summary(test, values, point=loaded.point, confidence=confidence)
            for name, values in groups.items()
        }
    evaluation.metrics["left_out"] = left_out
    evaluation.metrics["shift"] = section = shift(training, cases, confidence=confidence)
    section["missing"] += [] if used.learned else [_UNKNOWN]
    if holds_evaluation(evaluation, output):
        return evaluation
    _require_free(output, overwrite=overwrite)
    remove_evaluation(output)
    chosen = {"other_hospital": other_hospital, "confidence": confidence, "seed": seed}
    chosen |= {name: _text(value) for name, value in options.items()}
    write_json(_record(folder, listed.source, chosen, cases), output / "evaluation.json")
    write_predictions(test, output / "predictions_test.csv", overwrite=True)
    write_evaluation(evaluation, output)
    return evaluation


def _used(folder: Path, model: Model) -> UsedCases:
    """Return the cases that a model has used; refuse an adapted one that does not know them."""
    used = UsedCases.read(folder)
    if was_adapted(model) and not used.images:
        raise ValueError(
            f"{folder} was adapted to a site, and {CASES} is not beside it, so that the cases of "
            "the adaptation cannot be left out; name the whole folder that `medmonai adapt` wrote."
        )
    return used


def _unused(
    cases: MeasuredCases, used: UsedCases, source: Path, other_hospital: bool
) -> tuple[MeasuredCases, dict[str, int]]:
    """Return the cases that may be counted, and how many others there are for each reason; a case
    counts for the first that holds.
    """
    kept = np.ones(len(cases), bool)
    unreadable = len(cases.unreadable)
    left_out = {"the image cannot be read": unreadable} if unreadable else {}
    for reason, mask in used.found(cases, another_site=other_hospital).items():
        if (mask & kept).any():
            left_out[reason] = int((mask & kept).sum())
        kept &= ~mask
    if not kept.any():
        reasons = "; ".join(f"{n}: {reason}" for reason, n in left_out.items())
        raise ValueError(
            f"{source.name}: none of the {len(cases)} cases may be evaluated ({reasons}); give "
            "other cases, or --other-hospital if only the names are the same."
        )
    return cases if kept.all() else cases.subset(kept), left_out


def _require_no_model(output: Path, model: Path) -> None:
    if output.exists() and not output.is_dir():
        raise FileExistsError(f"{output} is a file; name a folder with --output.")
    held = [name for name in _OTHERS if (output / name).exists()]
    if held:
        raise FileExistsError(
            f"{output} is the folder of a model ({held[0]}); name another --output."
        )
    place = model_place(model).resolve()
    if output.resolve().is_relative_to(place):
        raise FileExistsError(
            f"--output {output} lies inside the model {place}; name another place."
        )


def _require_free(output: Path, *, overwrite: bool) -> None:
    held = [name for name in _RESULTS if (output / name).exists()]
    if held and not overwrite:
        raise FileExistsError(
            f"{output} holds {', '.join(held)} of another evaluation; name another --output, or "
            "pass --overwrite."
        )


def _record(
    folder: Path, source: Path, chosen: Mapping[str, Any], cases: MeasuredCases
) -> dict[str, Any]:
    files = {"test": {"file": source.name}}
    if source.is_file():
        files["test"]["sha256"] = file_sha256(source)
    return {
        "model": str(folder.resolve()),
        "options": dict(chosen),
        "versions": versions(),
        "tables": files,
        "unreadable": cases.unreadable,
    }


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
