"""The model card of a fit: what its records know, and what only its author can say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from medmonai.atomic_files import replacing
from medmonai.report import NOT_CLINICAL, command_of_fit, interval, split_tables
from medmonai.run_files import read_record

from .description import described
from .model import Model, load_model

CARD = "MODEL_CARD.md"
_OPEN = "**To be filled in by the author.**"
_DECISION = "## Threshold and calibration"
# What no record knows; the headings of Mitchell et al. and of CLAIM that readers look for.
_BY_THE_AUTHOR = (
    ("Clinical question", "what the model is meant to help with, and who would use it"),
    ("Population", "where and when the images were taken, of whom, who was left out, and why"),
    ("Devices and protocols", "of the training images"),
    ("Reference standard", "how the labels were made, by whom, and how well readers agree"),
    ("Ethics and consent", "approval, and the license of the images"),
    ("License of the model", "and whom to ask"),
)


def write_model_card(folder: Path) -> Path:
    """Write model/MODEL_CARD.md of a finished fit, for its readers and for the Hugging Face Hub.

    The front matter is the Hub's (library, task, results). The text has data, intended use, limits,
    results with their intervals, subgroups, threshold, calibration, and how to repeat it, as the
    records of the fit know them. What they do not know is marked for the author; nothing is
    invented.

    Args:
        folder: of the fit.

    Returns:
        The file.

    Raises:
        FileNotFoundError: no finished fit there.

    References:
        Mitchell et al., Model Cards for Model Reporting, FAT* 2019; Hugging Face, Model Cards.
    """
    metrics = read_record(folder / "metrics.json")
    if not metrics:
        raise FileNotFoundError(f"{folder} holds no finished fit (metrics.json).")
    path = folder / "model" / CARD
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text("\n".join(_lines(folder, metrics)) + "\n", encoding="utf-8")
    return path


def adapted_card(card: str, model: Model, record: Mapping[str, Any]) -> str:
    """Return the model card of a model after its adaptation to a site: with the new threshold, and
    a sentence that the results are those before it.

    Args:
        card: of the model as it was.
        model: with its new decision.
        record: of the adaptation, see `medmonai.sites.adapted`.
    """
    before, heading, rest = card.partition(_DECISION)
    _, following, after = rest.partition("\n## ")
    n = record["cases"]["n"]
    said = [
        *_of_decision(model),
        "",
        f"Both were chosen again on {n} cases of {record['site']}; adaptation.md compares them "
        "with those before. The results above are those of the model before its adaptation.",
    ]
    return before.rstrip("\n") + "\n".join(["", *said, following + after]) if heading else card


def _lines(folder: Path, metrics: Mapping[str, Any]) -> Iterator[str]:
    model = load_model(folder)
    said = described(model, folder, ())
    fit = read_record(folder / "fit.json")
    yield from _front_matter(said["name"], metrics)
    yield from ("", f"# {said['name']}", "", f"**{NOT_CLINICAL}**", "")
    yield str(metrics.get("verdict", ""))
    yield from _of_model(model, said, fit)
    yield from ("", "## Intended use and limits", "", said["intended_use"], "", said["limits"])
    yield from _of_data(metrics, said)
    yield from _of_results(metrics)
    yield from _of_decision(model)
    yield from _repeated(folder, fit)
    yield from ("", "## What the records do not know")
    for name, meaning in _BY_THE_AUTHOR:
        yield from ("", f"### {name}", "", f"{_OPEN} ({meaning})")


def _front_matter(name: str, metrics: Mapping[str, Any]) -> Iterator[str]:
    test = metrics["splits"]["test"]
    data = metrics["data"].get("name") or "images"
    auc = test["auc"]["estimate"]
    yield from (
        "---",
        "library_name: medmonai",
        "pipeline_tag: image-classification",
        "tags: [medical, monai, not-for-clinical-use]",
        "model-index:",
        f"- name: {json.dumps(name)}",
        "  results:",
        "  - task: {type: image-classification}",
        f"    dataset: {{name: {json.dumps(data)}, type: {json.dumps(data)}}}",
        "    metrics:",
        f"    - {{type: roc_auc, value: {json.dumps(auc)}, name: AUC}}",
        "---",
    )


def _of_model(model: Model, said: Mapping[str, str], fit: Mapping[str, Any]) -> Iterator[str]:
    chosen = {name: value for name, value, _ in fit.get("choices", ())}
    rows = {
        "task": said["task"],
        "classes": ", ".join(model.class_names),
        "positive class": said["positive_class"],
        "input": _size(model),
        "network": chosen.get("network", ""),
        "members": str(len(model.members)),
        "medmonai": said["medmonai_version"],
    }
    yield from ("", "## Model", "")
    yield from _table(("", ""), [(name, value) for name, value in rows.items() if value])
    yield from ("", "`plan.md` of the fit has every choice with its reason.")


def _size(model: Model) -> str:
    size = " x ".join(map(str, model.form.spatial_size))
    spacing = model.form.spacing
    of = f" of {' x '.join(f'{mm:g}' for mm in spacing)} mm" if spacing else ""
    unit = "pixels" if len(model.form.spatial_size) == 2 else "voxels"
    return f"{size} {unit}{of}, {model.form.in_channels} channel(s)"


def _of_data(metrics: Mapping[str, Any], said: Mapping[str, str]) -> Iterator[str]:
    data = metrics["data"]
    yield from ("", "## Data", "")
    rows = {
        "set": data.get("name"),
        "source": data.get("source"),
        "version": data.get("version"),
        "license": data.get("licence"),
        "cite": data.get("citation"),
        "SHA-256 of the training images and labels": said["training_data_sha256"],
    }
    yield from _table(("", ""), [(name, str(value or _OPEN)) for name, value in rows.items()])
    issues = data.get("known_issues") or ()
    if issues:
        yield from ("", "Known issues:", "", *(f"- {issue}" for issue in issues))


def _of_results(metrics: Mapping[str, Any]) -> Iterator[str]:
    test = metrics["splits"]["test"]
    counts = ", ".join(f"{name} {n}" for name, n in test["class_counts"].items())
    yield from ("", "## Results", "", f"Test cases: {counts}.")
    for table in split_tables(test):
        yield from ("", f"{table.caption}", "")
        yield from _table(table.header, table.rows)
    references = metrics.get("references", {})
    if references:
        rows = [(name.replace("_", " "), interval(one["auc"])) for name, one in references.items()]
        yield from ("", "Beside it, on the same cases:", "", *_table(("classifier", "AUC"), rows))
    if not test.get("subgroups"):
        yield from ("", f"Subgroups were not evaluated. {_OPEN}")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(_cell, header))} |"
    yield "|" + "---|" * len(header)
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in rows)


def _of_decision(model: Model) -> Iterator[str]:
    yield from ("", _DECISION, "")
    point = model.point
    if point.thresholds:
        shown = ", ".join(f"{value:.4g}" for value in point.thresholds)
        yield f"Threshold on the score before calibration: {shown} ({point.rule}, n = {point.n})."
    else:
        yield "The class with the highest score is decided."
    temperature = model.temperature
    if temperature.chosen_on == "none":
        yield "The probabilities are not calibrated."
    else:
        yield (
            f"Probabilities are calibrated on {temperature.n} cases from which the networks that "
            "scored them had not learned."
        )


def _repeated(folder: Path, fit: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## How to repeat it", "", f"    {command_of_fit(fit)}", "")
    run = read_record(folder / "members" / "0" / "run.json")
    versions = ", ".join(f"{name} {version}" for name, version in run.get("versions", {}).items())
    yield f"Versions: {versions}. Machine: {run.get('device', 'not known')}."


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
