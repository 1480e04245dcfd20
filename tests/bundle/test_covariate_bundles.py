"""Bundles whose network sees covariates: rendered, trained, evaluated, resumed, and used for
inference by MONAI's own command.
"""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from bundle_runs import run
from covariate_tables import write_covariate_table

from medmonai.bundle import render_bundle, run_bundle, write_bundle
from medmonai.engines import RunCheckpoint
from medmonai.predictions import read_predictions

NAME = "mine_classification"


def recipe(size, classes, covariates, **network):
    dims = len(size)
    return {
        "title": "mine",
        "dataset": {
            "listing": {
                "_target_": "medmonai.data.list_image_table",
                "table": "$medmonai.data.in_dataset_dir(@dataset_dir, 'table.csv')",
                "name": "mine",
                "columns": {"image_column": "image", "label_column": "class"},
                "images": {"image_folders": "images"},
            },
            "covariates": covariates,
            "splits": {"val_fraction": 0.25, "test_fraction": 0.3},
            "task": "binary" if len(classes) == 2 else "multiclass",
            "class_names": list(classes),
            "in_channels": 1,
            "size": list(size),
            "source": "drawn",
        },
        "network": {"_target_": "medmonai.networks.resnet10", "width": 4, **network},
        "epochs": 3,
        "warmup_epochs": 2 if len(classes) == 2 else "@max_epochs",
        "batch_size": 8,
        "flip_axes": [dims - 1],
    }


CASES = {
    "2D": ((16, 16), ("benign", "malignant"), ["age", "sex", "site"], {}),
    "3D": (
        (12, 12, 12),
        ("a", "b", "c"),
        [
            {"name": "age", "kind": "number"},
            {"name": "sex", "kind": "category", "categories": ["f", "m", "x"]},
        ],
        {"_target_": "medmonai.networks.densenet121", "growth_rate": 2, "width": 8},
    ),
}


@pytest.fixture(scope="module", params=list(CASES))
def trained(request, tmp_path_factory):
    """A bundle with its data and a run of it."""
    size, classes, covariates, network = CASES[request.param]
    folder = tmp_path_factory.mktemp("covariates")
    write_covariate_table(folder / "data", size=size, classes=classes, of_covariates=3.0)
    made = recipe(size, classes, covariates)
    if network:
        made["network"] = {k: v for k, v in network.items() if k != "width"}
    bundle = write_bundle(NAME, made, folder)
    ids = {"dataset_dir": str(folder / "data"), "cache_dir": str(folder / "cache")}
    run_bundle(bundle, output_dir=folder / "run", overrides=ids)
    return bundle, folder, ids, classes


def test_a_run_keeps_its_encoder_and_looks_at_the_covariates(trained):
    _, folder, _, classes = trained
    stored = json.loads((folder / "run" / "models" / "covariates.json").read_text())
    (age, sex, *_) = stored["columns"]
    splits = {row["id"]: row["split"] for row in csv.DictReader((folder / "run/splits.csv").open())}
    rows = list(csv.DictReader((folder / "data" / "table.csv").open()))
    ages = [float(r["age"]) for r in rows if splits[r["image"]] == "train" and r["age"]]
    np.testing.assert_allclose(age["mean"], np.mean(ages))
    np.testing.assert_allclose(age["sd"], np.std(ages))
    assert sex["categories"] == (["f", "m"] if len(classes) == 2 else ["f", "m", "x"])
    # the images are noise: only the age tells the classes apart
    table = read_predictions(folder / "run" / "predictions_test.csv")
    age_of = {r["image"]: float(r["age"] or age["mean"]) for r in rows}
    shown = np.array([age_of[name] for name in table.ids])
    assert np.corrcoef(shown, table.y_score[:, -1])[0, 1] > 0.7
    state = torch.load(folder / "run/models/model.pt", weights_only=True)
    assert state["fitted"].abs().max() > 0.5
    assert (folder / "run" / "saliency.json").is_file()
    with (folder / "run" / "metadata_test.csv").open() as file:
        assert {"age", "sex"} <= set(next(csv.reader(file)))


