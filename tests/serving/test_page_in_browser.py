"""The page of the service in a real browser: an image, a volume, the keyboard, a telephone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chromium import Browser, installed
from mean_models import mean_model

from medmonai.deployment import export_model, open_model
from medmonai.metrics import OperatingPoint, Temperature
from medmonai.networks import Ensemble, resnet10

pytest.importorskip("fastapi")
nibabel = pytest.importorskip("nibabel")
from running_services import picture, running  # noqa: E402

pytestmark = pytest.mark.skipif(installed() is None, reason="Chromium is not installed")
TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


def convolutions(dims):
    network = resnet10(spatial_dims=dims, in_channels=1, num_classes=1, width=8)
    return replace(
        mean_model(
            size=(16,) * dims,
            class_names=("normal", "a lesion with a very long name <b>" * 3),
            point=OperatingPoint((0.3,), "youden", "validation", 50),
            temperature=Temperature(2.0, (0.1,), 50),
        ),
        network=Ensemble(network, members=2).eval(),
    )


@pytest.mark.parametrize("width", [400, 1200])
def test_an_image_is_chosen_and_its_result_is_shown(browser, tmp_path, width):
    (tmp_path / "case.png").write_bytes(picture(120, size=(16, 16)))
    with running(convolutions(2), tmp_path / "received") as address:
        browser.open(f"{address}/", width=width)
        browser.choose("#files", tmp_path / "case.png")
        browser.until("document.getElementById('status').textContent === 'Done.'")
        said = browser.evaluate("document.body.innerText")
        wide = browser.evaluate("document.documentElement.scrollWidth")
    assert "not for clinical use" in said and "case.png" in said and "Of 100 cases" in said
    assert "chosen on 50 cases" in said and "networks differ by" in said
    assert browser.evaluate("document.getElementById('image').naturalWidth") == 16
    assert browser.evaluate("document.getElementById('map').naturalWidth") == 16
    assert browser.evaluate("getComputedStyle(document.getElementById('slices')).display") == "none"
    assert wide <= width
    assert browser.problems == []


@pytest.mark.parametrize(
    ("chosen_on", "like", "chosen"),
    [
        ("validation", "cases like those of the training with", "chosen on 50 cases)."),
        (
            "adaptation",
            "cases like those of the site that the model was adapted to with",
            "chosen on 50 cases of the site).",
        ),
    ],
)
def test_whose_cases_a_probability_speaks_of(browser, tmp_path, chosen_on, like, chosen):
    model = mean_model(
        point=OperatingPoint((0.3,), "youden", chosen_on, 50),
        temperature=Temperature(2.0, (0.1,), 50, chosen_on),
    )
    (tmp_path / "case.png").write_bytes(picture(120))
    with running(model, tmp_path / "received") as address:
        browser.open(f"{address}/", width=1200)
        browser.choose("#files", tmp_path / "case.png")
        browser.until("document.getElementById('status').textContent === 'Done.'")
        said = browser.evaluate("document.body.innerText")
    assert like in said and chosen in said


def test_an_exported_file_has_no_map_and_no_slider_for_it(browser, tmp_path):
    export_model(convolutions(2), tmp_path / "model.pt")
    (tmp_path / "case.png").write_bytes(picture(120, size=(16, 16)))
    with running(open_model(tmp_path / "model.pt"), tmp_path / "received") as address:
        browser.open(f"{address}/")
        browser.choose("#files", tmp_path / "case.png")
        browser.until("document.getElementById('status').textContent === 'Done.'")
        said = browser.evaluate("document.body.innerText")
    assert "Of 100 cases" in said and "networks differ by" in said and "Grad-CAM" not in said
    for name, shown in (("map", "none"), ("maps", "none"), ("image", "block")):
        style = f"getComputedStyle(document.getElementById('{name}')).display"
        assert (browser.evaluate(style) == "none") == (shown == "none")
    assert browser.problems == []


def test_slices_and_opacity_follow_the_keyboard(browser, tmp_path):
    data = np.random.default_rng(0).integers(0, 255, (16, 16, 16)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(data, np.eye(4)), tmp_path / "v.nii.gz")
    with running(convolutions(3), tmp_path / "received") as address:
        browser.open(f"{address}/")
        browser.choose("#files", tmp_path / "v.nii.gz")
        browser.until("document.getElementById('status').textContent === 'Done.'")
        assert browser.evaluate("document.getElementById('which').textContent") == "9 / 16"
        first = browser.evaluate("document.getElementById('image').src")
        for _ in range(2):  # past the input of the files
            browser.press("Tab")
        browser.evaluate("document.getElementById('slice').focus()")
        browser.press("ArrowRight")
        assert browser.evaluate("document.getElementById('which').textContent") == "10 / 16"
        assert browser.evaluate("document.getElementById('image').src") != first
        browser.press("Tab")
        assert browser.evaluate("document.activeElement.id") == "opacity"
        browser.press("ArrowRight")
        assert browser.evaluate("document.getElementById('shown').textContent") == "61 %"
        assert browser.evaluate("document.getElementById('map').style.opacity") == "0.61"
    assert browser.problems == []


def test_the_keyboard_reaches_the_input_of_the_files(browser, tmp_path):
    with running(convolutions(2), tmp_path / "received") as address:
        browser.open(f"{address}/")
        browser.press("Tab")
        assert browser.evaluate("document.activeElement.id") == "files"


def test_what_is_refused_is_said(browser, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with running(convolutions(2), tmp_path / "received") as address:
        browser.open(f"{address}/")
        browser.choose("#files", tmp_path / "notes.txt")
        browser.until("document.getElementById('status').className === 'error'")
        assert "notes.txt" in browser.evaluate("document.getElementById('status').textContent")


def test_a_token_is_asked_for(browser, tmp_path):
    (tmp_path / "case.png").write_bytes(picture(120, size=(16, 16)))
    with running(convolutions(2), tmp_path / "received", token=TOKEN) as address:
        browser.open(f"{address}/")
        browser.until("!document.getElementById('secret').hidden")
        browser.evaluate(f"document.getElementById('token').value = '{TOKEN}'")
        browser.choose("#files", tmp_path / "case.png")
        browser.until("document.getElementById('status').textContent === 'Done.'")
