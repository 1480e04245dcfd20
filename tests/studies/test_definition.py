"""The study file: what it may say, and what is wrong with one, in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tiny_bundle import write_study, write_tiny_bundle

from medmonai.studies import read_study
from medmonai.studies.definition import schema

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "scripts" / "ablations").glob("*.json"))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_studies_say_their_question(path):
    study = read_study(path)
    assert (
        study.question
        and study.title
        and study.baseline in [None, *study.variants]
        and len(study.seeds) >= 3
    )


def test_a_study_of_arms(tmp_path):
    study = read_study(write_study(tmp_path))
    assert study.bundles == (str(tmp_path / "tiny_classification"),) and study.seeds == (1, 2)
    assert study.variants == ["none", "strong"] and study.title == "study"


def test_some_of_the_bundles(tmp_path):
    other = write_tiny_bundle(tmp_path, "other_classification")
    study = read_study(write_study(tmp_path, bundles=["tiny_classification", other.name]))
    assert study.only([other.name]).bundles == (str(other),)
    with pytest.raises(
        ValueError, match=r"bundle 'x' is not in the study; it has tiny_classification, other_class"
    ):
        study.only(["x"])


def test_a_grid_multiplies_the_arms_but_not_the_baselines(tmp_path):
    arms = {"recipe": {}, "forest": {"estimator": {"name": "random_forest"}}}
    study = read_study(
        write_study(
            tmp_path, arms=arms, grid={"effect": [1, 2], "optimizer#lr": [0.1]}, baseline="forest"
        )
    )
    assert study.variants == [
        "recipe, effect=1, optimizer#lr=0.1",
        "recipe, effect=2, optimizer#lr=0.1",
        "forest",
    ]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"seeds": None}, "the study: 'seeds' is a required property"),
        ({"seeds": []}, "seeds: .* non-empty"),
        ({"seeds": [1, 1]}, "seeds: .*non-unique"),
        ({"seeds": [-1]}, "seeds#0: -1 is less than the minimum"),
        ({"seed": [1]}, r"'seed' was unexpected\) \(did you mean 'seeds'\?\)"),
        ({"arms": {}}, "arms: "),
        ({"folds": 1}, "folds: 1 is less than the minimum of 2"),
        (
            {"arms": {"none": {}, "rf": {"estimator": {"name": "random_forest"}, "effect": 1}}},
            "arms#rf: .*'effect' was unexpected",
        ),
        (
            {"arms": {"none": {}, "rf": {"estimator": {"nam": "random_forest"}}}},
            "arms#rf#estimator",
        ),
        (
            {"baseline": "non"},
            "baseline names 'non', which the study does not have; did you mean 'none'",
        ),
        ({"overrides": [1]}, r"overrides: \[1\] is given; an object \{id: value\} is needed; see"),
        (
            {"bundle_overrides": {"tiny_classification": 3}},
            r"bundle_overrides#tiny_classification: 3 is given; an object \{id",
        ),
        ({"grid": {"effect": 3}}, r"grid#effect: 3 is given; a list \[\.\.\.\] is needed"),
        (
            {"arms": {"rf": {"estimator": "random_forest"}}},
            r'estimator: "random_forest" is given; an object \{name: value\}',
        ),
        ({"bundles": "x"}, r'bundles: "x" is given; a list'),
        ({"seeds": ["1"]}, r'seeds#0: "1" is given; a whole number is needed'),
        ({"title": 3}, "title: 3 is given; a text is needed"),
        (
            {"bundle_overrides": {"tiny": {}}},
            "bundle_overrides names 'tiny'.*did you mean 'tiny_classification'",
        ),
    ],
)
def test_mistakes_are_named(content, match, tmp_path):
    with pytest.raises(ValueError, match=match):
        read_study(write_study(tmp_path, **content))


def test_a_bundle_that_is_not_there(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"no bundle at .*tiny_clasification; did you mean .*tiny_classification",
    ):
        read_study(write_study(tmp_path, bundles=["tiny_clasification"]))


@pytest.mark.parametrize("arm", [3, None, [], "x"])
def test_arms_that_are_no_objects(tmp_path, arm):
    with pytest.raises(ValueError, match=r"arms#a: .* is given; an object \{id: value\} is needed"):
        read_study(write_study(tmp_path, arms={"a": arm}))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_studies_as_windows_saves_them(tmp_path, encoding):
    path = write_study(tmp_path)
    content = path.read_text(encoding="utf-8")
    path.write_text(content, encoding=encoding)
    assert read_study(path).seeds
    path.write_text(content.replace('"seeds"', '"seeds" 3', 1), encoding=encoding)
    with pytest.raises(
        ValueError,
        match=r"is not a study file: study.json, line \d+, column \d+: Expecting ':' delimiter",
    ):
        read_study(path)


def test_files_that_are_no_study(tmp_path):
    path = write_study(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"no study file at .*studi.json; did you mean .*study.json"
    ):
        read_study(tmp_path / "studi.json")
    twice = (
        json.dumps({"bundles": ["tiny_classification"], "seeds": [1]})[:-1]
        + ', "arms": {"a": {}, "a": {"effect": 2}}}'
    )
    for text, match in (("{", "is not a study file"), (twice, "'a' occurs twice")):
        path.write_text(text)
        with pytest.raises(ValueError, match=match):
            read_study(path)
