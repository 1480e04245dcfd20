"""splits.csv and left_out.csv of a run on files, and what happens when the files are no longer the
same.
"""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from bundle_runs import BUNDLES, run, small, workflow, write_medmnist
from PIL import Image
from source_files import write_class_folders

from medmonai.bundle import RunCases, planned_cases, run_bundle
from medmonai.data import PhantomDesign, lesion_phantom, list_class_folders, split_listing
from medmonai.data.duplicates.case_digests import cohort_digest
from medmonai.errors import one_line

PHANTOM = "lesion_phantom_classification"
NAMES = {"A": "normal", "B": "lesion"}
CALLS = {
    "train": {
        "_target_": "medmonai.bundle.train",
        "trainer": "@train#trainer",
        "checkpoint": "@checkpoint",
        "output_dir": "@output_dir",
        "seed": "@seed",
        "audit": "@audit",
        "listing": "$@images.listing",
        "cohorts": "@audit#cohorts",
    },
    "evaluate": {
        "_target_": "medmonai.bundle.open_test_split",
        "network": "@placed_network",
        "checkpoint": "@ckpt_path",
        "output_dir": "@output_dir",
        "listing": "$@images.listing",
        "cohorts": "@audit#cohorts",
    },
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    folder = write_class_folders(
        tmp_path / "data", {"A": 60, "B": 60}, size=(14, 12), suffix=".png"
    )
    (folder / "A" / "notes.txt").write_text("no picture")
    (folder / "B" / "broken.png").write_bytes(b"")
    return folder


def settings(folder, output, step="train"):
    """A bundle of the phantom, trained on files instead."""
    images = {
        "_target_": "medmonai.data.load_listing",
        "listing": "@planned_listing",
        "form": {"spatial_size": [12, 12], "in_channels": 1},
        "skip_unreadable": True,
    }
    return small(PHANTOM, None, output) | {
        "listing": {
            "_target_": "medmonai.data.list_class_folders",
            "root": str(folder),
            "name": "set",
            "class_names": NAMES,
        },
        "planned_listing": {
            "_target_": "medmonai.data.split_listing",
            "listing": "@listing",
            "val_fraction": 0.3,
        },
        "images": images,
        "audit#cohorts": ["@train#dataset", "@validate#dataset", "$@images['test']"],
        "train#dataset": "$(@train_cases, @phantom_seed, @phantom_design, @images['train'])[-1]",
        "validate#dataset": "$@images['val']",
        **(
            {"run": [CALLS["train"]]}
            if step == "train"
            else {
                "run#1": CALLS["evaluate"],
                "test#dataset": "$@images['test']",
                "references": {},
                "audit#cohorts": ["@train#dataset", "@validate#dataset", "@test#dataset"],
            }
        ),
    }


def train(folder, output):
    given = {k: v for k, v in settings(folder, output).items() if not k.startswith("validate::")}
    run(PHANTOM, "train.json", **given)


def open_test(folder, output):
    given = {
        k: v
        for k, v in settings(folder, output, "evaluate").items()
        if not k.startswith("validate::")
    }
    run(PHANTOM, "train.json", "evaluate.json", **given)


def test_the_splits_are_part_of_the_run(files, tmp_path):
    train(files, tmp_path / "out")
    with open(tmp_path / "out" / "splits.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["split"] for row in rows if row["label"]) == {
        "train": 66,
        "val": 36,
        "test": 18,
    }
    assert (
        rows[-1]["id"] == "B/broken.png"
        and rows[-1]["split"] in ("train", "val", "test")
        and rows[-1]["label"] == ""
    )
    listing = list_class_folders(files, name="set", class_names=NAMES)
    again = split_listing(listing, file=tmp_path / "out" / "splits.csv")  # broken or not
    assert dict(zip(again.ids, again.splits)) == {row["id"]: row["split"] for row in rows}
    left_out = (tmp_path / "out" / "left_out.csv").read_text(encoding="utf-8")
    assert left_out.startswith("name,reason\n") and "A/notes.txt,no image by its name" in left_out
    assert "B/broken.png" in left_out
    assert str(tmp_path) not in left_out + (tmp_path / "out" / "splits.csv").read_text(
        encoding="utf-8"
    )
    open_test(files, tmp_path / "out")
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert str(tmp_path / "data") not in (tmp_path / "out" / "report.html").read_text(
        encoding="utf-8"
    ).replace(str(tmp_path / "out"), "")


def test_files_that_came_since_stop_the_evaluation(files, tmp_path):
    train(files, tmp_path / "out")
    Image.fromarray(np.zeros((14, 12), np.uint8)).save(files / "A" / "new.png")
    with pytest.raises(RuntimeError) as caught:
        open_test(files, tmp_path / "out")
    assert "set: cases or splits are not those of out/splits.csv (first: 'A/" in one_line(
        caught.value
    )
    assert not (tmp_path / "out" / "test_opened.json").exists()
    (files / "A" / "new.png").unlink()
    open_test(files, tmp_path / "out")


def test_and_so_they_stop_a_run_that_is_taken_up_again(files, tmp_path):
    train(files, tmp_path / "out")
    record = tmp_path / "out" / "run.json"
    record.write_text(record.read_text().replace('"finished": true', '"finished": false'))
    next((files / "A").glob("*.png")).unlink()
    with pytest.raises(RuntimeError) as caught:
        train(files, tmp_path / "out")
    assert "cases or splits are not those of out/splits.csv" in one_line(caught.value)


def test_without_a_listing_there_is_no_such_file(tmp_path):
    flow = workflow(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path / "out"))
    flow.initialize()
    flow.run()
    assert (
        not (tmp_path / "out" / "splits.csv").exists() and (tmp_path / "out" / "run.json").is_file()
    )


