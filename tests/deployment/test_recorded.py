"""The model of a run folder: predictions as the run and stock inference make them, and what is
refused.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import zipfile

import nibabel
import numpy as np
import pytest
from bundle_runs import run
from dicom_files import write_series
from PIL import Image
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.bundle import run_bundle, write_bundle
from medmonai.deployment import load_model, predict, write_predicted
from medmonai.metrics import OperatingPoint, Temperature, apply_temperature, decide
from medmonai.predictions import read_predictions

PER_CHANNEL = {"subtrahend": [0.4, 0.5, 0.6], "divisor": [0.2, 0.3, 0.1], "channel_wise": True}
PER_SPLIT = {"train": 24, "val": 12, "test": 12}


def picture(path, values):
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(path.with_suffix(".png"))


def volume(path, values):
    affine = np.diag([1.0, 1.0, 2.5, 1.0])
    nibabel.save(nibabel.Nifti1Image(values.astype(np.int16), affine), f"{path}.nii.gz")


def series(path, values):
    path.mkdir()
    write_series(path, values.astype(np.int16), np.diag([1.0, 1.0, 2.5, 1.0]))


KINDS = {
    "gray": (picture, (14, 18), {"size": [12, 12]}, {}),
    "color": (picture, (14, 18, 3), {"size": [12, 12], "in_channels": 3}, {"aspect": "pad"}),
    "NIfTI": (
        volume,
        (14, 12, 8),
        {"size": [12, 12, 8]},
        {"intensity_range": [0.0, 255.0], "spacing": [1.0, 1.0, 2.5]},
    ),
    "DICOM": (
        series,
        (14, 12, 6),
        {"size": [12, 12, 6]},
        {"intensity_range": [0.0, 255.0], "orientation": "LPS"},
    ),
}


def write_source(folder, kind):
    """A folder of splits and classes; images of class "sick" are brighter."""
    save, shape, _, _ = KINDS[kind]
    rng = np.random.default_rng(len(kind))
    for split, count in PER_SPLIT.items():
        for i in range(count):
            place = folder / split / ("sick" if i % 2 else "well")
            place.mkdir(parents=True, exist_ok=True)
            save(place / f"{split}{i:02d}", rng.normal(100 + 40 * (i % 2), 30, shape))
    return folder


def trained(folder, kind):
    """The bundle and the run folder of a tiny training on `write_source`."""
    _, _, of_size, form = KINDS[kind]
    recipe = {
        "title": "t",
        "question": "q",
        "dataset": {
            "listing": {
                "_target_": "medmonai.data.list_class_folders",
                "root": "$medmonai.data.in_dataset_dir(@dataset_dir)",
                "name": "t",
            },
            "task": "binary",
            "class_names": ["well", "sick"],
            "in_channels": 1,
            "form": form,
            "source": "generated",
            **of_size,
        },
        "network": {"_target_": "medmonai.networks.resnet10", "width": 4, "stem": "small"},
        "normalization": {"subtrahend": 0.4, "divisor": 0.2} if kind != "color" else PER_CHANNEL,
        "averaged_flips": [1],
        "epochs": 2,
        "warmup_epochs": 1,
        "batch_size": 8,
        "learning_rate": 0.001,
        "auc_learning_rate": 0.01,
    }
    bundle = write_bundle("t_classification", recipe, folder)
    out = folder / "run"
    run_bundle(bundle, output_dir=out, overrides={"dataset_dir": str(folder / "in"), "seed": 1})
    return bundle, out


@pytest.fixture(scope="module")
def gray(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gray")
    write_source(folder / "in", "gray")
    return folder, *trained(folder, "gray")


def calibrated(run_folder):
    """The test table of a run after its temperature, and its decisions."""
    stored = json.loads((run_folder / "models" / "decision.json").read_text())
    table = read_predictions(run_folder / "predictions_test.csv")
    decided = decide(table, OperatingPoint.from_dict(stored["operating_point"]))
    after = apply_temperature(table, Temperature.from_dict(stored["temperature"]))
    return after, table.predicted_names(decided)


def check_parity(folder, bundle, out):
    cases = list(predict(out, folder / "in" / "test"))
    table, decided = calibrated(out)
    row_of = {f"test/{case.id}": case for case in cases}
    found = [row_of[name] for name in table.ids]
    np.testing.assert_allclose(
        [case.probabilities for case in found], table.y_score, rtol=2e-5, atol=1e-7
    )
    assert [case.decision for case in found] == decided
    assert len({*decided}) == 2 and all(case.spread == 0 for case in cases)
    run(
        bundle, "inference.json", workflow_type="infer", bundle_root=str(bundle),
        dataset_dir=str(folder / "in" / "test"), output_dir=str(folder / "stock"),
        ckpt_path=str(out / "models" / "model.pt"),
    )  # fmt: skip
    with (folder / "stock" / "predictions.csv").open() as file:
        stock = list(csv.DictReader(file))
    assert [row["id"] for row in stock] == [case.id for case in cases]
    assert [row["predicted"] for row in stock] == [case.decision for case in cases]
    of_run = dict(zip(table.ids, read_predictions(out / "predictions_test.csv").positive_scores))
    np.testing.assert_allclose(
        [float(row["score_sick"]) for row in stock],
        [of_run[f"test/{row['id']}"] for row in stock],
        rtol=2e-5,
        atol=1e-7,
    )


def test_a_run_predicts_as_it_was_evaluated_and_as_stock_inference(gray):
    check_parity(*gray)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["color", "NIfTI", "DICOM"])
def test_colors_and_volumes_too(kind, tmp_path):
    write_source(tmp_path / "in", kind)
    check_parity(tmp_path, *trained(tmp_path, kind))


def test_an_exported_run_predicts_the_same(gray, tmp_path):
    folder, _, out = gray
    images = folder / "in" / "test"
    path = tmp_path / "model.pt"
    done = CliRunner().invoke(app, ["export", str(out), "--to", str(path)])
    assert done.exit_code == 0, done.output
    assert f"{path} (" in done.output and "not for clinical use" in done.output
    table = tmp_path / "p.csv"
    words = ["predict", str(path), str(images), "--output", str(table)]
    assert CliRunner().invoke(app, words).exit_code == 0
    with table.open(newline="") as file:
        found = list(csv.DictReader(file))
    for row, case in zip(found, predict(out, images), strict=True):
        assert (row["id"], row["predicted"]) == (case.id, case.decision)
        assert float(row["score_sick"]) == pytest.approx(case.probabilities[1], abs=1e-5)
    # the training and validation cases, each once
    with (out / "cases.csv").open(newline="") as file:
        cases = [row for row in csv.DictReader(file) if row["id"] and row["split"] != "test"]
    lines = sorted(f"{case['id']},{case['digest']}" for case in cases)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/extra/medmonai.json"))
        said = json.loads(archive.read(name))
    assert said["training_data_sha256"] == digest and len(lines) == 36


def test_a_run_that_moved_predicts_the_same(gray, tmp_path):
    folder, _, out = gray
    shutil.copytree(out, tmp_path / "moved")
    images = folder / "in" / "test" / "sick"
    assert list(predict(tmp_path / "moved", images)) == list(predict(out, images))


def changed(out, tmp_path, file="evaluate_config.json", **values):
    """A copy of a run whose record says something else."""
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    content = json.loads((copy / file).read_text())
    (copy / file).write_text(json.dumps(content | values))
    return copy


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"network_def": {"_target_": "os.system", "command": "false"}}, "'os.system'"),
        ({"network_def": {"_target_": "medmonai.networks.pretrained.torch.hub.load"}}, "hub.load"),
        ({"network_def": {"_target_": "mine.Network"}}, "network_def of 'mine.Network'"),
        ({"network_def": "$__import__('os').system('false')"}, "network_def = .\\$__import__"),
        ({"flip_axes": "$[1]"}, "flip_axes = '\\$\\[1\\]'"),
        ({"normalization": [{"_target_": "monai.bundle.run"}]}, "monai.bundle.run"),
        ({"images": {"_target_": "mine.images"}}, "images of 'mine.images'"),
    ],
)
def test_what_only_the_bundle_can_make_is_refused_and_never_run(gray, values, said, tmp_path):
    copy = changed(gray[2], tmp_path, **values)
    with pytest.raises(ValueError, match=f"asks for .*{said}.*which only the bundle"):
        load_model(copy)


def test_damaged_and_unfinished_runs_are_refused(gray, tmp_path):
    _, _, out = gray
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    shutil.copy(copy / "models" / "last.pt", copy / "models" / "model.pt")
    with pytest.raises(ValueError, match="is not the file whose threshold was chosen"):
        load_model(copy)
    (copy / "models" / "model.pt").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.pt is missing"):
        load_model(copy)
    (copy / "metrics.json").unlink()
    with pytest.raises(ValueError, match="a run that is not evaluated"):
        load_model(copy)
    with pytest.raises(FileNotFoundError, match="holds no model; name the --output"):
        load_model(tmp_path)
    wider = {"_target_": "medmonai.networks.resnet10", "width": 8, "stem": "small"}
    shape = {"spatial_dims": 2, "in_channels": 1, "num_classes": 1}
    wrong = changed(out, tmp_path / "b", network_def=wider | shape)
    with pytest.raises(ValueError, match="holds the weights of another network"):
        load_model(wrong)


def test_a_bundle_that_prepares_images_otherwise_than_its_training_is_refused(gray, tmp_path):
    _, bundle, out = gray
    mixed = tmp_path / "mixed"
    shutil.copytree(bundle, mixed)
    shutil.copytree(out / "models", mixed / "models", dirs_exist_ok=True)
    cases = list(predict(mixed, gray[0] / "in" / "test" / "sick"))
    assert cases == list(predict(out, gray[0] / "in" / "test" / "sick"))
    for name in ("config.json", "run.json"):
        shutil.copy(out / name, mixed / name)
    path = mixed / "configs" / "inference.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"aspect": "crop"}))
    with pytest.raises(ValueError, match=r"was trained otherwise: aspect \(\"stretch\" there"):
        load_model(mixed)
    turned = {"class_names": ["sick", "well"], "task": config["task"]}
    path.write_text(json.dumps(config | turned))
    with pytest.raises(ValueError, match="was trained for the classes 0 well, 1 sick"):
        load_model(mixed)


def test_the_table_is_written(gray, tmp_path):
    folder, _, out = gray
    model = load_model(out)
    images = folder / "in" / "test" / "sick"
    count, unread = write_predicted(
        predict(model, images), tmp_path / "p.csv", class_names=model.class_names
    )
    with (tmp_path / "p.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert (count, unread) == (6, 0)
    assert rows[0] == ["id", "score_well", "score_sick", "predicted", "spread", "flag"]
    assert [float(row[2]) for row in rows[1:]] == [
        case.probabilities[1] for case in predict(model, images)
    ]
