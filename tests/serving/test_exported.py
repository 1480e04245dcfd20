"""The service of an exported file: the same numbers as the folder's, without saliency."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from mean_models import mean_model

from medmonai.deployment import export_model, open_model
from medmonai.metrics import OperatingPoint, Temperature

pytest.importorskip("fastapi")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
requests = pytest.importorskip("requests")
from running_services import picture, running  # noqa: E402


def several():
    """An ensemble with a threshold and a temperature of its own."""
    model = mean_model(shifts=((-2.0,), (-1.0,)))
    point = OperatingPoint((0.3,), "youden", "validation", 9)
    return replace(model, point=point, temperature=Temperature(2.0, (0.5,), 9))


@pytest.fixture(scope="module", params=[".onnx", ".pt"])
def exported(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    path = folder / f"model{request.param}"
    export_model(several(), path)
    with running(open_model(path), folder / "received") as address:
        yield address, path


def ask(address, **query):
    files = [("files", (f"{v}.png", picture(v))) for v in (0, 60, 200)]
    return requests.post(f"{address}/predict", files=files, params=query, timeout=600)


def test_a_file_is_served_with_the_numbers_of_the_model(exported, tmp_path):
    address, _ = exported
    with running(several(), tmp_path / "received") as other:
        expected = ask(other).json()["cases"]
    found = ask(address).json()["cases"]
    assert [case["decision"] for case in found] == [case["decision"] for case in expected]
    for one, wanted in zip(found, expected):
        assert one["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-5)
        assert one["spread"] == pytest.approx(wanted["spread"], abs=1e-5)


def test_the_model_is_described_from_the_file(exported):
    address, path = exported
    said = requests.get(f"{address}/model", timeout=600).json()
    assert said["operating_point"]["thresholds"] == [0.3] and said["calibrated_on"] == 9
    assert said["members"] == 2 and said["saliency"] is False
    model = open_model(path)
    assert model.about["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert "not for clinical use" in model.about["limits"]


def test_saliency_of_a_file_is_refused_in_a_sentence_and_a_view_is_not(exported):
    address, _ = exported
    refused = ask(address, saliency="true")
    assert refused.status_code == 422 and "serve the folder" in refused.json()["detail"]
    assert ask(address, view="true").json()["cases"][0]["view"]
