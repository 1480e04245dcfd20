"""Paths and names with the marks of MONAI's configs are text; folders are checked before data is
read.
"""

from __future__ import annotations

import csv
import json
import os
import shutil

import pytest
from bundle_runs import BUNDLES, run, small, write_medmnist

from medmonai.bundle import (
    bundle_config,
    check_source,
    commands,
    describe_source,
    folder_of_run,
    run_bundle,
)
from medmonai.claims import FolderInUse
from medmonai.config_text import unescaped
from medmonai.errors import one_line
from medmonai.predictions import read_predictions

PHANTOM = "lesion_phantom_classification"
MARKED = ["x@lab#1", "@data", "%data", "$data", "50%", "$@output_dir", "it's #5", "a::b"]


def without_folder(settings):
    return {name: value for name, value in settings.items() if name != "output_dir"}


@pytest.mark.parametrize(
    "name",
    [
        "x@lab#1",
        "$@output_dir",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("@data", "a::b")),
    ],
)
def test_output_and_data_folders_and_checkpoints_may_have_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # relative, so that the mark comes first
    write_medmnist((tmp_path / name).resolve().parent, "pneumoniamnist", (28, 28))
    (tmp_path / name).mkdir()
    shutil.move("pneumoniamnist.npz", tmp_path / name)
    bundle = BUNDLES / "pneumoniamnist_classification"
    settings = without_folder(small(bundle.name, name, tmp_path))
    run_bundle(bundle, output_dir=f"{name}/out", overrides=settings)
    assert sorted(os.listdir(tmp_path)) == [name]
    report = (tmp_path / name / "out" / "report.html").read_text()
    assert str(tmp_path) not in report
    with (tmp_path / name / "out" / "predictions_test.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 24
    assert (
        describe_source(str(bundle), {"dataset_dir": name, "verify_checksum": False}).cases["test"]
        == 24
    )
    assert (
        check_source(str(bundle), {"dataset_dir": name, "verify_checksum": False}).name
        == "pneumoniamnist"
    )


@pytest.mark.parametrize("name", ["@a#b", pytest.param("$x", marks=pytest.mark.slow)])
def test_a_bundle_may_lie_in_any_folder(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(BUNDLES / PHANTOM, tmp_path / name / PHANTOM)
    run_bundle(
        f"{name}/{PHANTOM}",
        output_dir="out",
        overrides=without_folder(small(PHANTOM, None, tmp_path)),
    )
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("name", MARKED)
def test_the_commands_for_monai_say_the_same_path(name):
    config = bundle_config(BUNDLES / PHANTOM, {"output_dir": name})
    assert unescaped(config["output_dir"]) == name
    for line in commands(BUNDLES / PHANTOM, {"output_dir": name}):
        assert "--output_dir" in line


def test_monai_alone_says_how_to_write_a_path_that_it_would_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError) as caught:
        run(PHANTOM, "train.json", **small(PHANTOM, None, "x@lab#1"))
    said = one_line(caught.value)
    assert (
        "output_dir is 'x@lab::1': MONAI makes '::' of each '#' in a config. For 'x@lab#1' "
        "write --output_dir"
    ) in said
    assert not list(tmp_path.iterdir())
    run(PHANTOM, "train.json", **small(PHANTOM, None, said.split('"')[1]))
    assert (tmp_path / "x@lab#1" / "run.json").is_file()


def test_a_folder_that_cannot_be_written_is_refused_before_data_is_read(tmp_path):
    (tmp_path / "file").write_text("")
    # and there is no data there
    settings = small("pneumoniamnist_classification", tmp_path, tmp_path / "file")
    for place in ("file", "file/deeper"):
        settings["output_dir"] = str(tmp_path / place)
        with pytest.raises(RuntimeError) as caught:
            run("pneumoniamnist_classification", "train.json", **settings)
        assert (
            f"{tmp_path / 'file'} is a file, not a folder; choose another --output_dir"
            in one_line(caught.value)
        )
        with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
            run_bundle(
                BUNDLES / "pneumoniamnist_classification",
                output_dir=tmp_path / place,
                overrides=without_folder(settings),
            )
    run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path / "other"))
    settings["output_dir"] = str(tmp_path / "other")
    with pytest.raises(RuntimeError) as caught:
        run("pneumoniamnist_classification", "train.json", **settings)
    assert "holds another run" in one_line(caught.value)
    with pytest.raises(RuntimeError) as caught:
        describe_source(
            str(BUNDLES / "pneumoniamnist_classification"), {"dataset_dir": str(tmp_path / "typo")}
        )
    assert "typo and there is no such folder (check its name, or create it)" in one_line(
        caught.value
    )
    assert sorted(os.listdir(tmp_path)) == ["file", "other"]


