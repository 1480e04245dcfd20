"""Names and texts in recipes, tables, folders and studies are data: a MONAI expression in one of
them is never evaluated.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from monai.bundle import ConfigParser, ConfigWorkflow
from PIL import Image
from tiny_bundle import write_study
from typer.testing import CliRunner

from medmonai.__main__ import app
from medmonai.bundle import render_bundle, run_bundle
from medmonai.config_text import as_given, recipe_texts
from medmonai.data import list_image_table
from medmonai.data.options import grouped

CANARY = "$__import__('pathlib').Path('CANARY').touch()"
MARKS = [CANARY, "$x", "@data", "%train.json", "a#b", "a::b", "^(p[0-9]+)[@%#]x$", "$5"]
PARTS = ("columns", "images", "about")
TEXTS = (
    "image_column",
    "label_column",
    "group_column",
    "split_column",
    "suffix",
    "name",
    "licence",
    "citation",
)


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def recipe(**listing) -> dict:
    """The recipe of `data`: every name in it that people choose is an expression."""
    flat = {
        "table": "$medmonai.data.in_dataset_dir(@dataset_dir, 'table.csv')",
        "name": CANARY,
        "image_column": f"{CANARY}i",
        "label_column": f"{CANARY}l",
        "group_column": f"{CANARY}g",
        "metadata_columns": [f"{CANARY}m"],
        "class_names": {CANARY: "healthy", "ill": "ill"},
        "image_folders": [CANARY],
        "suffix": f"{CANARY}.png",
        "licence": CANARY,
        "citation": CANARY,
        "known_issues": [CANARY],
        **listing,
    }
    return {
        "title": "Mine",
        **dict.fromkeys(("question", "recipe", "result"), CANARY),
        "dataset": {
            "listing": {
                "_target_": "medmonai.data.list_image_table",
                **grouped(list_image_table, flat),
            },
            "task": "binary",
            "class_names": ["healthy", "ill"],
            "in_channels": 1,
            "size": [8, 8],
            "splits": {"val_fraction": 0.25, "test_fraction": 0.25},
            "known_issues": [CANARY],
            "source": "drawn",
        },
        "network": {"_target_": "medmonai.networks.cnn", "channels": [4]},
        "epochs": 1,
        "batch_size": 16,
    }


def data(folder: Path) -> Path:
    """48 images whose folders, file names, columns and cells are expressions."""
    images, rng = folder / CANARY / CANARY, np.random.default_rng(0)
    images.mkdir(parents=True)
    with (images.parent / "table.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([f"{CANARY}{column}" for column in "ilgm"])
        for case in range(48):
            pixels = rng.integers(0, 120, (8, 8), dtype=np.uint8) + np.uint8(100 * (case % 2))
            Image.fromarray(pixels).save(images / f"{CANARY}{case}{CANARY}.png")
            rows.writerow(
                [f"{CANARY}{case}", ("ill", CANARY)[case % 2], f"{CANARY}{case // 2}", CANARY]
            )
    return images.parent


def made(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name == "CANARY"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with data, a bundle, and a run of it: `out`."""
    folder = tmp_path_factory.mktemp("canary")
    (folder / "recipe.json").write_text(json.dumps(recipe()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MEDMONAI_CACHE", str(folder / "cache"))
        done = call("init", "mine_classification", "recipe.json", "--folder", "made")
        assert done.exit_code == 0, done.exception
        run_bundle(
            "made/mine_classification",
            output_dir=f"{CANARY}out",
            overrides={"dataset_dir": str(data(folder))},
        )
    return folder


def test_a_run_on_names_that_are_expressions_evaluates_none_of_them(run):
    assert not made(run)
    out = run / f"{CANARY}out"
    with (out / "splits.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48 and all(
        row["id"].startswith(CANARY) and row["id"].endswith(f"{CANARY}.png") for row in rows
    )
    assert CANARY.replace("'", "&#x27;") in (out / "report.html").read_text().replace(
        "&#39;", "&#x27;"
    )
    assert CANARY in (run / "made" / "mine_classification" / "docs" / "README.md").read_text()


def test_inference_on_such_files_evaluates_none_of_them(run, monkeypatch):
    monkeypatch.chdir(run)
    images = next(run.glob(f"*import*/{CANARY}"))
    workflow = ConfigWorkflow(
        "made/mine_classification/configs/inference.json",
        workflow_type="infer",
        **as_given(
            {
                "dataset_dir": str(images),
                "output_dir": f"{CANARY}inferred",
                "ckpt_path": str(run / f"{CANARY}out" / "models" / "model.pt"),
            }
        ),
    )
    workflow.initialize()
    workflow.run()
    assert not made(run)
    assert CANARY in (run / f"{CANARY}inferred" / "predictions.csv").read_text()


@pytest.mark.parametrize("command", ["describe", "check"])
@pytest.mark.parametrize("source", ["bundle", "table"])
def test_describe_and_check_evaluate_none_of_them(command, source, run, monkeypatch):
    monkeypatch.chdir(run)
    table = run / CANARY / "table.csv"
    columns = [
        "--image_column",
        f"{CANARY}i",
        "--label_column",
        f"{CANARY}l",
        "--group_column",
        f"{CANARY}g",
        "--images",
        run / CANARY / CANARY,
        "--suffix",
        f"{CANARY}.png",
    ]
    words = (
        [table, *columns]
        if source == "table"
        else ["made/mine_classification", "--dataset_dir", run / CANARY]
    )
    done = call("data", command, *words)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "48 cases" in done.output or command == "check"
    assert not made(run)


def arrives(content: dict, name: str) -> object:
    """What MONAI makes of a part of a rendered config."""
    parser = ConfigParser(
        json.loads(render_bundle("mine_classification", content)["configs/train.json"])
    )
    return ConfigParser({"x": parser.get(name), "data": "a reference"}).get_parsed_content("x")


@pytest.mark.parametrize("text", MARKS)
@pytest.mark.parametrize("name", TEXTS)
def test_what_a_recipe_names_in_the_data_arrives_as_text(name, text):
    given = recipe(**{name: text})
    listing = given["dataset"]["listing"]
    inside = "" if name in listing else next(f"{k}#" for k in PARTS if name in listing[k])
    assert arrives(given, f"listing#{inside}{name}") == ("a reference" if text == "@data" else text)


@pytest.mark.parametrize("text", MARKS)
def test_a_pattern_arrives_as_text(text):
    given = recipe()
    given["dataset"]["listing"] = {
        "_target_": "medmonai.data.list_class_folders",
        "root": "@dataset_dir",
        "name": "mine",
        "groups": {"group_pattern": text},
    }
    assert arrives(given, "listing#groups#group_pattern") == (
        "a reference" if text == "@data" else text
    )
    given["dataset"] |= {
        "listing": given["dataset"]["listing"] | {"groups": {"group_pattern": "@group_pattern"}},
        "ids": {"group_pattern": text},
    }
    assert arrives(given, "group_pattern") == ("a reference" if text == "@data" else text)


def test_an_expression_that_only_chooses_between_literals_is_left_as_it_is():
    chosen = "$['a', 'b'] if @published_images else []"
    assert recipe_texts({"known_issues": chosen}) == {"known_issues": chosen}
    for hidden in (
        "$f() if @x else 'b'",
        "$'a' if __import__('x') else 'b'",
        "$[f() for f in 'a'] if @x else []",
        "$@x.y",
        "$f'{g()}' if @x else ''",
        "$a if @x else ''",
    ):
        assert (
            ConfigParser(recipe_texts({"licence": hidden})).get_parsed_content("licence") == hidden
        )


@pytest.mark.parametrize(
    "name",
    [
        "label_column",
        "listing#group_pattern",
        "suffix",
        "class_names",
        "positive_class",
        "dataset_name",
        "image_folders",
        "splits_file",
        "listing::image_column",
    ],
)
def test_what_the_command_line_names_in_the_data_is_text(name):
    value = as_given({name: [CANARY] if name == "class_names" else CANARY})[name]
    found = ConfigParser({"x": value}).get_parsed_content("x")
    assert found == ([CANARY] if name == "class_names" else CANARY)


@pytest.mark.parametrize(
    "place", ["title", "class_names", "source", "licence", "citation", "data_type"]
)
def test_texts_that_configs_would_evaluate_are_refused_by_init(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = recipe()
    if place == "title":
        given["title"] = CANARY
    else:
        given["dataset"][place] = [CANARY, "ill"] if place == "class_names" else CANARY
    (tmp_path / "recipe.json").write_text(json.dumps(given))
    done = call("init", "mine_classification", "recipe.json")
    assert isinstance(done.exception, ValueError) and "would not leave as text" in str(
        done.exception
    )
    assert not made(tmp_path) and not (tmp_path / "bundles").exists()


def test_names_of_a_study_are_text(tmp_path, monkeypatch):
    """Arms name folders, title and question stand on the page."""
    monkeypatch.chdir(tmp_path)
    study = write_study(
        tmp_path,
        arms={"none": {}, CANARY: {"effect": 3.0}},
        title=CANARY,
        question=CANARY,
        seeds=[1],
    )
    done = call("study", "run", study, "--output", tmp_path / f"{CANARY}study")
    assert done.exit_code == 0, (done.output, done.exception)
    assert call("study", "status", tmp_path / f"{CANARY}study").exit_code == 0
    assert not made(tmp_path)
    assert CANARY in (tmp_path / f"{CANARY}study" / "summary.csv").read_text()
