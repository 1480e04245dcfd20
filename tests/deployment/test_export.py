"""An exported file: its numbers are those of `predict`, also where nothing of ours is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import nibabel
import numpy as np
import onnxruntime
import pytest
import torch
from exported_numbers import pictures, same
from isolated_python import run_isolated
from PIL import Image
from tiny_models import tiny_model

from medmonai.data import CovariateEncoder, MemberEncoders
from medmonai.data.covariate_columns import CategoricalCovariate, NumericCovariate
from medmonai.deployment import Familiar, export_model, load_exported, predict
from medmonai.transforms import BatchCompose, RandFlip

ROOT = Path(__file__).resolve().parents[2]
FAMILIAR = Familiar((90.0, 140.0), (60.0, 90.0), (20, 20), (90, 90), (False,))
AGE = NumericCovariate("age", mean=60.0, sd=10.0, low=40.0, high=80.0, missing=0)
SEX = CategoricalCovariate("sex", categories=("f", "m"), counts=(5, 4), missing=0)


def picture_model():
    return tiny_model(
        size=(16, 24), members=2, flips=(1,), form={"aspect": "pad"}, familiar=FAMILIAR
    )


def volume_model():
    encoders = MemberEncoders((CovariateEncoder((AGE, SEX)),) * 2)
    return tiny_model(
        "multilabel",
        size=(8, 9, 6),
        channels=3,
        members=2,
        flips=(0,),
        covariates=encoders,
        image_columns=("t1", "t2"),
        form={
            "intensity_range": ((-100.0, 300.5), (0.0, 90.0)),
            "spacing": (1.5, 1.0, 2.0),
            "indicators": (1,),
        },
    )


@pytest.fixture(scope="module")
def picture_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "model.onnx"
    export_model(picture_model(), path)
    return path


@pytest.fixture(scope="module")
def volume_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("volumes") / "model.onnx"
    export_model(volume_model(), path)
    return path


def test_a_file_takes_pictures_as_decoded_of_any_size_in_any_batch(picture_file, tmp_path):
    session = onnxruntime.InferenceSession(picture_file)
    arrays = pictures(tmp_path)
    expected = list(predict(picture_model(), tmp_path))
    assert len({case.decision for case in expected}) == 2 and expected[0].spread > 0.01
    for values, case in zip(arrays, expected):
        batch = np.stack([values, 255 - values, values])[..., None]
        probabilities, decision, spread = session.run(None, {"image": batch})
        assert probabilities.shape == (3, 2) and decision.shape == spread.shape == (3,)
        for row in (0, 2):
            np.testing.assert_allclose(probabilities[row], case.probabilities, atol=1e-5)
            assert spread[row] == pytest.approx(case.spread, abs=1e-5)
            assert ("normal", "lesion")[decision[row]] == case.decision
    colored = np.stack([arrays[0]] * 4, axis=-1)[None]
    np.testing.assert_allclose(
        session.run(["probabilities"], {"image": colored})[0][0],
        expected[0].probabilities,
        atol=1e-5,
    )


def test_predict_takes_the_file_for_the_model(picture_file, tmp_path):
    pictures(tmp_path)
    Image.fromarray(np.full((30, 20), 255, np.uint8)).save(tmp_path / "white.png")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    expected = list(predict(picture_model(), tmp_path))
    assert {"broken.png", "white.png"} < {case.id for case in expected if case.flag}
    same(list(predict(picture_file, tmp_path)), expected)


def write_volumes(folder):
    """A table of volumes with two channels and covariates; the arrays and spacings of those that
    have both channels.
    """
    rng = np.random.default_rng(0)
    rows = ["t1,t2,age,sex"]
    held = []
    for i in range(5):
        shape = tuple(int(n) for n in rng.integers(5, 20, 3))
        spacing = rng.choice([0.7, 1.0, 1.5, 2.0, 3.3], 3)
        names = [f"{i}t1.nii.gz", "" if i == 3 else f"{i}t2.nii.gz"]
        arrays = [rng.normal(80, 120, shape).astype(np.int16) for _ in names]
        for name, values in zip(names, arrays):
            if name:
                nibabel.save(nibabel.Nifti1Image(values, np.diag([*spacing, 1])), folder / name)
        rows.append(f"{names[0]},{names[1]},{'' if i == 1 else 50 + 5 * i},{'fm'[i % 2]}")
        if i != 3:
            held.append((i, np.stack(arrays, axis=-1), spacing))
    (folder / "new.csv").write_text("\n".join(rows))
    return folder / "new.csv", held


def test_a_file_takes_volumes_with_spacing_channels_and_covariates(volume_file, tmp_path):
    table, held = write_volumes(tmp_path)
    model = volume_model()
    expected = list(predict(model, table))
    assert not any(case.flag for case in expected if case.id != "1t1.nii.gz")
    same(list(predict(volume_file, table)), expected)
    session = onnxruntime.InferenceSession(volume_file)
    assert [one.name for one in session.get_inputs()] == [
        "image", "spacing", "present", "covariates",
    ]  # fmt: skip
    for i, values, spacing in held:
        columns = {"age": ["" if i == 1 else str(50 + 5 * i)], "sex": ["fm"[i % 2]]}
        probabilities, decision, spread = session.run(
            None,
            {
                "image": values[None].astype(np.float32),
                "spacing": spacing[None],
                "present": np.ones((1, 1), np.float32),
                "covariates": model.covariates.encode(columns),
            },
        )
        np.testing.assert_allclose(probabilities[0], expected[i].probabilities, atol=1e-5)
        assert spread[0] == pytest.approx(expected[i].spread, abs=1e-5)
        names = [name for name, chosen in zip("abc", decision[0]) if chosen]
        assert "; ".join(names) == expected[i].decision
    values[2, 1, 1, 0] = -1
    broken = values[None].astype(np.float32)
    for invalid in (np.nan, np.inf):
        broken[0, 2, 1, 1, 0] = invalid
        given = {
            "image": broken,
            "spacing": spacing[None],
            "present": np.ones((1, 1), np.float32),
            "covariates": model.covariates.encode(columns),
        }
        probabilities, decision, spread = session.run(None, given)
        assert np.isnan(probabilities).all() and (decision == -1).all() and np.isnan(spread).all()


def test_a_file_says_what_it_is(picture_file, volume_file):
    said = onnxruntime.InferenceSession(picture_file).get_modelmeta().custom_metadata_map
    assert json.loads(said["class_names"]) == ["normal", "lesion"]
    assert said["positive_class"] == "lesion" and said["task"] == "binary"
    assert json.loads(said["operating_point"])["thresholds"] == [0.53]
    assert json.loads(said["training_images"]) == json.loads(json.dumps(asdict(FAMILIAR)))
    assert said["limits"].startswith("Research software: not for clinical use.")
    assert "20 x 20 to 90 x 90" in said["limits"]
    assert said["not_inside"].startswith("Decoding of files is not inside")
    assert said["training_data_sha256"] == said["intended_use"] == "not stated"
    assert json.loads(said["inputs"]) == {
        "image": {"dtype": "uint8", "axes": ["batch", "height", "width", "channels"]}
    }
    said = onnxruntime.InferenceSession(volume_file).get_modelmeta().custom_metadata_map
    assert json.loads(said["spacing"]) == [1.5, 1.0, 2.0] and said["orientation"] == "RAS"
    assert said["positive_class"] == "" and json.loads(said["image_columns"]) == ["t1", "t2"]
    assert load_exported(volume_file).covariates == volume_model().covariates


def test_triton_is_told_names_types_and_sizes(picture_file, volume_file):
    text = picture_file.with_name("config.pbtxt").read_text()
    assert 'platform: "onnxruntime_onnx"' in text and "max_batch_size: 4" in text
    assert 'name: "image"\n  data_type: TYPE_UINT8\n  dims: [-1, -1, -1]' in text
    assert 'name: "probabilities"\n  data_type: TYPE_FP32\n  dims: [2]' in text
    assert 'name: "spread"\n  data_type: TYPE_FP32\n  dims: [1]\n  reshape { shape: [] }' in text
    assert picture_file.with_name("labels.txt").read_text() == "normal\nlesion\n"
    text = volume_file.with_name("config.pbtxt").read_text()
    assert 'name: "image"\n  data_type: TYPE_FP32\n  dims: [-1, -1, -1, 2]' in text
    assert 'name: "spacing"\n  data_type: TYPE_FP64\n  dims: [3]' in text
    assert 'name: "decision"\n  data_type: TYPE_INT64\n  dims: [3]' in text


CLIENTS = dict(
    re.findall(
        r"```(py|js)\n(.*?)```", (ROOT / "docs" / "how_to" / "deploy.md").read_text(), re.DOTALL
    )
)


def check_client(printed, folder, expected):
    """Whether a line for each case names its decision, and its probabilities to 1e-5."""
    for case, line in zip(expected, printed.splitlines(), strict=True):
        path, *shown = line.partition(" (spread")[0].split()
        assert path == str(folder / case.id)
        assert [shown[0], *shown[2:6:2], shown[5]] == ["normal", "lesion", "->", case.decision]
        np.testing.assert_allclose(
            [float(shown[1]), float(shown[3])], case.probabilities, atol=1e-5
        )


def test_the_program_in_the_docs_runs_where_nothing_of_ours_is(picture_file, tmp_path):
    pictures(tmp_path)
    expected = list(predict(picture_model(), tmp_path))
    assert len(CLIENTS["py"].strip().splitlines()) <= 20
    (tmp_path / "python").mkdir()
    files = [tmp_path / case.id for case in expected]
    printed = run_isolated(CLIENTS["py"], tmp_path / "python", picture_file, *files)
    check_client(printed, tmp_path, expected)


def test_the_program_in_javascript_runs(picture_file, tmp_path):
    """Wants onnxruntime-node and sharp in NODE_PATH."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node")
    wanted = 'require("onnxruntime-node"); require("sharp")'
    if subprocess.run([node, "-e", wanted], capture_output=True, check=False).returncode:
        pytest.skip("node finds no onnxruntime-node and sharp; set NODE_PATH to their folder")
    pictures(tmp_path)
    expected = list(predict(picture_model(), tmp_path))
    assert len(CLIENTS["js"].strip().splitlines()) <= 20
    (tmp_path / "client.js").write_text(CLIENTS["js"])
    files = [str(tmp_path / case.id) for case in expected]
    done = subprocess.run(
        [node, str(tmp_path / "client.js"), str(picture_file), *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check_client(done.stdout, tmp_path, expected)


def test_what_cannot_be_exported_or_read_is_refused(picture_file, tmp_path):
    model = tiny_model(size=(8, 8))
    with pytest.raises(ValueError, match=r"--to .*model\.h5: .*use \.onnx .* or \.pt"):
        export_model(model, tmp_path / "model.h5")
    with pytest.raises(FileExistsError, match="exists; name another folder"):
        export_model(model, picture_file)
    random = replace(model, preprocessing=BatchCompose([RandFlip(prob=0.5)]))
    with pytest.raises(ValueError, match="preprocessing holds RandFlip"):
        export_model(random, tmp_path / "model.pt")
    with pytest.raises(FileNotFoundError, match=r"other\.onnx does not exist"):
        load_exported(tmp_path / "other.onnx")
    (tmp_path / "other.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot be read by ONNX Runtime"):
        load_exported(tmp_path / "other.onnx")
    torch.save({}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="was not written by `medmonai export`"):
        load_exported(tmp_path / "other.pt")
    assert not list(tmp_path.glob("model*"))
