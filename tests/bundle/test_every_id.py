"""Every id that a person can set changes what its description says, in every kind of bundle that
has it; none is idle.

One table: id -> another value, and a probe of what the run then does. A new id without a row fails,
and so does an id that changes nothing. What an evaluation records is compared with what it is
about.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import every_id_probes as p
import numpy as np
import pytest
import torch
from bundle_runs import (
    BUNDLES,
    RECIPES,
    STEPS,
    as_trained,
    is_plain,
    run,
    small,
    thin,
    write_medmnist,
)
from every_id_files import write_files
from every_id_probes import OTHER, PHANTOM, REFUSED, Bundle, OfEvaluation, Row
from monai.bundle.reference_resolver import ReferenceResolver

from medmonai.bundle import bundle_cohorts, bundle_config, split_overrides, write_bundle
from medmonai.bundle.run_state import sha256
from medmonai.metrics import choose_operating_point, fit_temperature
from medmonai.predictions import read_predictions

NAMES = sorted(RECIPES)
TRAIN, EVALUATE, INFER, MANY_GPUS = (
    ("train.json",),
    ("train.json", "evaluate.json"),
    ("inference.json",),
    ("train.json", "multi_gpu_train.json"),
)
PHANTOM3D, FLAT, VOLUMES = (
    f"{name}_classification" for name in ("lesion_phantom3d", "pneumoniamnist", "vesselmnist3d")
)
LABELS, SKIN = "chestmnist_classification", "dermamnist_classification"
FOLDERS, TABLE, PATCHES = (
    f"{name}_classification" for name in ("chest_xray", "ham10000", "histopathologic_cancer")
)
SAFE_BF16 = {"spatial_size": [96, 96], "precision": "fp32"}


ROWS: dict[tuple[str, ...], dict[str, Row | list[Row]]] = {
    TRAIN: {
        "bundle_root": Row(
            "{elsewhere}", p.where_history_goes, without=("output_dir",), then="{elsewhere}"
        ),
        "output_dir": Row("{elsewhere}", p.where_history_goes, then="{elsewhere}"),
        "dataset_dir": [
            Row(
                "{elsewhere}",
                p.pixels,
                idle="| `dataset_dir` | does nothing here: training and evaluation draw",
            ),
            Row("{leaky_file}", p.pixels_of_validation, (FLAT,)),
            Row("{missing_images}", p.cases_of_splits, (TABLE,), {"rows_without_image": "skip"}),
            Row("{leaky_folders}", p.splits, (FOLDERS,)),
        ],
        "device": Row("meta", p.device_of_weights, (PHANTOM, PHANTOM3D, TABLE), then="meta"),
        "seed": [
            Row(2, p.first_labels, (PHANTOM, FLAT, VOLUMES, FOLDERS)),
            Row(2, p.initial_weights),
            Row(2, p.record("seed"), then=2),
        ],
        "max_epochs": Row(3, p.history("epoch"), then=["1", "2", "3"]),
        "warmup_epochs": Row(2, p.history("stage"), then=["cross_entropy", "cross_entropy"]),
        "batch_size": Row(8, p.batch_length, (PHANTOM, FLAT, VOLUMES, FOLDERS, TABLE), then=8),
        "learning_rate": [
            Row(0.03, p.step_of_optimizer("optimizer"), (FLAT, TABLE), then=0.03),
            Row(0.03, p.trained_weights),
        ],
        "auc_learning_rate": [
            Row(0.03, p.step_of_optimizer("auc_optimizer"), (FLAT, TABLE), then=0.03),
            Row(0.03, p.trained_weights),
        ],
        "average_decay": Row(0.25, p.average_after_two_updates, (PHANTOM, TABLE), then=0.75),
        "label_smoothing": Row(0.3, p.loss_of_fixed_output, (PHANTOM, FLAT, VOLUMES, LABELS, SKIN)),
        "class_weights": [
            Row([1.0, 9.0], p.loss_of_fixed_output, (PHANTOM, FLAT)),
            Row(None, p.loss_of_fixed_output, (FOLDERS,)),
        ],
        "precision": [
            Row("bf16", p.dtype("train#inferer"), (PHANTOM, TABLE), SAFE_BF16, torch.bfloat16),
            Row("bf16", p.dtype("train#inferer"), (FLAT,), {"precision": "fp32"}, torch.bfloat16),
        ],
        "val_interval": Row(2, p.history("validation_auc")),
        "patience": Row(
            1,
            p.history("epoch"),
            base={"max_epochs": 4, "warmup_epochs": 4, "average_decay": 1 - 1e-9},
            then=["1", "2"],
        ),
        "keep_best": [
            Row("stage", p.best_epoch_when_the_stage_begins, then=-1),
            Row("run", p.best_epoch_when_the_stage_begins, (FLAT,), then=1),
        ],
        "allow_leakage": [
            Row(True, p.refused("audit"), (FLAT,), {"dataset_dir": "{leaky_file}"}, "accepted"),
            Row(
                True, p.refused("audit"), (FOLDERS,), {"dataset_dir": "{leaky_folders}"}, "accepted"
            ),
        ],
        "federated": Row(True, p.federated_job, then=True),
        "phantom_seed": [Row(7, p.pixels, (PHANTOM, PHANTOM3D)), Row(7, p.pixels_of_validation)],
        "train_cases": Row(32, p.number_of_cases, (PHANTOM, PHANTOM3D), then=32),
        "spatial_size": [
            Row([16, 16], p.size_of_cohort, (PHANTOM, FOLDERS, TABLE, PATCHES), then=[16, 16]),
            Row([9, 10, 11], p.size_of_cohort, (PHANTOM3D,), then=[9, 10, 11]),
        ],
        "image_size": Row(64, p.size_of_cohort, (FLAT,), {"dataset_dir": "{both_sizes}"}, [64, 64]),
        "verify_checksum": Row(True, p.refused("train#dataset"), (FLAT, VOLUMES), then=REFUSED),
        "groups_file": Row("{groups}", p.cases_of_splits, (FLAT,)),
        "cache_dir": Row("{cache}", p.files_of_cache, (FLAT, TABLE), then=[".npy"]),
        "positive_class": [
            Row("normal", p.classes, (FLAT,), then=["pneumonia", "normal"]),
            Row("vessel", p.classes, (VOLUMES,), then=["aneurysm", "vessel"]),
            Row("NORMAL", p.classes, (FOLDERS,), then=["PNEUMONIA", "NORMAL"]),
            Row("no tumour", p.classes, (PATCHES,), then=["tumour", "no tumour"]),
        ],
        "class_names": [
            Row(["PNEUMONIA", "NORMAL"], p.classes, (FOLDERS,), then=["PNEUMONIA", "NORMAL"]),
            Row({"0": "clear", "1": "tumour"}, p.classes, (PATCHES,), then=["clear", "tumour"]),
            Row(["vasc", "nv", "mel", "df", "bkl", "bcc", "akiec"], p.classes, (TABLE,)),
        ],
        "intensity_range": Row([20, 200], p.pixels, (TABLE, FOLDERS)),
        "aspect": [Row("crop", p.pixels, (TABLE, FOLDERS)), Row("pad", p.pixels, (TABLE,))],
        "jpeg_scaling": Row(True, p.pixels, (TABLE,), {"dataset_dir": "{large_images}"}),
        "val_fraction": Row(0.3, p.splits, (FOLDERS, TABLE, PATCHES)),
        "test_fraction": [
            Row(0.3, p.splits, (TABLE, PATCHES)),
            Row(
                0.3,
                p.splits,
                (FOLDERS,),
                {"planned_listing#keep_given": False, "test_fraction": 0.1},
            ),
        ],
        "split_seed": Row(5, p.splits, (FOLDERS, TABLE, PATCHES)),
        "splits_file": Row("{splits}", p.splits, (TABLE,)),
        "splits_file_missing": Row(
            "skip",
            p.refused("planned_listing"),
            (TABLE,),
            {"splits_file": "{splits_of_some}"},
            "accepted",
        ),
        "skip_unreadable": Row(
            True, p.refused("images"), (TABLE,), {"dataset_dir": "{damaged_image}"}, "accepted"
        ),
        "published_images": Row(True, p.licence, (FOLDERS, TABLE, PATCHES)),
        "group_column": Row("slide", p.groups, (PATCHES,), {"dataset_dir": "{slides}"}),
        "group_pattern": Row(r"^([A-Z0-9a-z]+)", p.groups, (FOLDERS,)),
        "rows_without_image": [
            Row(
                "skip",
                p.refused("listing"),
                (TABLE,),
                {"dataset_dir": "{missing_images}"},
                "accepted",
            ),
            Row(
                "skip",
                p.refused("listing"),
                (PATCHES,),
                {"dataset_dir": "{missing_patches}"},
                "accepted",
            ),
        ],
        "image_folders": Row(
            ["photographs_*"],
            p.refused("listing"),
            (TABLE,),
            {"dataset_dir": "{moved_images}"},
            "accepted",
        ),
        # none of a ResNet-10
        "pretrained": Row(True, p.refused("network_def"), (FOLDERS, TABLE, PATCHES), then=REFUSED),
        "cache_features": Row(True, p.batch_shape, (FOLDERS, TABLE, PATCHES), then=[1, 1]),
        "unfreeze": Row({"1": "layer4"}, p.unfrozen_at_first_epoch, (FOLDERS, TABLE, PATCHES)),
        "enlarged_size": Row([80, 80], p.batch_shape, (PATCHES,), then=[80, 80]),
        "normalization": Row([], p.first_batch, (PHANTOM, FLAT, FOLDERS, TABLE)),
        "optimizer": Row(
            {
                "_target_": "torch.optim.SGD",
                "params": "$@network.parameters()",
                "lr": "@learning_rate",
            },
            p.kind_of_optimizer,
            (PHANTOM, TABLE),
            then="SGD",
        ),
        "train#augmentation": Row([], p.first_batch, (FLAT, VOLUMES, FOLDERS, TABLE)),
        "train#flips": Row([], p.first_batch, (FLAT, FOLDERS, TABLE)),
        "train#affine": Row([], p.first_batch, (FLAT, FOLDERS, TABLE)),
        "train#noise": Row([], p.first_batch, (FLAT, PATCHES)),
        "train#balance#strategy": [
            Row("none", p.balance_of_epoch, (FLAT,)),
            Row("oversample", p.balance_of_epoch, (FOLDERS,), {"class_weights": None}),
            Row(
                "none",
                p.balance_of_epoch,
                (TABLE,),
                {"train#balance#target": None, "train#balance#strategy": "oversample"},
            ),
        ],
    },
    EVALUATE: {
        "ckpt_path": Row(
            "{checkpoint}", OfEvaluation("test_opened.json", "checkpoint_sha256"), then="{sha256}"
        ),
        "operating_point_rule": Row(
            "sensitivity=0.8",
            OfEvaluation("models/decision.json", "operating_point", "rule"),
            then="sensitivity=0.8",
        ),
        "saliency_layer": Row(
            "layer2.1.conv2", OfEvaluation("saliency.json", "layer"), then="layer2.1.conv2"
        ),
        "flip_axes": Row([1], p.flipped_logits),
        "audit::near_threshold": [
            Row(
                None,
                p.near_pairs,
                (FLAT,),
                {"dataset_dir": "{leaky_file}", "allow_leakage": True},
                False,
            ),
            Row(0.2, p.near_pairs, then=True),
        ],
        "network_def::pretrained": Row(
            True, p.refused("network_def"), (FOLDERS, TABLE, PATCHES), then=REFUSED
        ),
    },
    INFER: {
        "bundle_root": Row(
            "{elsewhere}",
            lambda b: b.get("ckpt_path"),
            without=("ckpt_path", "output_dir"),
            then="{elsewhere}/models/model.pt",
        ),
        "output_dir": Row("{output}", lambda b: str(b.inferred()), then="{output}"),
        "dataset_dir": Row("{grey_jpegs}", p.first_batch),
        "device": Row("meta", p.device_of_weights, then="meta"),
        "ckpt_path": Row("{checkpoint}", p.predictions),
        "decision_path": Row("{decision}", p.decided),
        "load_pretrain": Row(False, p.predictions),
        "batch_size": Row(2, p.batch_length, (PHANTOM, TABLE), then=2),
        "precision": Row("bf16", p.dtype("inferer"), (PHANTOM, TABLE), SAFE_BF16, torch.bfloat16),
        "spatial_size": [
            Row([20, 18], p.batch_shape, (PHANTOM, TABLE), then=[20, 18]),
            Row([9, 10, 11], p.batch_shape, (PHANTOM3D,), then=[9, 10, 11]),
        ],
        "intensity_range": Row([20, 200], p.first_batch, (PHANTOM, TABLE, PHANTOM3D)),
        "aspect": [
            Row("crop", p.first_batch, (PHANTOM, TABLE)),
            Row("pad", p.first_batch, (PHANTOM, TABLE)),
        ],
        "jpeg_scaling": [
            Row(True, p.first_batch, base={"dataset_dir": "{grey_jpegs}"}),
            Row(True, p.first_batch, (TABLE,), {"dataset_dir": "{colour_jpegs}"}),
        ],
        "orientation": Row("LPS", p.first_batch, (PHANTOM3D,)),
        "spacing": Row([2.0, 2.0, 2.0], p.first_batch, (PHANTOM3D,)),
        "enlarged_size": Row([80, 80], p.batch_shape, (PATCHES,), then=[80, 80]),
        "class_names": Row(["lesion", "normal"], p.refused("run")),
        "flip_axes": Row([1], p.flipped_logits),
        "normalization": Row([], p.first_batch, (PHANTOM, TABLE)),
    },
    MANY_GPUS: {
        "device": Row(
            "meta", lambda b: next(b.get("placed_network").parameters()).device.type, then="meta"
        )
    },
}


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
    base = {"dataset_dir": paths[images], **thin(name)}
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


def content(name, file):
    return json.loads((BUNDLES / name / "configs" / file).read_text())


def ids_of(name, files):
    """The ids of the last of the files that a person sets: plain values, and what the README
    names.
    """
    said = documented(name)
    return {
        key
        for key, value in content(name, files[-1]).items()
        if key not in STEPS and (is_plain(value) or key in said)
    }


def documented(name):
    """The ids that the README explains, in the first column of its tables."""
    text = (BUNDLES / name / "docs" / "README.md").read_text()
    return set(re.findall(r"^\| `([^`|]+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_id_has_a_row_and_a_description(name):
    for files, rows in ROWS.items():
        ids = ids_of(name, files)
        assert ids <= set(rows), f"{files[-1]}: add a row for {ids - set(rows)}"
        # no weights are fetched
        described = {key.replace("#", "::") for key in documented(name)} | {
            "network_def::pretrained"
        }
        assert ids <= described, f"{files[-1]}: say in the README what {ids - described} is"
    assert documented(name) <= {key.replace("::", "#") for rows in ROWS.values() for key in rows}


def test_every_row_has_an_id():
    for files, rows in ROWS.items():
        known = set().union(*(content(name, files[-1]) for name in NAMES))
        assert {key.split("#")[0] for key in rows} <= known


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("files", [TRAIN, EVALUATE, INFER, MANY_GPUS], ids=lambda files: files[-1])
def test_every_id_is_reached_from_what_is_run(name, files):
    config = bundle_config(BUNDLES / name, files=files)
    left, reached = [step for step in ("initialize", "run", "finalize") if step in config], set()
    while left:
        at = left.pop()
        if at in reached:
            continue
        reached.add(at)
        for text in strings(part_of(config, at)):
            left += ReferenceResolver.match_refs_pattern(text)
    own = content(name, files[-1])
    # read by front ends, by MONAI, and by the check of classes
    shown = {"displayable_configs", "imports", "bundle_root"}
    idle = {"dataset_dir"} if "phantom" in name else set()  # see its row
    assert {
        key
        for key in own
        if not any(f"{at}::".startswith(f"{key}::") or key.startswith(f"{at}::") for at in reached)
    } <= shown | idle


def part_of(config, at):
    for key in at.split("::"):
        config = config[int(key)] if isinstance(config, list) else config[key]
    return config


def strings(content):
    if isinstance(content, str):
        yield content
    for part in (
        content.values()
        if isinstance(content, Mapping)
        else content
        if isinstance(content, list)
        else ()
    ):
        yield from strings(part)


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
