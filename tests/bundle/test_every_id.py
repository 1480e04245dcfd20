"""Every id that a person can set changes what its description says, in every kind of bundle that
has it, and what an evaluation records is compared with what it is about.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from bundle_runs import BUNDLES, RECIPES, as_trained, of_inference, run, small, thin, write_medmnist
from every_id_files import write_files
from every_id_probes import OTHER, PHANTOM, Bundle, OfEvaluation, Row
from every_id_rows import EVALUATE, FLAT, INFER, PATCHES, PHANTOM3D, ROWS, SKIN, TRAIN

from medmonai.bundle import bundle_cohorts, split_overrides, write_bundle
from medmonai.bundle.run_state import sha256
from medmonai.metrics import choose_operating_point, fit_temperature
from medmonai.predictions import read_predictions


@pytest.fixture(scope="module")
def made(sources, tmp_path_factory):
    """Name -> path of everything that values name, with a trained phantom, evaluated with every id
    of an evaluation changed.
    """
    folder = tmp_path_factory.mktemp("made")
    paths = write_files(folder, sources)
    output = folder / "trained"
    run(PHANTOM, "train.json", **small(PHANTOM, sources, output))
    state = torch.load(output / "models" / "model.pt", weights_only=True)
    for key in ("conv1.weight", "fc.weight"):
        state[key] = -state[key]
    torch.save(state, folder / "other.pt")
    paths |= {
        "trained": str(output),
        "checkpoint": str(folder / "other.pt"),
        "sha256": sha256(folder / "other.pt"),
        "decision": str(folder / "decision.json"),
        "evaluated": str(folder / "evaluated"),
    }
    shutil.copytree(output, paths["evaluated"])
    values = {
        key: filled(row.value, paths)
        for key, row in ROWS[EVALUATE].items()
        if isinstance(row, Row) and isinstance(row.probe, OfEvaluation)
    }
    run(
        PHANTOM,
        *EVALUATE,
        **small(PHANTOM, sources, Path(paths["evaluated"]), evaluate=True) | values,
    )
    decision = json.loads((folder / "evaluated" / "models" / "decision.json").read_text())
    for name, threshold in (("decision.json", 0.0), ("trained/models/decision.json", 1.0)):
        decision["operating_point"]["thresholds"] = [threshold]
        (folder / name).write_text(json.dumps(decision))
    return paths


def filled(value, paths):
    """Put the paths of `made` in the place of their names."""
    if isinstance(value, str):
        return re.sub(r"^\{([a-z_]\w*)\}", lambda match: paths[match[1]], value)
    if isinstance(value, Mapping):
        return {key: filled(part, paths) for key, part in value.items()}
    return value


def base_of(name, files, sources, folder, paths):
    if files != INFER:
        return small(name, sources, folder, evaluate=files == EVALUATE)
    images = "volumes" if name == PHANTOM3D else "grey" if name == PHANTOM else "colour"
    base = {"dataset_dir": paths[images], **of_inference(thin(name))}
    if name == PHANTOM:
        return base | as_trained(name, Path(paths["trained"]))
    return (
        base
        | {"spatial_size": [12, 12, 12] if name == PHANTOM3D else [32, 32]}
        | ({"enlarged_size": [48, 48]} if name == PATCHES else {})
    )


def places(row, given, output):
    """An output folder of its own for each of the two, unless that is what the row is about."""
    return (
        {} if "output_dir" in given or "output_dir" in row.without else {"output_dir": str(output)}
    )


def same(a, b):
    if isinstance(a, Mapping):
        return (
            isinstance(b, Mapping)
            and a.keys() == b.keys()
            and all(same(a[key], b[key]) for key in a)
        )
    if isinstance(a, (torch.Tensor, np.ndarray)):
        return a.shape == b.shape and bool((a == b).all())
    return a == b


CASES = [
    pytest.param(
        files,
        key,
        row,
        name,
        id=f"{files[-1][:-5]}-{key}-{number}-{name.removesuffix('_classification')}",
    )
    for files, ids in ROWS.items()
    for key, rows in ids.items()
    for number, row in enumerate(rows if isinstance(rows, list) else [rows])
    for name in row.on
]


@pytest.mark.parametrize(("files", "key", "row", "name"), CASES)
def test_another_value_does_what_is_said_of_it(files, key, row, name, made, sources, tmp_path):
    then = filled(row.then, made)
    if isinstance(row.probe, OfEvaluation):
        assert row.probe(Path(made["evaluated"])) == then
        return
    base = base_of(name, files, sources, tmp_path, made) | filled(row.base, made)
    base = {
        other: value
        for other, value in base.items()
        if other not in row.without and other != "output_dir"
    }
    before, after = (
        row.probe(
            Bundle(name, files, given | places(row, given, tmp_path / f"output{i}"), tmp_path)
        )
        for i, given in enumerate((base, base | {key: filled(row.value, made)}))
    )
    assert same(before, after) == bool(row.idle), f"{before} before, {after} after"
    assert then is OTHER or same(after, then), f"{after}, not {then}"
    assert row.idle in (BUNDLES / name / "docs" / "README.md").read_text()


@pytest.mark.filterwarnings("ignore:temperature=50 is a limit")
def test_what_an_evaluation_records_is_what_its_tables_hold(made):
    folder = Path(made["evaluated"])
    tables = {
        split: read_predictions(folder / file)
        for split, file in (("validation", "predictions_val.csv"), ("test", "predictions_test.csv"))
    }
    data = json.loads((folder / "data.json").read_text())
    for split, table in tables.items():
        assert data["counts"][split] == {
            name: int((table.y_true == c).sum()) for c, name in enumerate(table.class_names)
        }
    assert set(data) == {"counts", "audit"} and sum(data["counts"]["train"].values()) == 48
    assert data["audit"]["leakage_allowed"] is False and data["audit"]["near_threshold"] is None
    decision = json.loads((folder / "models" / "decision.json").read_text())
    assert decision == {
        "class_names": list(tables["test"].class_names),
        "operating_point": choose_operating_point(
            tables["validation"], rule="sensitivity=0.8"
        ).as_dict(),
        "temperature": fit_temperature(tables["validation"]).as_dict(),
    }


def test_counts_are_those_of_the_cases_that_are_left(made, sources, tmp_path):
    """A table of groups takes a case out of validation: what is recorded is the cohort, not the
    set.
    """
    given = small(FLAT, sources, tmp_path, evaluate=True) | {"groups_file": made["groups"]}
    run(FLAT, *TRAIN, **given)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["cases"] == {"train": 48, "val": 19, "test": 24} and record["spatial_size"] == [
        28,
        28,
    ]


def test_another_set_can_be_named_only_where_one_has_the_same_classes(tmp_path):
    recipe = RECIPES[SKIN] | {
        "dataset": {"medmnist": "organamnist", "size": 28},
        "normalization": {"divisor": 0.5},
    }
    bundle = write_bundle("organs_classification", recipe, tmp_path)
    for name in ("organamnist", "organcmnist"):
        write_medmnist(tmp_path, name, (28, 28))
    given = {"dataset_dir": str(tmp_path), "verify_checksum": False, "dataset_name": "organcmnist"}
    assert {cohort.provenance.name for cohort in bundle_cohorts(bundle, given)} == {"organcmnist"}
    assert (
        "| `dataset_name` | another set of MedMNIST" in (bundle / "docs" / "README.md").read_text()
    )
    with pytest.raises(ValueError, match="no other set of MedMNIST has the classes of this bundle"):
        split_overrides(BUNDLES / FLAT, {"dataset_name": "breastmnist"})
