"""Covariates as numbers: fitted on training cases, stored as JSON, with missing and new values."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from medmonai.data import (
    MemberEncoders,
    covariate_layout,
    fit_covariates,
    lesion_phantom,
    read_covariates,
)


def cohort(**columns):
    n = len(next(iter(columns.values())))
    return dataclasses.replace(
        lesion_phantom(split="train", spatial_size=(8, 8), num_cases=n),
        metadata={name: np.array(values) for name, values in columns.items()},
    )


TRAIN = {"age": ["40", "NA", "60", "80"], "sex": ["f", "M ", "F", ""]}


def test_numbers_are_scaled_by_the_training_cases_and_missing_ones_are_said():
    encoder = fit_covariates(cohort(**TRAIN), ["age"])
    sd = np.std([40, 60, 80])
    expected = [[20 / sd, 0], [0, 1], [0, 0], [40 / sd, 0], [0.5 / sd, 0]]
    found = encoder.encode({"age": ["80", "", " 60 ", "100", "60,5"]})
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32 and encoder.num_values == 2


def test_categories_of_the_training_cases_have_a_place_and_all_else_the_last():
    encoder = fit_covariates(cohort(**TRAIN), ["sex"])
    found = encoder.encode({"sex": ["F", " m", "", "x", "none"]})
    assert found.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]]


def test_stated_categories_fix_the_width_but_those_without_a_training_case_are_not_seen():
    layout = covariate_layout({"sex": ["f", "m", "x"], "age": ["1", "2", ""]}, ["age", "sex"])
    assert layout[1]["categories"] == ["f", "m", "x"]
    encoder = fit_covariates(cohort(**TRAIN), layout)
    assert encoder.num_values == 2 + 4
    assert encoder.encode({"age": ["60"], "sex": ["x"]}).tolist() == [[0, 0, 0, 0, 0, 1]]


def test_numbers_can_be_categories_and_equal_ones_are_one():
    column = {"name": "site", "kind": "category", "categories": ["1", "2"]}
    encoder = fit_covariates(cohort(site=["1", "2.0", "1.0", "2"]), [column])
    assert encoder.columns[0].counts == (2, 2)
    assert encoder.encode({"site": ["1.0", "02", "3"]}).tolist() == [
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
    ]


def test_a_constant_or_empty_training_column_divides_by_one():
    encoder = fit_covariates(
        cohort(a=["5", "5"], b=["", ""]), ["a", {"name": "b", "kind": "number"}]
    )
    found = encoder.encode({"a": ["6", "5"], "b": ["3", ""]})
    assert found.tolist() == [[1, 0, 3, 0], [0, 0, 0, 1]]


def test_it_is_stored_as_json_and_read_back(tmp_path):
    encoder = fit_covariates(cohort(**TRAIN), ["age", "sex"])
    encoder.write(tmp_path / "covariates.json")
    assert read_covariates(tmp_path / "covariates.json") == encoder
    stored = json.loads((tmp_path / "covariates.json").read_text())
    assert stored["columns"][1]["categories"] == ["F", "M"]
    both = MemberEncoders(
        (encoder, fit_covariates(cohort(age=["1", "3"], sex=["M", "f"]), encoder.layout()))
    )
    both.write(tmp_path / "both.json")
    assert read_covariates(tmp_path / "both.json") == both
    found = both.encode({"age": ["60"], "sex": ["f"]})
    assert found.shape == (1, 2, 5)
    assert found[0, 0].tolist() == [0, 0, 1, 0, 0] and found[0, 1].tolist() == [58, 0, 1, 0, 0]


def test_what_is_unlike_the_training_is_said():
    encoder = fit_covariates(
        cohort(age=["40", "60", "80"], sex=["f", "m", "f"], site=["A", "", "B"]),
        ["age", "sex", "site"],
    )
    assert encoder.remarks({"age": "85", "sex": "M", "site": ""}) == []
    assert encoder.remarks({"age": "120", "sex": "d", "site": "C"}) == [
        "age 120, in training 40 to 80",
        "sex 'd', in training never",
        "site 'C', in training never",
    ]
    assert encoder.remarks({"age": "old", "sex": "", "site": "A"}) == [
        "age 'old' is not a number and counts as missing",
        "sex is missing, in training never",
    ]
    other = fit_covariates(
        cohort(age=["70", "75"], sex=["f", "m"], site=["A", ""]), encoder.layout()
    )
    both = MemberEncoders((encoder, other))
    assert both.remarks({"age": "50", "sex": "f", "site": "B"}) == [
        "age 50, in training 70 to 75",
        "site 'B', in training never",
    ]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ([], "covariates=\\[\\]; a list of columns is needed"),
        ("age", "a list of columns is needed"),
        (["height"], "no column 'height' is known"),
        ([{"name": "sex", "kind": "category"}], "'category' with 'categories'"),
        ([{"name": "sex", "kind": "word"}], "'kind' is 'number'"),
    ],
)
def test_wrong_columns_are_refused(columns, said):
    with pytest.raises(ValueError, match=said):
        fit_covariates(cohort(**TRAIN), columns)


def test_members_with_other_categories_are_refused_and_so_are_missing_and_damaged_files(tmp_path):
    first, second = (fit_covariates(cohort(sex=[a, b]), ["sex"]) for a, b in ("fm", "fx"))
    with pytest.raises(ValueError, match="other covariates or categories"):
        MemberEncoders((first, second))
    with pytest.raises(FileNotFoundError, match="written beside the weights"):
        read_covariates(tmp_path / "covariates.json")
    for text in ('{"columns": [{"name": "a", "kind": "number"}]}', "{", '{"x": 1}'):
        (tmp_path / "covariates.json").write_text(text)
        with pytest.raises(ValueError, match=r"covariates\.json"):
            read_covariates(tmp_path / "covariates.json")
