"""Every shipped bundle, run with MONAI's own calls from another directory."""

from __future__ import annotations

import csv
import html
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from bundle_runs import BUNDLES, RECIPES, as_trained, of_inference, run, small, thin, workflow
from monai.bundle import ckpt_export, onnx_export, verify_metadata, verify_net_in_out
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems
from monai.fl.utils.exchange_object import ExchangeObject
from PIL import Image

from medmonai.bundle import bundle_cohorts, render_bundle
from medmonai.deployment import load_model, predict
from medmonai.metrics import apply_temperature, decide
from medmonai.predictions import read_predictions

NAMES = sorted(RECIPES)
OUTPUTS = {
    "config.json",
    "run.json",
    "history.csv",
    "models",
    "predictions_val.csv",
    "predictions_test.csv",
    "metrics.json",
    "metrics.csv",
    "data.json",
    "saliency.json",
    "report.html",
    "figures",
    "test_opened.json",
    "evaluate_config.json",
}
FIGURES = {
    "samples",
    "labels",
    "history",
    "roc",
    "precision_recall",
    "confusion",
    "scores",
    "calibration",
    "decision_curve",
    "failures",
    "saliency",
    "occlusion",
}


@pytest.fixture(scope="module", params=NAMES)
def trained(request, sources, tmp_path_factory):
    """A bundle, trained and evaluated from a directory of its own."""
    name = request.param
    output, elsewhere = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("elsewhere")
    before = {p: p.stat().st_mtime_ns for p in (BUNDLES / name).rglob("*")}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        run(name, "train.json", **small(name, sources, output))
        run(name, "train.json", "evaluate.json", **small(name, sources, output, evaluate=True))
    assert not list(elsewhere.iterdir())
    assert before == {p: p.stat().st_mtime_ns for p in (BUNDLES / name).rglob("*")}
    return name, output


def test_no_bundle_has_drifted_from_its_rendering():
    shipped = {p.parent.parent.name for p in BUNDLES.glob("*/configs/train.json")}
    assert shipped == set(NAMES) and len(NAMES) >= 5
    for name in NAMES:
        for path, text in render_bundle(name, RECIPES[name]).items():
            assert (BUNDLES / name / path).read_text() == text, (
                f"{name}/{path}: run scripts/render_bundles.py"
            )