def test_a_stopped_training_ends_with_the_same_bits_and_not_with_other_covariates(
    trained, tmp_path, monkeypatch
):
    bundle, folder, ids, classes = trained
    if len(classes) > 2:
        pytest.skip("one of both is enough")
    save = RunCheckpoint._save

    def save_and_stop(self, engine):
        save(self, engine)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(RunCheckpoint, "_save", save_and_stop)
        run_bundle(bundle, output_dir=tmp_path / "run", overrides=ids)
    data = shutil.copytree(folder / "data", tmp_path / "data")
    text = (data / "table.csv").read_text()
    (data / "table.csv").write_text(text.replace(",f,", ",m,", 9))
    other = {**ids, "dataset_dir": str(data)}
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    with pytest.raises(RuntimeError) as caught:
        run_bundle(bundle, output_dir=tmp_path / "other", overrides=other)
    assert "fitted to other covariates of the training cases" in str(caught.value.__cause__)
    run_bundle(bundle, output_dir=tmp_path / "run", overrides=ids)
    whole, resumed = (path / "run/models/model_final.pt" for path in (folder, tmp_path))
    assert whole.read_bytes() == resumed.read_bytes()


def test_stock_inference_scores_as_the_evaluation(trained, tmp_path):
    bundle, folder, _, _ = trained
    mine = shutil.copytree(bundle, tmp_path / NAME)
    for name in ("model.pt", "covariates.json", "decision.json"):
        shutil.copy(folder / "run" / "models" / name, mine / "models" / name)
    rows = list(csv.DictReader((folder / "data" / "table.csv").open()))
    with (tmp_path / "new.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "Sex", "age", "site"])
        writer.writerows([[r["image"], r["sex"], r["age"], r["site"]] for r in rows])
    given = {
        "dataset_dir": str(folder / "data" / "images"),
        "output_dir": str(tmp_path / "out"),
        "bundle_root": str(mine),
    }
    run(
        mine,
        "inference.json",
        workflow_type="infer",
        covariates_file=str(tmp_path / "new.csv"),
        **given,
    )
    test = read_predictions(folder / "run" / "predictions_test.csv")
    stock = read_predictions(tmp_path / "out" / "predictions.csv")
    place = {name: row for row, name in enumerate(stock.ids)}
    rows = [place[name] for name in test.ids]
    np.testing.assert_allclose(stock.y_score[rows], test.y_score, atol=1e-5)
    with pytest.raises(RuntimeError) as caught:
        other = {**given, "output_dir": str(tmp_path / "other")}
        run(mine, "inference.json", workflow_type="infer", **other)
    assert "takes the covariates age, sex" in str(caught.value.__cause__)


def rendered(**change):
    made = recipe((16, 16), ("a", "b"), ["age"])
    made["dataset"] |= change.pop("dataset", {})
    return render_bundle(NAME, {**made, **change})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dataset": {"covariates": "age"}}, 'dataset#covariates is "age"; a list is needed'),
        ({"dataset": {"covariates": [3]}}, "dataset#covariates holds 3; a column's name"),
        ({"dataset": {"covariates": [{"name": "age"}]}}, "with 'name' and 'kind'"),
        (
            {
                "dataset": {
                    "covariates": [],
                    "listing": {
                        "_target_": "medmonai.data.list_image_table",
                        "table": "t",
                        "name": "n",
                        "columns": {
                            "image_column": "image",
                            "label_column": "class",
                            "covariates": ["age"],
                        },
                    },
                }
            },
            'would not see; write them as "covariates" of the dataset',
        ),
        (
            {
                "dataset": {
                    "listing": {
                        "_target_": "medmonai.data.list_image_table",
                        "table": "t",
                        "name": "n",
                    }
                }
            },
            "dataset#covariates needs listing#columns; name image_column",
        ),
        (
            {
                "transfer": True,
                "network": {"_target_": "medmonai.networks.transfer_network"},
            },
            "a network of transfer learning takes no covariates",
        ),
    ],
)
def test_recipes_that_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        rendered(**change)


def test_no_covariates_leave_every_config_as_it_is():
    plain = recipe((16, 16), ("a", "b"), [])
    without = {**plain, "dataset": {k: v for k, v in plain["dataset"].items() if k != "covariates"}}
    assert render_bundle(NAME, plain) == render_bundle(NAME, without)
    text = "".join(render_bundle(NAME, without).values())
    assert "covariate" not in text.lower()


def test_names_of_columns_are_text():
    configs = rendered(dataset={"covariates": ["$open('x', 'w')", "a#b"]})
    ids = json.loads(configs["configs/train.json"])["covariates"]
    assert ids == ["$'\\x24open(\\x27x\\x27, \\x27w\\x27)'", "$'a\\x23b'"]
    assert (
        "ResNet10" in configs["configs/metadata.json"]
        or "resnet10 with covariates" in (configs["configs/metadata.json"])
    )
