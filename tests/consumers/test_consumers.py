"""Programs that run bundles without medmonai's commands find the probabilities and the class of
`medmonai predict`.
"""

from __future__ import annotations

import json
from types import SimpleNamespace

import monai.bundle
import numpy as np
import pytest
import torch
from bundle_consumers import ClassificationOperator, DeployBundleOperator, LabelTask, verify_bundle
from PIL import Image
from untrained_bundles import AFFINE, KINDS, pixels, untrained_bundle, write_image

from medmonai.deployment import load_model, predict

NEAR = 1e-6  # of probabilities; 1e-4 is promised
PICTURES = [name for name, kind in KINDS.items() if len(kind.size) == 2]
OF_8_BITS = [name for name in PICTURES if KINDS[name].high == 256]
VOLUMES = [name for name, kind in KINDS.items() if len(kind.size) == 3]
SEEDS = (0, 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """kind -> its bundle, its files, and what `predict` says of them; each is made once."""
    known = {}

    def of(name):
        if name not in known:
            kind = KINDS[name]
            bundle = untrained_bundle(kind, tmp_path_factory.mktemp("bundle"))
            folder = tmp_path_factory.mktemp("images")
            files = [write_image(kind, folder, seed) for seed in SEEDS]
            cases = list(predict(bundle, folder))
            known[name] = SimpleNamespace(kind=kind, bundle=bundle, files=files, cases=cases)
        return known[name]

    return of


def with_channels(values):
    return values if values.ndim == 3 else values[..., None]


def agree(found, case, kind):
    """Whether names and probabilities are those of a predicted case."""
    names, scores = found
    np.testing.assert_allclose(scores, case.probabilities, atol=NEAR)
    assert names == [name for name in kind.names if name in case.decision.split("; ")]


def test_the_kinds_tell_a_wrong_way_from_the_right_one(made):
    kinds = [made(name) for name in KINDS]
    probabilities = [np.array([case.probabilities for case in one.cases]) for one in kinds]
    assert all(np.ptp(p, axis=0).max() > 1e-3 for p in probabilities)
    assert {case.decision for one in kinds for case in one.cases} > {"sick", "no tumor"}


@pytest.mark.parametrize("name", PICTURES)
def test_deploy_s_bundle_operator_on_the_array_of_a_picture(name, made):
    one = made(name)
    operator = DeployBundleOperator(one.bundle)
    for seed, case in zip(SEEDS, one.cases):
        array = with_channels(pixels(one.kind, seed))
        agree(operator.of_array(array), case, one.kind)


@pytest.mark.parametrize("channel_first", [True, False])
@pytest.mark.parametrize("name", OF_8_BITS)
def test_deploy_s_operators_on_the_image_of_a_picture(name, channel_first, made):
    one = made(name)
    bundle_operator = DeployBundleOperator(one.bundle)
    operator = ClassificationOperator(one.bundle)
    for file, case in zip(one.files, one.cases):
        # the generator's loader makes every picture three channels of float32
        array = np.array(Image.open(file).convert("RGB")).astype(np.float32)
        array = np.moveaxis(array, -1, 0) if channel_first else array
        meta = {"filename": str(file), "original_shape": array.shape, "source_format": ".png"}
        agree(bundle_operator(array, meta), case, one.kind)
        for image in (array, torch.from_numpy(array.astype(np.uint8))):
            found = operator(image)
            scores = [found[f"class_{c}"] for c in range(len(one.kind.names))]
            np.testing.assert_allclose(scores, case.probabilities, atol=NEAR)
            assert len(found) == len(scores) + 1
            assert found["predicted_class"] == int(np.argmax(case.probabilities))


@pytest.mark.parametrize("name", VOLUMES)
def test_deploy_s_bundle_operator_on_the_image_of_a_series(name, made):
    one = made(name)
    operator = DeployBundleOperator(one.bundle)
    for seed, case in zip(SEEDS, one.cases):
        volume = np.swapaxes(pixels(one.kind, seed), 0, 2).astype(np.int16)
        agree(operator.of_dicom(volume, AFFINE, (1.5, 1.8, 2.5)), case, one.kind)


def test_an_array_of_a_volume_needs_no_place_where_the_training_had_none(made, tmp_path):
    one = made("MedMNIST volumes")
    np.savez(tmp_path / "a.npz", images=np.stack([pixels(one.kind, seed) for seed in SEEDS]))
    operator = DeployBundleOperator(one.bundle)
    for seed, case in zip(SEEDS, predict(one.bundle, tmp_path / "a.npz")):
        agree(operator.of_array(pixels(one.kind, seed)), case, one.kind)


def test_an_array_of_a_volume_is_refused_where_the_network_needs_its_spacing(made):
    one = made("volumes")
    with pytest.raises(RuntimeError) as refused:
        DeployBundleOperator(one.bundle).of_array(pixels(one.kind).astype(np.float32))
    assert "does not say where it lies in space" in str(refused.value.__cause__)


@pytest.mark.parametrize("name", KINDS)
def test_label_s_task_on_a_file_and_on_an_array(name, made):
    one = made(name)
    task = LabelTask(one.bundle)
    for file, case, seed in zip(one.files, one.cases, SEEDS):
        wanted = dict(zip(map(str.lower, one.kind.names), case.probabilities))
        found = [task(str(file))]
        if name in PICTURES:
            found.append(task(with_channels(pixels(one.kind, seed))))
        for scores in found:
            assert scores == pytest.approx(wanted, abs=NEAR)


def test_label_refuses_a_file_that_predict_refuses(made, tmp_path):
    one = made("gray pictures")
    damaged = tmp_path / "a.png"
    damaged.write_bytes(one.files[0].read_bytes()[:-30])
    with pytest.raises(ValueError, match=r"a\.png"):
        LabelTask(one.bundle)(str(damaged))


@pytest.mark.parametrize("name", KINDS)
def test_the_zoo_s_checks_pass(name, tmp_path):
    kind = KINDS[name]
    bundle = untrained_bundle(kind, tmp_path)
    verify_bundle(bundle)
    formats = json.loads((bundle / "configs" / "metadata.json").read_text())["network_data_format"]
    exported = torch.jit.load(bundle / "models" / "verify_model.ts")
    image = formats["inputs"]["image"]
    with torch.no_grad():
        logits = exported(torch.rand(3, image["num_channels"], *image["spatial_shape"]))
    assert logits.shape == (3, len(formats["outputs"]["pred"]["channel_def"]))


@pytest.mark.parametrize("name", ["gray pictures", "a fit"])
def test_monai_loads_the_network_of_inference_with_its_weights(name, made):
    one = made(name)
    network = monai.bundle.load(
        one.bundle.name, bundle_dir=str(one.bundle.parent), workflow_type="inference", device="cpu"
    ).eval()
    model = load_model(one.bundle)
    x = torch.rand(2, 1, *one.kind.size)
    with torch.no_grad():
        expected = model.inferer(x, model.network)[:, 0]
        torch.testing.assert_close(network(x)[:, 1] - network(x)[:, 0], expected)