def test_train_and_evaluate_write_what_a_run_folder_holds(trained):
    name, output = trained
    of_files = {"splits.csv", "left_out.csv"} if "listing" in RECIPES[name]["dataset"] else set()
    assert OUTPUTS | of_files <= {p.name for p in output.iterdir()}
    assert {"model.pt", "model_final.pt", "last.pt", "decision.json"} == {
        p.name for p in (output / "models").iterdir()
    }
    assert {f"{name}.{kind}" for name in FIGURES for kind in ("png", "pdf")} == {
        p.name for p in (output / "figures").iterdir()
    }
    assert len(list(output.glob("saliency/*.nii.gz"))) == (8 if len(shape_of(name)) == 4 else 0)
    with (output / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    second = "cross_entropy" if RECIPES[name].get("warmup_epochs") == "@max_epochs" else "auc"
    assert [(r["epoch"], r["stage"]) for r in rows] == [("1", "cross_entropy"), ("2", second)]
    metrics = json.loads((output / "metrics.json").read_text())
    table = read_predictions(output / "predictions_test.csv")
    assert metrics["splits"]["test"]["n"] == len(table.ids)
    assert set(metrics["references"]) == ({"ideal_observer"} if "phantom" in name else set())
    stored = json.loads((output / "models" / "decision.json").read_text())
    # several classes: the highest score decides, nothing is chosen
    thresholded = table.task.kind in ("binary", "multilabel")
    assert stored["operating_point"]["chosen_on"] == ("validation" if thresholded else "none")
    decisions = metrics["splits"]["test"]["decisions"]
    assert (
        stored["operating_point"]
        == decisions["locked" if thresholded else "default"]["operating_point"]
    )
    assert json.loads((output / "data.json").read_text())["audit"]["verdict"].startswith(
        "no leakage found"
    )
    assert json.loads((output / "run.json").read_text())["finished"] is True
    page = html.unescape((output / "report.html").read_text())
    made = json.loads((output / "config.json").read_text())["network_def"]["_target_"].rpartition(
        "."
    )[2]
    assert f"Network: {made}, " in page and ("pretrained false" in page) == bool(
        RECIPES[name].get("transfer")
    )


def test_predict_repeats_the_evaluation_from_the_run_folder_alone(trained, sources, tmp_path):
    name, output = trained
    test = bundle_cohorts(BUNDLES / name, small(name, sources, output, evaluate=True))[-1]
    images = np.moveaxis(test.images, 1, -1) if test.in_channels == 3 else test.images[:, 0]
    np.savez(tmp_path / "test.npz", images=images, ids=test.ids)
    shutil.copytree(output, tmp_path / "run")
    model = load_model(tmp_path / "run")
    cases = list(predict(model, tmp_path / "test.npz"))
    table = read_predictions(output / "predictions_test.csv", task=model.task)
    assert [case.id for case in cases] == table.ids.tolist()
    np.testing.assert_allclose(
        [case.probabilities for case in cases],
        apply_temperature(table, model.temperature).y_score,
        rtol=1e-4,
        atol=1e-7,
    )
    decided = table.predicted_names(decide(table, model.point))
    assert [case.decision for case in cases] == decided


def test_no_local_path_leaves_the_run(trained):
    _, output = trained
    for file in (
        "run.json",
        "metrics.json",
        "test_opened.json",
        "predictions_test.csv",
        "history.csv",
        "report.html",
    ):
        assert (
            str(output) not in (output / file).read_text()
            and "/home" not in (output / file).read_text()
        )


def test_properties(trained, sources, tmp_path):
    name, _ = trained
    kinds = [(("train.json",), "train", False), (("train.json", "evaluate.json"), "train", True)]
    for files, kind, evaluate in kinds:
        flow = workflow(
            name, *files, workflow_type=kind, **small(name, sources, tmp_path, evaluate=evaluate)
        )
        flow.initialize()
        assert flow.check_properties() == []
    np.savez(tmp_path / "images.npz", images=np.zeros((2, *shape_of(name)), np.uint8))
    flow = workflow(
        name,
        "inference.json",
        workflow_type="infer",
        dataset_dir=str(tmp_path / "images.npz"),
        **of_inference(thin(name)),
    )
    flow.initialize()
    assert flow.check_properties() == []


def shape_of(name: str) -> tuple[int, ...]:
    """Channels and voxels along each axis of what a bundle takes."""
    metadata = json.loads((BUNDLES / name / "configs" / "metadata.json").read_text())
    image = metadata["network_data_format"]["inputs"]["image"]
    return image["num_channels"], *image["spatial_shape"]


def test_inference_needs_no_labels(trained, tmp_path):
    name, output = trained
    shape = shape_of(name)
    images = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    folder = tmp_path / "images"
    folder.mkdir()
    if len(shape) == 3:
        for i, image in enumerate(images):
            Image.fromarray(image[0] if shape[0] == 1 else np.moveaxis(image, 0, -1)).save(
                folder / f"{i}.png"
            )
    else:
        np.savez(folder / "volumes.npz", images=images)
    run(
        name,
        "inference.json",
        workflow_type="infer",
        dataset_dir=str(folder),
        output_dir=str(tmp_path / "out"),
        **as_trained(name, output),
    )
    with (tmp_path / "out" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and "y_true" not in rows[0]
    table = read_predictions(output / "predictions_test.csv")
    names = list(table.class_names)
    scores = np.array([[float(row[f"score_{c}"]) for c in names] for row in rows])
    point = json.loads((output / "models" / "decision.json").read_text())["operating_point"]
    if table.task.kind == "multilabel":
        above = scores > np.array(point["thresholds"])
        expected = ["; ".join(c for c, on in zip(names, row) if on) for row in above]
    else:
        assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)
        binary = table.task.kind == "binary"
        expected = [
            names[int(row[1] > point["thresholds"][0]) if binary else row.argmax()]
            for row in scores
        ]
    assert [row["predicted"] for row in rows] == expected


def test_metadata_and_network(trained, tmp_path):
    name, _ = trained
    configs = BUNDLES / name / "configs"
    schema = Path(__file__).parent / "metadata_schema.json"
    (tmp_path / "schema.json").write_text(schema.read_text())
    verify_metadata(
        meta_file=str(configs / "metadata.json"), filepath=str(tmp_path / "schema.json")
    )
    verify_net_in_out(
        "network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / "inference.json"),
        device="cpu",
    )


def test_exports_agree_with_the_network(trained, tmp_path):
    name, output = trained
    configs, arguments = (
        BUNDLES / name / "configs",
        {"net_id": "network_def", **of_inference(thin(name))},
    )
    checkpoint = str(output / "models" / "model.pt")
    files = {
        "meta_file": str(configs / "metadata.json"),
        "config_file": str(configs / "inference.json"),
    }
    ckpt_export(filepath=str(tmp_path / "model.ts"), ckpt_file=checkpoint, **files, **arguments)
    image = torch.rand(2, *shape_of(name))
    flow = workflow(name, "inference.json", workflow_type="infer", **of_inference(thin(name)))
    flow.initialize()
    network = flow.network_def.eval()
    network.load_state_dict(torch.load(checkpoint, weights_only=True))
    with torch.no_grad():
        expected = network(image)
        assert torch.allclose(torch.jit.load(tmp_path / "model.ts")(image), expected, atol=1e-5)
    onnx_export(
        filepath=str(tmp_path / "model.onnx"),
        ckpt_file=checkpoint,
        input_shape=list(image.shape),
        use_trace=True,
        **files,
        **arguments,
    )
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    assert np.allclose(found, expected.numpy(), atol=1e-4)


def test_a_federated_client_trains_evaluates_and_exchanges_weights(trained, sources, tmp_path):
    name, output = trained
    algo = MonaiAlgo(
        bundle_root=str(BUNDLES / name),
        local_epochs=1,
        train_kwargs=small(name, sources, tmp_path / "client"),
        eval_kwargs=small(name, sources, tmp_path / "client", evaluate=True),
        send_weight_diff=False,
        best_model_filepath=str(output / "models" / "model.pt"),
        final_model_filepath=str(output / "models" / "model_final.pt"),
    )
    algo.initialize({ExtraItems.CLIENT_NAME: "client"})
    weights = {k: v.clone() for k, v in algo.trainer.network.state_dict().items()}
    algo.train(ExchangeObject(weights=weights), {})
    sent = algo.get_weights({}).weights
    assert any(not torch.equal(sent[k], weights[k]) for k in weights)
    metrics = algo.evaluate(ExchangeObject(weights=sent), {}).metrics
    assert 0 <= metrics["auc"] <= 1
    algo.finalize()
