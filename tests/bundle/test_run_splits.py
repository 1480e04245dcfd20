"""splits.csv and left_out.csv of a run on files, and what happens when the files are no longer the same."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest
from bundle_runs import run, small, workflow
from PIL import Image
from source_files import write_class_folders

from medmonai.data import list_class_folders, split_listing
from medmonai.errors import one_line

PHANTOM = "lesion_phantom_classification"
CALLS = {
    "train": "$medmonai.bundle.train(@train#trainer, @train#handlers#9, output_dir=@output_dir, seed=@seed, "
             "audit=@audit.compact(allowed=@allow_leakage), listing=@images.listing)",
    "evaluate": "$medmonai.bundle.open_test_split(@placed_network, checkpoint=@ckpt_path, output_dir=@output_dir, "
                "listing=@images.listing)",
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDMONAI_CACHE", str(tmp_path / "cache"))
    folder = write_class_folders(tmp_path / "data", {"A": 60, "B": 60}, size=(14, 12), suffix=".png")
    (folder / "A" / "notes.txt").write_text("no picture")
    (folder / "B" / "broken.png").write_bytes(b"")
    return folder


def settings(folder, output, step="train"):
    """A bundle of the phantom, trained on files instead."""
    images = {"_target_": "medmonai.data.image_cache.load_listing", "listing": "@split_plan", "spatial_size": [12, 12],
              "in_channels": 1, "skip_unreadable": True}
    return small(PHANTOM, None, output) | {
        "listing": {"_target_": "medmonai.data.class_folders.list_class_folders", "root": str(folder), "name": "set"},
        "split_plan": {"_target_": "medmonai.data.split_listing", "listing": "@listing", "val_fraction": 0.3},
        "images": images, "audit#cohorts": ["@train#dataset", "@validate#dataset"],
        "train#dataset": "$(@train_cases, @phantom_seed, @phantom_design, @images['train'])[-1]",
        "validate#dataset": "$@images['val']",
        **({"run": [CALLS["train"]]} if step == "train" else
           {"run#1": CALLS["evaluate"], "test#dataset": "$@images['test']", "references": {}}),
    }


def train(folder, output):
    given = {k: v for k, v in settings(folder, output).items() if not k.startswith("validate::")}
    run(PHANTOM, "train.json", **given)


def open_test(folder, output):
    given = {k: v for k, v in settings(folder, output, "evaluate").items() if not k.startswith("validate::")}
    run(PHANTOM, "train.json", "evaluate.json", **given)


def test_the_splits_are_part_of_the_run(files, tmp_path):
    train(files, tmp_path / "out")
    with open(tmp_path / "out" / "splits.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["split"] for row in rows if row["label"]) == {"train": 66, "val": 36, "test": 18}
    assert rows[-1]["id"] == "B/broken.png" and rows[-1]["split"] in ("train", "val", "test") and rows[-1]["label"] == ""
    again = split_listing(list_class_folders(files, name="set"), file=tmp_path / "out" / "splits.csv")  # broken or not
    assert dict(zip(again.ids, again.splits)) == {row["id"]: row["split"] for row in rows}
    left_out = (tmp_path / "out" / "left_out.csv").read_text(encoding="utf-8")
    assert left_out.startswith("name,reason\n") and "A/notes.txt,no image by its name" in left_out
    assert "B/broken.png" in left_out
    assert str(tmp_path) not in left_out + (tmp_path / "out" / "splits.csv").read_text(encoding="utf-8")
    open_test(files, tmp_path / "out")
    assert (tmp_path / "out" / "metrics.json").is_file()
    assert str(tmp_path / "data") not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8").replace(
        str(tmp_path / "out"), "")


def test_files_that_came_since_stop_the_evaluation(files, tmp_path):
    train(files, tmp_path / "out")
    Image.fromarray(np.zeros((14, 12), np.uint8)).save(files / "A" / "new.png")
    with pytest.raises(RuntimeError) as caught:
        open_test(files, tmp_path / "out")
    assert "set: cases or splits are not those of out/splits.csv (first: 'A/" in one_line(caught.value)
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
    assert not (tmp_path / "out" / "splits.csv").exists() and (tmp_path / "out" / "run.json").is_file()