def test_runs_without_a_folder_get_one_each_and_leave_none_that_is_empty(tmp_path):
    with (
        folder_of_run("", parent=tmp_path / "runs", name="a") as first,
        folder_of_run("", parent=tmp_path / "runs", name="a") as second,
    ):
        assert [first.name, second.name] == ["a", "a-2"]
        (second / "run.json").write_text("{}")
    assert os.listdir(tmp_path / "runs") == ["a-2"]
    with folder_of_run("", parent=tmp_path / "none", name="a"):
        pass
    with folder_of_run(tmp_path / "given", parent=tmp_path / "none", name="a") as given:
        assert given == tmp_path / "given"
    assert sorted(os.listdir(tmp_path)) == ["runs"]


def test_inference_into_a_folder_in_use_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("medmonai.claims.claimed", lambda folder: True)
    with pytest.raises(RuntimeError) as caught:
        run(PHANTOM, "inference.json", output_dir=str(tmp_path), dataset_dir=str(tmp_path / "none"))
    assert isinstance(caught.value.__cause__, FolderInUse)


@pytest.mark.parametrize("name", ["config.json", "run.json"])
@pytest.mark.parametrize("content", [b"", b"[]", b'{"a":', b"\xff\xfe"])
def test_a_damaged_record_stops_what_goes_on_by_it(name, content, tmp_path):
    settings = without_folder(small(PHANTOM, None, tmp_path))
    run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path))
    (tmp_path / name).write_bytes(content)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(
        ValueError,
        match=rf"{tmp_path / name} .*; restore it from a copy, or train in another folder",
    ):
        run_bundle(BUNDLES / PHANTOM, output_dir=tmp_path, overrides=settings)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    run(PHANTOM, "train.json", **small(PHANTOM, None, folder))
    return folder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"finished": False, "threads": "two"},
            "run.json says threads='two'; a whole number from 1 to",
        ),
        ({"finished": False, "threads": 0}, "run.json says threads=0;"),
        ({"finished": False, "threads": 100_000}, "run.json says threads=100000;"),
        (
            {"finished": "yes"},
            (
                "run.json is damaged (finished='yes' is neither true nor false); restore it from a "
                "copy"
            ),
        ),
        ({"finished": None}, "finished=None is neither"),
    ],
)
def test_records_of_the_wrong_kind_are_refused(change, said, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    record = json.loads((trained / "run.json").read_text())
    (tmp_path / "run" / "run.json").write_text(json.dumps(record | change))
    with pytest.raises(RuntimeError) as caught:
        run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path / "run"))
    assert said in one_line(caught.value)


@pytest.mark.parametrize("name", ["model.pt", "last.pt"])
def test_weights_of_which_nothing_is_known_are_not_written_over(name, trained, tmp_path):
    (tmp_path / "models").mkdir()
    shutil.copy(trained / "models" / name, tmp_path / "models")
    with pytest.raises(RuntimeError) as caught:
        run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path))
    assert (
        f"{tmp_path}/models/{name} exists, but {tmp_path}/config.json, which says how it was "
        "trained, does"
    ) in one_line(caught.value)
    assert os.listdir(tmp_path) == ["models"] and os.listdir(tmp_path / "models") == [name]


def test_a_folder_may_be_named_as_a_user_that_is_not_there(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "~nobody-of-this-name")
    run(
        PHANTOM,
        "train.json",
        "evaluate.json",
        **small(PHANTOM, None, "~nobody-of-this-name", evaluate=True),
    )
    assert read_predictions("~nobody-of-this-name/predictions_test.csv").ids.size == 48
