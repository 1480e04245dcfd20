"""A plan of several channels: gray values, normalization, indicators, and what is not color."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
from bundle_runs import run
from modality_files import NAMES, write_modalities

from medmonai.bundle import run_bundle
from medmonai.data import ImageForm
from medmonai.data.files import read_case
from medmonai.deployment import load_model, predict
from medmonai.planning import make_plan
from medmonai.planning.augmentation_rules import augmentation_choice
from medmonai.planning.look import look
from medmonai.planning.plan import write_choices, write_planned_bundle
from medmonai.planning.recipe_source import data_overrides
from medmonai.planning.rules import channels_choice, form_choice, normalization_choice
from medmonai.predictions import read_predictions


def looked(table, channels):
    columns = list(NAMES[:channels]) if channels > 1 else "t1"
    return look(str(table), {"image_column": columns, "label_column": "y"})


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_each_channel_has_its_own_range_and_normalization(tmp_path, channels, dims):
    table, _ = write_modalities(tmp_path, dims=dims, channels=channels, cases=16, size=12)
    seen = looked(table, channels)
    assert (seen.in_channels, len(seen.levels), seen.in_color) == (channels, channels, False)
    form, _ = form_choice(seen)
    value, _ = normalization_choice(seen, form)
    decoded = [
        read_case(case, ImageForm(seen.size, in_channels=channels, **form)).image
        for case in seen.listing.files
    ]
    images = np.stack(decoded) / 255
    axes = (0, *range(2, images.ndim))
    assert np.ravel(value["subtrahend"]) == pytest.approx(images.mean(axis=axes), abs=0.02)
    assert np.ravel(value["divisor"]) == pytest.approx(images.std(axis=axes), abs=0.02)
    if channels > 1:
        low, high = form["intensity_range"][1]
        assert form["intensity_range"][0] == [0, 255] and high - low > 255
        assert value["channel_wise"]
        assert channels_choice(seen)[0].value == ", ".join(NAMES[:channels])
    else:
        assert "channel_wise" not in value and not channels_choice(seen)
    noise = augmentation_choice(seen, [12] * dims)[0]["noise"]
    assert noise[0]["_target_"].endswith("RandGaussianNoise")


def test_a_missing_channel_has_an_indicator_that_is_not_normalized(tmp_path):
    table, _ = write_modalities(tmp_path, cases=16, missing={(3, 2), (4, 2), (5, 0)})
    seen = looked(table, 3)
    assert seen.in_channels == 5 and seen.indicators == (0, 2)
    form, _ = form_choice(seen)
    assert form["indicators"] == [0, 2] and len(form["intensity_range"]) == 3
    value, _ = normalization_choice(seen, form)
    assert value["subtrahend"][3:] == [0, 0] and value["divisor"][3:] == [1, 1]
    choice = channels_choice(seen)[0]
    assert choice.value.endswith("flair, whether t1 is there, whether flair is there")


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_files_with_channels(tmp_path, channels):
    """Volumes along the fourth axis of a file are its channels."""
    rng = np.random.default_rng(0)
    for i in range(20):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        values = rng.normal(100, 10, (10, 9, 8, channels)) * (1 + np.arange(channels))
        path = tmp_path / "ab"[i % 2] / f"{i}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values.astype(np.float32), np.eye(4)), path)
    seen = look(str(tmp_path))
    assert seen.in_channels == channels and not seen.in_color
    form, _ = form_choice(seen)
    lows = [low for low, _ in form["intensity_range"]]
    assert lows == sorted(lows) and len(lows) == channels
    assert channels_choice(seen)[0].reason == "as the files hold"
    nibabel.save(nibabel.Nifti1Image(values[..., 0].astype(np.float32), np.eye(4)), path)
    with pytest.raises(ValueError, match=rf"19 files of {channels}, 1 files of 1 channels; a net"):
        look(str(tmp_path))


def test_a_channel_is_one_file_of_one_channel(tmp_path):
    table, _ = write_modalities(tmp_path, dims=3, cases=16, size=12)
    values = np.zeros((12, 12, 12, 2), np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "003_t2.nii.gz")
    with pytest.raises(ValueError, match="a file that is one channel of a case holds one"):
        looked(table, 3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A planned bundle of three modalities, the run folder of its training, and its table."""
    folder = tmp_path_factory.mktemp("modalities")
    table, _ = write_modalities(folder / "in", cases=64, missing={(i, 2) for i in range(0, 64, 5)})
    seen = looked(table, 3)
    plan = make_plan(seen)
    write_choices(plan, folder)
    write_planned_bundle(plan.name, folder)
    overrides = {**data_overrides(seen), "max_epochs": 2, "warmup_epochs": 1, "val_fraction": 0.25}
    run_bundle(folder / "model", output_dir=folder / "run", overrides=overrides)
    return folder, table


