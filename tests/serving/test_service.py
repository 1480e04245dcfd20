"""The service: the same numbers as predict, for one image, many, archives and channels."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from mean_models import mean_model
from PIL import Image

from medmonai.deployment import predict
from medmonai.networks import Ensemble, resnet10

pytest.importorskip("fastapi")
nibabel = pytest.importorskip("nibabel")
requests = pytest.importorskip("requests")
from running_services import archive, picture, running  # noqa: E402


def ask(address, files, **query):
    sent = [("files", (name, content)) for name, content in files]
    return requests.post(f"{address}/predict", files=sent, params=query, timeout=600)


def volume(value, folder):
    path = folder / "v.nii.gz"
    data = np.full((8, 8, 8), value, np.uint8)
    data[0, 0, 0] = 0
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), path)
    return path


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service") / "received"
    with running(mean_model(shifts=((-2.0,), (-1.0,))), folder) as address:
        yield address, folder


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_an_image_gets_the_numbers_of_predict(service, kind, tmp_path):
    address, folder = service
    name = f"case.{kind.lower()}"
    (tmp_path / name).write_bytes(picture(200, kind=kind))
    (expected,) = predict(mean_model(shifts=((-2.0,), (-1.0,))), tmp_path / name)
    (case,) = ask(address, [(name, picture(200, kind=kind))]).json()["cases"]
    assert case["id"] == name and case["decision"] == expected.decision
    assert list(case["probabilities"].values()) == pytest.approx(expected.probabilities, abs=1e-6)
    assert list(case["probabilities"]) == ["normal", "lesion"]
    assert case["spread"] == pytest.approx(expected.spread, abs=1e-6)
    assert not list(folder.iterdir())


def test_a_volume_and_a_series_as_files_or_as_an_archive(tmp_path):
    pytest.importorskip("pydicom")
    from dicom_files import write_series

    model = mean_model(size=(8, 8, 8), form={"intensity_range": (0.0, 255.0)})
    path = volume(200, tmp_path)
    series = tmp_path / "series"
    write_series(series, np.arange(512).reshape(8, 8, 8) % 200, np.eye(4))
    slices = {p.name: p.read_bytes() for p in sorted(series.iterdir())}
    expected = [next(iter(predict(model, one))).probabilities for one in (path, series)]
    with running(model, tmp_path / "received") as address:
        answers = [
            ask(address, [(path.name, path.read_bytes())]),
            ask(address, list(slices.items())),
            ask(address, [("s.zip", archive({f"a/{n}": b for n, b in slices.items()}))]),
        ]
    cases = [answer.json()["cases"] for answer in answers]
    assert [len(one) for one in cases] == [1, 1, 1], cases
    for (case,), wanted in zip(cases, (expected[0], expected[1], expected[1])):
        assert list(case["probabilities"].values()) == pytest.approx(wanted, abs=1e-6)


def test_many_images_of_one_request_and_of_an_archive(service):
    address, _ = service
    files = [(f"{i}.png", picture(10 * i)) for i in range(9)]
    single = ask(address, files).json()["cases"]
    packed = ask(address, [("all.zip", archive(dict(files)))]).json()["cases"]
    assert [case["id"] for case in single] == [name for name, _ in files]
    assert [case["id"] for case in packed] == [f"all.zip/{name}" for name, _ in files]
    scores = [[case["probabilities"]["lesion"] for case in cases] for cases in (single, packed)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6) and sorted(scores[0]) == scores[0]


def test_two_hundred_requests_at_once_get_their_own_answers(service):
    address, folder = service
    values = [i % 250 for i in range(200)]
    with ThreadPoolExecutor(64) as pool:
        answers = list(
            pool.map(lambda i: ask(address, [(f"{i}.png", picture(values[i]))]), range(200))
        )
    assert {answer.status_code for answer in answers} == {200}
    for i, answer in enumerate(answers):
        (case,) = answer.json()["cases"]
        m = values[i] / 255
        logit = 4 * m - 1.5
        assert case["id"] == f"{i}.png"
        assert case["probabilities"]["lesion"] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)
    counted = requests.get(f"{address}/metrics", timeout=600).text
    batches, images = (
        float(next(line for line in counted.splitlines() if line.startswith(name)).split()[1])
        for name in ("medmonai_batch_images_count", "medmonai_batch_images_sum")
    )
    assert images > batches, "images were never predicted together"
    assert not list(folder.iterdir())


def test_one_image_cannot_be_read_and_the_others_are_answered(service):
    address, _ = service
    files = [("a.png", picture(9)), ("b.png", picture(9)[:40]), ("c.png", picture(9))]
    first, broken, last = ask(address, files).json()["cases"]
    assert first["decision"] and last["decision"] == first["decision"]
    assert broken["probabilities"] is None and broken["decision"] is None and broken["flag"]


def with_convolutions(dims, members=1, channels=1):
    network = resnet10(spatial_dims=dims, in_channels=channels, num_classes=1, width=8)
    ensemble = Ensemble(network, members=members) if members > 1 else network
    return replace(
        mean_model(size=(16,) * dims, channels=channels), network=ensemble.eval(), batch_size=2
    )


@pytest.mark.parametrize(("dims", "members"), [(2, 1), (2, 3), (3, 1)])
def test_pictures_of_the_image_and_of_the_saliency(dims, members, tmp_path):
    import base64

    if dims == 2:
        name, content = "a.png", picture(90, size=(16, 16))
    else:
        path = volume(90, tmp_path)
        name, content = path.name, path.read_bytes()
    with running(with_convolutions(dims, members), tmp_path / "received") as address:
        (case,) = ask(address, [(name, content)], saliency="true", view="true").json()["cases"]
        (plain,) = ask(address, [(name, content)]).json()["cases"]
    assert "view" not in plain and "saliency" not in plain
    assert len(case["view"]) == len(case["saliency"]) == (1 if dims == 2 else 16)
    for kind, mode in (("view", "L"), ("saliency", "RGBA")):
        opened = Image.open(io.BytesIO(base64.b64decode(case[kind][0])))
        assert opened.size == (16, 16) and opened.mode == mode


def test_a_network_without_a_layer_for_a_map_is_answered_without_one(service):
    address, _ = service
    (case,) = ask(address, [("a.png", picture(90))], saliency="true", view="true").json()["cases"]
    (plain,) = ask(address, [("a.png", picture(90))]).json()["cases"]
    assert case["saliency"] is None and len(case["view"]) == 1
    assert {name: case[name] for name in plain} == plain


def test_what_the_model_is_and_whether_the_service_lives(service):
    address, _ = service
    said = requests.get(f"{address}/model", timeout=600).json()
    assert said["classes"] == ["normal", "lesion"] and said["positive_class"] == "lesion"
    assert said["members"] == 2 and "not for clinical use" in said["warning"]
    assert requests.get(f"{address}/health", timeout=600).json()["status"] == "ok"
    described = requests.get(f"{address}/openapi.json", timeout=600).json()
    assert set(described["paths"]) == {"/health", "/metrics", "/model", "/predict"}
