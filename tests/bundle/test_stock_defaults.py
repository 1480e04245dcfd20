"""The stock configs without any path: inference finds what the training in the same bundle left."""

import shutil

import pytest
from bundle_runs import BUNDLES, of_inference, run, small
from PIL import Image


@pytest.mark.parametrize("name", ["lesion_phantom_classification"])
def test_training_then_inference_without_a_path(name, tmp_path):
    bundle = tmp_path / name
    shutil.copytree(BUNDLES / name, bundle)
    (bundle / "images").mkdir()
    for value in (40, 90):
        Image.new("L", (12, 12), value).save(bundle / "images" / f"{value}.png")
    configs = bundle / "configs"
    overrides = {
        key: value for key, value in small(name, None, tmp_path).items() if key != "output_dir"
    }
    run(str(bundle), str(configs / "train.json"), **overrides)
    assert {"model.pt", "model_final.pt"} <= {path.name for path in (bundle / "models").iterdir()}
    width = of_inference(
        {
            key: value
            for key, value in overrides.items()
            if key in ("network_def::width", "spatial_size")
        }
    )
    run(str(bundle), str(configs / "inference.json"), workflow_type="infer", **width)
    assert len((bundle / "output" / "predictions.csv").read_text().splitlines()) == 3
