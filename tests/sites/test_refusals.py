"""What a newcomer gets wrong: each refusal is one line that names the value and what to do, comes
before any image is decoded where it can, and leaves the model as it is.
"""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
from fit_commands import call
from mean_bundles import bundle, site, write_site

from medmonai.deployment import load_model
from medmonai.metrics.resampling import random_numbers
from medmonai.sites import adapt, evaluate_site


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Models of two kinds, and a site for each."""
    folder = tmp_path_factory.mktemp("place")
    for kind in ("binary", "multiclass"):
        bundle(folder / kind, kind)
        site(folder / "site", kind, darker=0.15, name=f"{kind}.csv")
    adapt(folder / "binary", folder / "site" / "binary.csv", output=folder / "adapted")
    return folder


def said(*words):
    return str(call(*words, code=1).exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--width", "0"), "width=0; the width of an interval, at least 1e-06 and below 1"),
        (("--width", "1"), "width=1; the width of an interval"),
        (("--width", "1e-9"), "width=1e-09; the width of an interval"),
        (("--width", "nan"), "width=nan; the width of an interval"),
        (("--confidence", "2"), "confidence=2.0; a number between 0 and 1 is needed"),
        (("--seed", "-1"), "seed=-1; a whole number from 0 on is needed"),
        (("--positive_class", "well"), "--positive_class well: the positive class is the model's"),
        (("--skip_unreadable", "no"), "skip_unreadable='no'; true or false is needed"),
    ],
)
def test_a_value_out_of_range_is_named(words, message, place, tmp_path):
    table = place / "site" / "binary.csv"
    words = ("adapt", place / "binary", "--table", table, "--output", tmp_path / "new", *words)
    assert message in said(*words)
    assert not (tmp_path / "new").exists()


def test_a_value_is_checked_before_the_images(place, tmp_path):
    nothing = write_site(tmp_path / "site", ["sick", "well"] * 20, np.full(40, 0.5))
    for path in (tmp_path / "site").glob("*.png"):
        path.write_bytes(b"")
    for name, value in (("width", 0.0), ("confidence", 2.0), ("seed", -1)):
        with pytest.raises(ValueError, match=f"^{name}="):
            adapt(place / "binary", nothing, output=tmp_path / "new", **{name: value})


def test_a_rule_is_refused_where_no_threshold_decides(place, tmp_path):
    table = place / "site" / "multiclass.csv"
    words = ("adapt", place / "multiclass", "--table", table, "--output", tmp_path / "new")
    assert "rule='f1': the model has a multiclass task" in said(*words, "--rule", "f1")


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_classes_that_do_not_fit_are_told_without_options_that_nobody_gave(kind, place, tmp_path):
    model = place / kind
    known = {"binary": ("well", "sick"), "multiclass": ("a", "b", "c")}[kind]
    for case, (names, message) in enumerate(
        (
            (known[-1:], f"dx holds one class, '{known[-1]}'; two are needed"),
            ((*known, "unclear"), f"The model's classes are {', '.join(known)}; write these names"),
            (("gesund", "krank"), f"The model's classes are {', '.join(known)}; write these names"),
        )
    ):
        labels = [names[i % len(names)] for i in range(24)]
        table = write_site(tmp_path / str(case), labels, np.linspace(0.2, 0.8, 24))
        words = ("evaluate", table, "--model", model, "--output", tmp_path / "out")
        found = said(*words)
        assert message in found and "positive_class" not in found
    assert not (tmp_path / "out").exists()


def test_a_decision_without_its_cases_is_neither_evaluated_nor_adapted(place, tmp_path):
    table = place / "site" / "binary.csv"
    shutil.copytree(place / "adapted" / "model", tmp_path / "copy")
    with pytest.raises(ValueError, match=r"adapted_cases\.csv is not beside it.*the whole folder"):
        evaluate_site(tmp_path / "copy", table, output=tmp_path / "out")
    with pytest.raises(ValueError, match="was adapted already"):
        adapt(tmp_path / "copy", table, output=tmp_path / "new")
    assert not (tmp_path / "out").exists() and not (tmp_path / "new").exists()


@pytest.mark.parametrize("inside", ["", "models", "deep/er"])
def test_an_evaluation_is_not_written_into_a_model(inside, place, tmp_path):
    shutil.copytree(place / "binary", tmp_path / "model")
    before = contents(tmp_path / "model")
    with pytest.raises(FileExistsError, match="lies inside the model"):
        evaluate_site(
            *(tmp_path / "model", place / "site" / "binary.csv"),
            output=tmp_path / "model" / inside,
            overwrite=True,
        )
    assert contents(tmp_path / "model") == before


def test_an_exported_file_is_neither_adapted_nor_evaluated(place, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"")
    table = place / "site" / "binary.csv"
    for words in (
        ("adapt", tmp_path / "model.onnx", "--table", table),
        ("evaluate", table, "--model", tmp_path / "model.onnx", "--output", tmp_path / "out"),
    ):
        assert "is a file, without the records of its model; name the folder" in said(*words)


def test_what_is_left_out_and_what_is_not_known_is_shown(place, tmp_path):
    table = site(tmp_path / "site", "binary", darker=0.15)
    (tmp_path / "site" / "site_003.png").write_bytes(b"")
    words = ("--skip_unreadable", "true", "--output")
    shown = call("adapt", place / "binary", "--table", table, *words, tmp_path / "new").output
    assert "; 1 image, which cannot be read, was left out, first site_003.png." in shown
    shown = call("evaluate", table, "--model", place / "binary", *words, tmp_path / "out").output
    assert "1 case was left out: the image cannot be read." in shown
    assert "Which images the networks have learned from is not recorded" in shown


def test_a_negative_seed_is_named():
    with pytest.raises(ValueError, match="seed=-1; a whole number from 0 on is needed"):
        random_numbers(-1)


def test_numbers_as_classes_are_compared_by_value(tmp_path):
    bundle(tmp_path / "model", "ordinal")
    table = site(tmp_path / "site", "ordinal", darker=0.15)
    plain = adapt(tmp_path / "model", table, output=tmp_path / "plain")
    rows = [line.split(",") for line in table.read_text().splitlines()]
    rows[1:] = [[file, f"{label}.0", patient] for file, label, patient in rows[1:]]
    table.write_text("\n".join(",".join(row) for row in rows) + "\n")
    found = adapt(tmp_path / "model", table, output=tmp_path / "new")
    np.testing.assert_array_equal(found.cases.table.labels, plain.cases.table.labels)
    assert found.after == plain.after


def test_a_lost_decision_is_not_replaced_by_the_default(place, tmp_path):
    shutil.copytree(place / "adapted", tmp_path / "adapted")
    stored = tmp_path / "adapted" / "model" / "models" / "decision.json"
    stored.unlink()
    for folder in (tmp_path / "adapted", tmp_path / "adapted" / "model"):
        with pytest.raises(FileNotFoundError, match=r"decision\.json is missing.*put back a copy"):
            load_model(folder)
    (tmp_path / "adapted" / "adaptation.json").rename(tmp_path / "adapted" / "fit.json")
    with pytest.raises(FileNotFoundError, match=r"decision\.json is missing"):
        load_model(tmp_path / "adapted")
    # a bundle without a decision has the default one
    assert load_model(place / "binary").point.chosen_on == "none"