def replace_by_noise(path):
    """Another picture under the same name, as large a file as before."""
    size = path.stat().st_size
    noise = np.random.default_rng(1).integers(0, 256, (14, 12), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes().ljust(size, b"\0"))


def unfinished(output):
    """What a kill after an epoch leaves."""
    record = output / "run.json"
    record.write_text(record.read_text().replace('"finished": true', '"finished": false'))
    return {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_replaced_image_is_named_when_the_run_goes_on_or_is_evaluated(split, files, tmp_path):
    output = tmp_path / "out"
    train(files, output)
    rows = list(csv.DictReader((output / "cases.csv").open()))
    assert len(rows) == 120 + 3 and len({row["digest"] for row in rows}) == len(rows)
    case = next(row["id"] for row in rows if row["split"] == split and row["id"])
    before = (files / case).read_bytes()
    replace_by_noise(files / case)
    whole = unfinished(output)
    for again in (train, open_test):
        with pytest.raises(RuntimeError) as caught:
            again(files, output)
        assert (
            f"set: image '{case}' is not what {output / 'cases.csv'} has: replaced, or"
            in one_line(caught.value)
        )
        assert whole == {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}
    (files / case).write_bytes(before)  # another time, the same pixels
    train(files, output)
    open_test(files, output)
    replace_by_noise(files / case)  # and once more before the evaluation is repeated
    with pytest.raises(RuntimeError) as caught:
        open_test(files, output)
    assert f"image '{case}' is not what" in one_line(caught.value)


def test_an_image_that_is_saved_again_is_the_same_image(files, tmp_path):
    train(files, tmp_path / "out")
    unfinished(tmp_path / "out")
    for path in files.glob("*/person*.png"):
        Image.open(path).save(path, compress_level=0)
    train(files, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "shape"), [("pneumoniamnist", (28, 28)), ("vesselmnist3d", (28, 28, 28))]
)
@pytest.mark.parametrize("part", ["train_images", "val_labels", "test_images"])
def test_another_file_of_the_same_name_is_noticed(name, shape, part, tmp_path):
    path = write_medmnist(tmp_path, name, shape) / f"{name}.npz"
    settings = small(f"{name}_classification", tmp_path, tmp_path / "out")
    run(f"{name}_classification", "train.json", **settings)
    unfinished(tmp_path / "out")
    content = dict(np.load(path))
    content[part] = content[part][::-1].copy()
    np.savez_compressed(path, **content)
    split = part.split("_")[0]
    for configs in (("train.json",), ("train.json", "evaluate.json")):
        with pytest.raises(RuntimeError) as caught:
            run(f"{name}_classification", *configs, **settings)
        assert (
            f"{name}: the {split} cases are not what {tmp_path / 'out' / 'cases.csv'} has"
            in one_line(caught.value)
        )


def test_other_test_cases_may_be_chosen_before_the_test_split_is_opened_and_not_after(tmp_path):
    run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path))
    # 48 cases instead of those that the training audited
    settings = small(PHANTOM, None, tmp_path, evaluate=True)
    run(PHANTOM, "train.json", "evaluate.json", **settings)
    assert (tmp_path / "cases_evaluated.csv").is_file()
    table = (tmp_path / "cases_evaluated.csv").read_text()
    (tmp_path / "cases_evaluated.csv").write_text(
        table.replace(table.splitlines()[-1].split(",")[-1], "0123456789abcdef")
    )
    with pytest.raises(RuntimeError) as caught:
        run(PHANTOM, "train.json", "evaluate.json", **settings)
    assert f"the test cases are not what {tmp_path / 'cases_evaluated.csv'} has" in one_line(
        caught.value
    )


@pytest.mark.parametrize("size", [(16, 16), (8, 8, 8)])
def test_cases_that_a_study_did_not_plan_are_refused(size):
    design = PhantomDesign(size)
    cohorts = [
        lesion_phantom(split=split, num_cases=10, design=design)
        for split in ("train", "val", "test")
    ]
    digests = [cohort_digest(cohort) for cohort in cohorts]
    with planned_cases(digests):
        RunCases(None, cohorts).check_planned(test_too=True)
        other = [*cohorts[:2], lesion_phantom(split="test", num_cases=10, design=design, seed=3)]
        RunCases(None, other).check_planned(test_too=False)
        with pytest.raises(ValueError, match="not those that the study was planned with"):
            RunCases(None, other).check_planned(test_too=True)
    RunCases(None, other).check_planned(test_too=True)


def test_a_planned_run_on_replaced_images_is_refused(tmp_path):
    settings = {
        name: value
        for name, value in small(PHANTOM, None, tmp_path / "out").items()
        if name != "output_dir"
    }
    with pytest.raises(RuntimeError) as caught, planned_cases(["1" * 16] * 3):
        run_bundle(BUNDLES / PHANTOM, output_dir=tmp_path / "out", overrides=settings)
    assert (
        "not those that the study was planned with" in one_line(caught.value)
        and not (tmp_path / "out").exists()
    )


@pytest.mark.parametrize(
    "content", ["", "a,b\n", "split,id,digest\ntrain,x\n", "split,id,digest\n\xff"]
)
def test_a_damaged_table_of_cases_is_named(content, tmp_path):
    run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path))
    unfinished(tmp_path)
    (tmp_path / "cases.csv").write_text(content, encoding="latin-1")
    with pytest.raises(RuntimeError) as caught:
        run(PHANTOM, "train.json", **small(PHANTOM, None, tmp_path))
    assert f"{tmp_path / 'cases.csv'} is damaged" in one_line(caught.value)