def test_the_bundle_names_its_channels(trained):
    folder, _ = trained
    metadata = json.loads((folder / "model" / "configs" / "metadata.json").read_text())
    image = metadata["network_data_format"]["inputs"]["image"]
    assert list(image["channel_def"].values()) == ["t1", "t2", "flair", "flair is there"]
    inference = json.loads((folder / "model" / "configs" / "inference.json").read_text())
    assert inference["dataset"]["image_column"] == ["t1", "t2", "flair"]
    assert inference["dataset"]["form"]["indicators"] == [2]


def test_prediction_takes_the_columns_of_the_training(trained, tmp_path):
    folder, table = trained
    model = load_model(folder / "run")
    assert model.image_columns == ("t1", "t2", "flair") and model.form.indicators == (2,)
    cases = list(predict(model, table))
    assert len(cases) == 64 and all(len(case.probabilities) == 2 for case in cases)
    rows = table.read_text().splitlines()
    rows[2] = rows[2].replace("001_t1.png", "")  # in training, no case lacked it
    other = table.with_name("other.csv")
    other.write_text("\n".join(rows[:4]).replace("t1,t2,flair", "a,b,c"))
    flagged = list(predict(model, other, image_column="a,b,c"))
    assert flagged[0].probabilities == pytest.approx(cases[0].probabilities, abs=1e-6)
    assert "lacks the file of channel 0" in flagged[1].flag and not flagged[1].probabilities
    with pytest.raises(
        ValueError, match=r"'t1' is not a column .* The model takes t1, .*: an empty"
    ):
        list(predict(model, other))
    with pytest.raises(ValueError, match="2 image columns are named, and the model takes 3"):
        list(predict(model, other, image_column=["a", "b"]))
    with pytest.raises(ValueError, match=r"is not a table.* one image for each of t1, t2, flair"):
        list(predict(model, table.parent))


def test_stock_inference_takes_a_table(trained, tmp_path):
    """`monai.bundle run` with inference.json gives what the evaluation of the run gave."""
    folder, table = trained
    given = {
        "dataset_dir": str(table),
        "ckpt_path": str(folder / "run" / "models" / "model.pt"),
        "bundle_root": str(folder / "model"),
    }
    bundle = (folder / "model").resolve()
    run(bundle, "inference.json", workflow_type="infer", output_dir=str(tmp_path), **given)
    stock = read_predictions(tmp_path / "predictions.csv")
    test = read_predictions(folder / "run" / "predictions_test.csv")
    place = {name: row for row, name in enumerate(stock.ids)}
    rows = [place[name] for name in test.ids]
    np.testing.assert_allclose(stock.y_score[rows], test.y_score, atol=1e-5)
    with pytest.raises(RuntimeError) as caught:
        given["dataset_dir"] = str(table.parent)
        run(
            bundle, "inference.json", workflow_type="infer", output_dir=str(tmp_path / "b"), **given
        )
    assert "give a table (CSV, .xlsx) with these columns" in str(caught.value.__cause__)
