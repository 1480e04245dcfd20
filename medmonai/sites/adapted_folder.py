"""The folder of an adapted model: a copy of the model with its new decision, and the records."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from medmonai.atomic_files import replacing, write_json
from medmonai.deployment import CARD, adapted_card, load_model, model_place, records_of
from medmonai.engines import versions
from medmonai.predictions import write_predictions
from medmonai.run_files import read_record

from .adaptation import Adaptation
from .adaptation_lines import adaptation_lines
from .used_cases import write_used

ADAPTATION = "adaptation.json"
# What a model needs of the folder of a run; of a bundle, everything but its results.
_OF_RUN = (
    "config.json",
    "run.json",
    "metrics.json",
    "evaluate_config.json",
    "test_opened.json",
    "models/model.pt",
    "models/covariates.json",
    "models/training_images.json",
)
_OF_BUNDLE = ("configs", "docs", "models", "scripts")


def require_new(output: Path, model: Path) -> None:
    """Refuse an output that exists, that lies inside the model, or that has no folder.

    Raises:
        FileExistsError, FileNotFoundError, ValueError: see above.
    """
    if output.exists():
        raise FileExistsError(
            f"--output {output} exists; name a new folder, the adapted model is never written over "
            "another one."
        )
    if not output.parent.is_dir():
        raise FileNotFoundError(
            f"the folder {output.parent} of --output does not exist; create it first."
        )
    if output.resolve().is_relative_to(model.resolve()):
        raise ValueError(f"--output {output} lies inside the model {model}; name another place.")


def write_adapted(model: Path, output: Path, adaptation: Adaptation) -> None:
    """Write the adapted model completely or not at all.

    Args:
        model: folder that it was made from, which stays as it is.
        output: the new folder.
        adaptation: the adaptation.
    """
    place = model_place(model)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".medmonai-adapt-") as temporary:
        made = Path(temporary) / "adapted"
        made.mkdir()
        for file in _files(place):
            _copy(file, made / "model" / file.relative_to(place))
        records = records_of(model)
        for file in (*records.glob("members/*/cases.csv"), *records.glob("cases.csv")):
            _copy(file, made / "training" / file.relative_to(records))
        if (records / "predictions_test.csv").is_file():
            _copy(records / "predictions_test.csv", made / "training" / "predictions_test.csv")
        _write_records(model, made, adaptation)
        made.rename(output)


def _write_records(model: Path, made: Path, adaptation: Adaptation) -> None:
    table = adaptation.cases.table
    write_json(
        {
            "class_names": list(table.class_names),
            "operating_point": adaptation.after.point.as_dict(),
            "temperature": adaptation.after.temperature.as_dict(),
        },
        made / "model" / "models" / "decision.json",
    )
    write_used(adaptation.cases, made)
    write_predictions(table, made / "predictions_adaptation.csv")
    division = read_record(model / "fit.json").get("division", {}).get("kind", "")
    record = {
        "model": str(model.resolve()),
        "division": division,
        **adaptation.record,
        "versions": versions(),
    }
    write_json(record, made / ADAPTATION)
    lines = adaptation_lines(adaptation.record)
    with replacing(made / "adaptation.md") as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    card = made / "model" / CARD
    if card.is_file():
        text = adapted_card(card.read_text(encoding="utf-8"), load_model(made), adaptation.record)
        with replacing(card, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _files(place: Path) -> Iterator[Path]:
    """Yield the files of a model's folder that make the model."""
    if not (place / "configs" / "inference.json").is_file():
        yield from filter(Path.is_file, (place / name for name in _OF_RUN))
        return
    for path in sorted(place.iterdir()):
        if path.is_file():
            yield path
        elif path.name in _OF_BUNDLE or any(path.glob("*.py")):
            yield from (
                file
                for file in sorted(path.rglob("*"))
                if file.is_file() and "__pycache__" not in file.parts
            )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
